//! Patterns over JSON, as event buses and topics filter by them: an object of the fields' names, with lists of what may stand there.
//!
//! A field matches when one of its list's entries does, a list in the event when one of its elements does, the whole when all
//! fields do. Knows nothing of services.

use serde_json::{Map, Value};

/// Nested objects and alternatives of one pattern at the most.
const PARTS_MAX: usize = 10_000;

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Is(Value),
    Prefix(String, bool),
    Suffix(String, bool),
    IgnoreCase(String),
    Wildcard(String),
    /// Bounds: the comparison and the number.
    Numeric(Vec<(Order, f64)>),
    Exists(bool),
    AnythingBut(Vec<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// The field's value passes one of these.
    Leaf(Vec<Test>),
    /// All fields match; and of each list of alternatives, one.
    Object(Vec<(String, Self)>, Vec<Vec<Self>>),
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Part);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn parse(pattern: &Value) -> Result<Self, String> {
        let Value::Object(map) = pattern else {
            return Err("a pattern is an object of fields".to_owned());
        };
        let mut left = PARTS_MAX;
        Ok(Self(object(map, "", &mut left)?))
    }
    /// True when `value` matches.
    #[must_use]
    pub fn matches(&self, value: &Value) -> bool {
        self.0.matches(Some(value))
    }
}

fn object(map: &Map<String, Value>, path: &str, left: &mut usize) -> Result<Part, String> {
    let (mut fields, mut either) = (Vec::new(), Vec::new());
    for (name, value) in map {
        *left = left
            .checked_sub(1)
            .ok_or("the pattern has too many parts")?;
        let at = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match value {
            Value::Array(all) if name == "$or" => {
                let parts = all.iter().map(|one| match one {
                    Value::Object(map) => object(map, path, left),
                    _ => Err(format!("`{at}` is a list of objects")),
                });
                either.push(parts.collect::<Result<_, _>>()?);
            }
            Value::Object(map) => fields.push((name.clone(), object(map, &at, left)?)),
            Value::Array(all) if !all.is_empty() => {
                *left = left
                    .checked_sub(all.len())
                    .ok_or("the pattern has too many parts")?;
                let tests = all.iter().map(|v| test(v, &at));
                fields.push((name.clone(), Part::Leaf(tests.collect::<Result<_, _>>()?)));
            }
            _ => {
                return Err(format!(
                    "`{at}` is no list: write [\"value\"], even for one value"
                ));
            }
        }
    }
    Ok(Part::Object(fields, either))
}

fn test(value: &Value, at: &str) -> Result<Test, String> {
    let Value::Object(map) = value else {
        if value.is_array() {
            return Err(format!("`{at}` has a list in its list"));
        }
        return Ok(Test::Is(value.clone()));
    };
    let mut entries = map.iter();
    let (Some((name, what)), None) = (entries.next(), entries.next()) else {
        return Err(format!(
            "`{at}`: a filter has one name, for example {{\"prefix\": \"a\"}}"
        ));
    };
    let text = || {
        what.as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("`{at}`: `{name}` takes a text"))
    };
    // A text, or one whose case does not matter.
    let cased = || match what {
        Value::Object(inner) => inner
            .get("equals-ignore-case")
            .and_then(Value::as_str)
            .map(|t| (t.to_lowercase(), true))
            .ok_or_else(|| format!("`{at}`: `{name}` takes a text")),
        _ => text().map(|t| (t, false)),
    };
    Ok(match name.as_str() {
        "prefix" => cased().map(|(t, c)| Test::Prefix(t, c))?,
        "suffix" => cased().map(|(t, c)| Test::Suffix(t, c))?,
        "equals-ignore-case" => Test::IgnoreCase(text()?.to_lowercase()),
        "wildcard" => Test::Wildcard(text()?),
        "exists" => Test::Exists(
            what.as_bool()
                .ok_or_else(|| format!("`{at}`: `exists` is true or false"))?,
        ),
        "numeric" => Test::Numeric(bounds(what, at)?),
        "anything-but" => {
            let one = |v: &Value| match v {
                Value::Array(_) => Err(format!("`{at}`: a list in a list")),
                v => test(v, at),
            };
            Test::AnythingBut(match what {
                Value::Array(all) => all.iter().map(one).collect::<Result<_, _>>()?,
                Value::Object(inner) => {
                    // {"prefix": ["a", "b"]} are several prefixes.
                    let mut tests = Vec::new();
                    for (name, value) in inner {
                        let all = match value {
                            Value::Array(all) => all.clone(),
                            one => vec![one.clone()],
                        };
                        for value in all {
                            let single = [(name.clone(), value)].into_iter().collect();
                            tests.push(test(&Value::Object(single), at)?);
                        }
                    }
                    tests
                }
                v => vec![one(v)?],
            })
        }
        _ => {
            return Err(format!(
                "`{at}`: there is no filter `{name}` (prefix, suffix, anything-but, numeric, exists, equals-ignore-case, wildcard)"
            ));
        }
    })
}

fn bounds(what: &Value, at: &str) -> Result<Vec<(Order, f64)>, String> {
    let wrong = || {
        format!(
            "`{at}`: `numeric` takes comparisons and numbers, for example [\">\", 0, \"<=\", 5]"
        )
    };
    let all = what
        .as_array()
        .filter(|a| !a.is_empty() && a.len().is_multiple_of(2));
    let pairs = all.ok_or_else(wrong)?.chunks(2);
    let bound = |pair: &[Value]| {
        let order = match pair[0].as_str()? {
            "<" => Order::Less,
            "<=" => Order::LessOrEqual,
            "=" => Order::Equal,
            ">=" => Order::GreaterOrEqual,
            ">" => Order::Greater,
            _ => return None,
        };
        Some((order, pair[1].as_f64()?))
    };
    pairs.map(|pair| bound(pair).ok_or_else(wrong)).collect()
}

impl Part {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Object(fields, either) => {
                let own = |name: &str| value.and_then(|v| v.get(name));
                let all = |part: &Self| part.matches(value);
                fields.iter().all(|(name, part)| part.matches(own(name)))
                    && either.iter().all(|parts| parts.iter().any(all))
            }
            Self::Leaf(tests) => tests.iter().any(|test| test.passes(value)),
        }
    }
}

impl Test {
    fn passes(&self, value: Option<&Value>) -> bool {
        if let Self::Exists(wanted) = self {
            // Only a leaf exists, not an object.
            return *wanted == value.is_some_and(|v| !v.is_object());
        }
        match (self, value) {
            (_, None) => false,
            (Self::AnythingBut(tests), Some(Value::Array(all))) => {
                all.iter().any(|v| !tests.iter().any(|t| t.of(v)))
            }
            (_, Some(Value::Array(all))) => all.iter().any(|v| self.of(v)),
            (_, Some(value)) => self.of(value),
        }
    }
    fn of(&self, value: &Value) -> bool {
        let text = value.as_str();
        let cut = |t: &str, lower: bool| {
            if lower {
                t.to_lowercase()
            } else {
                t.to_owned()
            }
        };
        match self {
            Self::Is(wanted) => match (wanted.as_f64(), value.as_f64()) {
                #[expect(clippy::float_cmp, reason = "the same number, however it is written")]
                (Some(a), Some(b)) => a == b,
                _ => wanted == value,
            },
            Self::Prefix(start, lower) => text.is_some_and(|t| cut(t, *lower).starts_with(start)),
            Self::Suffix(end, lower) => text.is_some_and(|t| cut(t, *lower).ends_with(end)),
            Self::IgnoreCase(wanted) => text.is_some_and(|t| t.to_lowercase() == *wanted),
            Self::Wildcard(pattern) => {
                text.is_some_and(|t| wildcard(pattern.as_bytes(), t.as_bytes()))
            }
            Self::Numeric(bounds) => value.as_f64().is_some_and(|n| {
                bounds.iter().all(|(order, bound)| match order {
                    Order::Less => n < *bound,
                    Order::LessOrEqual => n <= *bound,
                    #[expect(clippy::float_cmp, reason = "equal is what was asked for")]
                    Order::Equal => n == *bound,
                    Order::GreaterOrEqual => n >= *bound,
                    Order::Greater => n > *bound,
                })
            }),
            Self::Exists(wanted) => *wanted,
            Self::AnythingBut(tests) => !tests.iter().any(|t| t.of(value)),
        }
    }
}

/// `*` stands for any text.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            (p, t) = (at + 1, from + 1);
            star = Some((at, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use serde_json::{Value, json};

    fn check(pattern: &Value, value: &Value) -> bool {
        Pattern::parse(pattern).unwrap().matches(value)
    }

    #[test]
    fn patterns_match_as_documented() {
        let event = json!({
            "source": "aws.s3", "detail-type": "Object Created", "n": 5, "f": 1.5, "flag": true, "none": null,
            "list": ["a", "b"], "detail": {"bucket": {"name": "file-gateway-bucket"}, "object": {"key": "in/a.CSV", "size": 1048577}},
        });
        for (pattern, expected) in [
            (json!({}), true),
            (json!({"source": ["aws.s3"]}), true),
            (json!({"source": ["aws.ec2", "aws.s3"]}), true),
            (json!({"source": ["aws.ec2"]}), false),
            (
                json!({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": ["file-gateway-bucket"]}}}),
                true,
            ),
            (json!({"detail": {"bucket": {"name": ["other"]}}}), false),
            (json!({"missing": ["a"]}), false),
            (json!({"n": [5]}), true),
            (json!({"n": [5.0]}), true),
            (json!({"n": ["5"]}), false),
            (json!({"flag": [true]}), true),
            (json!({"none": [null]}), true),
            (json!({"list": ["b"]}), true),
            (json!({"list": ["c"]}), false),
            (json!({"source": [{"prefix": "aws."}]}), true),
            (
                json!({"source": [{"prefix": {"equals-ignore-case": "AWS."}}]}),
                true,
            ),
            (
                json!({"detail": {"object": {"key": [{"suffix": ".csv"}]}}}),
                false,
            ),
            (
                json!({"detail": {"object": {"key": [{"suffix": {"equals-ignore-case": ".csv"}}]}}}),
                true,
            ),
            (json!({"source": [{"equals-ignore-case": "AWS.S3"}]}), true),
            (json!({"source": [{"anything-but": "aws.s3"}]}), false),
            (
                json!({"source": [{"anything-but": ["aws.ec2", "aws.sns"]}]}),
                true,
            ),
            (
                json!({"source": [{"anything-but": {"prefix": "aws"}}]}),
                false,
            ),
            (
                json!({"source": [{"anything-but": {"suffix": ["x", "y"]}}]}),
                true,
            ),
            (json!({"missing": [{"anything-but": "a"}]}), false),
            (
                json!({"detail": {"object": {"size": [{"numeric": [">", 0, "<=", 1048576]}]}}}),
                false,
            ),
            (
                json!({"detail": {"object": {"size": [{"numeric": [">", 1048576]}]}}}),
                true,
            ),
            (json!({"f": [{"numeric": ["=", 1.5]}]}), true),
            (json!({"source": [{"numeric": ["=", 1]}]}), false),
            (json!({"n": [{"exists": true}]}), true),
            (json!({"missing": [{"exists": false}]}), true),
            (json!({"n": [{"exists": false}]}), false),
            (json!({"source": [{"wildcard": "a*s3"}]}), true),
            (json!({"source": [{"wildcard": "*ec2"}]}), false),
            (json!({"$or": [{"n": [6]}, {"f": [1.5]}]}), true),
            (json!({"$or": [{"n": [6]}, {"f": [2]}]}), false),
            (
                json!({"source": ["aws.s3"], "$or": [{"n": [6]}, {"flag": [false]}]}),
                false,
            ),
        ] {
            assert_eq!(check(&pattern, &event), expected, "{pattern}");
        }
    }

    #[test]
    fn wrong_patterns_are_named() {
        for (pattern, said) in [
            (json!([]), "object of fields"),
            (json!({"source": "aws.s3"}), "`source` is no list"),
            (json!({"a": {"b": 1}}), "`a.b` is no list"),
            (json!({"a": []}), "`a` is no list"),
            (json!({"a": [[1]]}), "list in its list"),
            (json!({"a": [{"prefixed": "x"}]}), "no filter `prefixed`"),
            (json!({"a": [{"numeric": [">"]}]}), "`numeric` takes"),
            (json!({"a": [{"numeric": ["!", 3]}]}), "`numeric` takes"),
            (json!({"a": [{"exists": 1}]}), "true or false"),
            (json!({"a": [{"prefix": 1}]}), "takes a text"),
            (json!({"a": [{"prefix": "a", "suffix": "b"}]}), "one name"),
            (json!({"$or": [1]}), "list of objects"),
        ] {
            let wrong = Pattern::parse(&pattern).unwrap_err();
            assert!(wrong.contains(said), "{pattern}: {wrong}");
        }
    }
}
