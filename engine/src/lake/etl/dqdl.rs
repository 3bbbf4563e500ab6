//! Rules as people write them: the text of DQDL into checks.

use super::rules::{Check, Condition, Kind, Operand, Rule, Ruleset};

const KINDS: [(&str, Kind); 18] = [
    ("RowCount", Kind::RowCount),
    ("ColumnCount", Kind::ColumnCount),
    ("ColumnExists", Kind::ColumnExists),
    ("ColumnDataType", Kind::ColumnDataType),
    ("IsComplete", Kind::IsComplete),
    ("Completeness", Kind::Completeness),
    ("IsUnique", Kind::IsUnique),
    ("Uniqueness", Kind::Uniqueness),
    ("UniqueValueRatio", Kind::UniqueValueRatio),
    ("IsPrimaryKey", Kind::IsPrimaryKey),
    ("DistinctValuesCount", Kind::DistinctValuesCount),
    ("ColumnValues", Kind::ColumnValues),
    ("ColumnLength", Kind::ColumnLength),
    ("Mean", Kind::Mean),
    ("Sum", Kind::Sum),
    ("StandardDeviation", Kind::StandardDeviation),
    ("DataFreshness", Kind::DataFreshness),
    ("CustomSql", Kind::CustomSql),
];
/// Rules of one set at the most.
const RULES_MAX: usize = 2_000;

impl Ruleset {
    /// Reads `Rules = [ … ]`.
    ///
    /// # Errors
    /// One sentence on what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut reader = Reader {
            tokens: &tokens,
            at: 0,
        };
        if reader.word("Rules").is_err() {
            return Err("a ruleset begins with `Rules = [`".to_owned());
        }
        reader.mark("=")?;
        reader.mark("[")?;
        let mut rules = Vec::new();
        while !reader.is("]") {
            rules.push(reader.rule(text)?);
            if rules.len() > RULES_MAX {
                return Err("there are more than 2,000 rules".to_owned());
            }
            if !reader.is("]") {
                reader.mark(",")?;
            }
        }
        reader.mark("]")?;
        if reader.at < tokens.len() {
            return Err(
                "something stands after the last `]`; only rules are read here, no analyzers"
                    .to_owned(),
            );
        }
        if rules.is_empty() {
            return Err("there is no rule; for example `Rules = [ RowCount > 0 ]`".to_owned());
        }
        Ok(Self { rules })
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Mark(&'static str),
}

/// A token and where it stands: first byte and the one after it.
type Placed = (Token, usize, usize);

fn tokens(text: &str) -> Result<Vec<Placed>, String> {
    const MARKS: [&str; 12] = [
        "!=", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ",", "-",
    ];
    let mut all = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let Some(c) = rest.chars().next() else {
            return Ok(all);
        };
        let (token, after) = if let Some(inner) = rest.strip_prefix('"') {
            let (inside, after) = inner.split_once('"').ok_or_else(|| {
                format!("a text that begins at character {at} has no closing quote")
            })?;
            (Token::Text(inside.to_owned()), after)
        } else if let Some(comment) = rest.strip_prefix('#') {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        } else if c.is_alphanumeric() || c == '.' || c == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            (Token::Word(word.to_owned()), after)
        } else {
            let mark = MARKS.iter().find(|m| rest.starts_with(**m));
            let mark = mark.ok_or_else(|| format!("`{c}` at character {at} belongs to no rule"))?;
            (
                Token::Mark(mark),
                rest.strip_prefix(mark).unwrap_or_default(),
            )
        };
        rest = after;
        all.push((token, at, text.len() - after.len()));
    }
}

struct Reader<'a> {
    tokens: &'a [Placed],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(t, _, _)| t)
    }
    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(m)) if *m == mark)
    }
    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(w)) if w == word)
    }
    fn place(&self) -> String {
        self.tokens.get(self.at).map_or_else(
            || "at the end".to_owned(),
            |(_, at, _)| format!("at character {at}"),
        )
    }
    fn mark(&mut self, mark: &str) -> Result<(), String> {
        if self.is(mark) {
            self.at += 1;
            return Ok(());
        }
        Err(format!("`{mark}` is missing {}", self.place()))
    }
    fn word(&mut self, word: &str) -> Result<(), String> {
        if self.is_word(word) {
            self.at += 1;
            return Ok(());
        }
        Err(format!("`{word}` is missing {}", self.place()))
    }
    fn rule(&mut self, text: &str) -> Result<Rule, String> {
        let begin = self.tokens.get(self.at).map_or(0, |t| t.1);
        let mut parts = Vec::new();
        let mut any = None;
        if self.is("(") {
            loop {
                self.mark("(")?;
                parts.push(self.check()?);
                self.mark(")")?;
                let (and, or) = (self.is_word("and"), self.is_word("or"));
                if !(and || or) {
                    break;
                }
                if *any.get_or_insert(or) != or {
                    return Err(format!(
                        "`and` and `or` are mixed {}; make two rules",
                        self.place()
                    ));
                }
                self.at += 1;
            }
        } else {
            parts.push(self.check()?);
        }
        let end = self
            .tokens
            .get(self.at.saturating_sub(1))
            .map_or(0, |t| t.2);
        Ok(Rule {
            text: text.get(begin..end).unwrap_or_default().to_owned(),
            parts,
            any: any.unwrap_or(false),
        })
    }
    fn check(&mut self) -> Result<Check, String> {
        let place = self.place();
        let Some(Token::Word(name)) = self.peek().cloned() else {
            return Err(format!("a rule is missing {place}"));
        };
        self.at += 1;
        let kind = KINDS.iter().find(|(n, _)| *n == name).map(|(_, k)| *k);
        let kind = kind.ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|(n, _)| *n).collect();
            format!(
                "`{name}` {place} is no rule that is evaluated here; there is {}",
                names.join(", ")
            )
        })?;
        let mut names = Vec::new();
        while let Some(Token::Text(text)) = self.peek().cloned() {
            names.push(text);
            self.at += 1;
        }
        let condition = self.condition()?;
        let threshold = if self.is_word("with") {
            self.at += 1;
            self.word("threshold")?;
            Some(self.condition()?)
        } else {
            None
        };
        let bare = matches!(kind, Kind::RowCount | Kind::ColumnCount);
        if names.is_empty() != bare {
            let what = if bare {
                "takes no column"
            } else {
                "needs a column in quotes"
            };
            return Err(format!("`{name}` {place} {what}"));
        }
        let alone = matches!(
            kind,
            Kind::ColumnExists | Kind::IsComplete | Kind::IsUnique | Kind::IsPrimaryKey
        );
        if (condition == Condition::None) != alone {
            let what = if alone {
                "takes no condition"
            } else {
                "needs a condition such as `> 0`"
            };
            return Err(format!("`{name}` {place} {what}"));
        }
        Ok(Check {
            kind,
            names,
            condition,
            threshold,
        })
    }
    fn condition(&mut self) -> Result<Condition, String> {
        for (mark, op) in [
            ("!=", "<>"),
            ("<=", "<="),
            (">=", ">="),
            ("=", "="),
            ("<", "<"),
            (">", ">"),
        ] {
            if self.is(mark) {
                self.at += 1;
                return Ok(Condition::Compare(op, self.operand()?));
            }
        }
        let negated = self.is_word("not");
        if negated {
            self.at += 1;
        }
        if self.is_word("between") {
            self.at += 1;
            let from = self.operand()?;
            self.word("and")?;
            return Ok(Condition::Between(from, self.operand()?, negated));
        }
        if self.is_word("in") {
            self.at += 1;
            self.mark("[")?;
            let mut all = vec![self.operand()?];
            while self.is(",") {
                self.at += 1;
                all.push(self.operand()?);
            }
            self.mark("]")?;
            return Ok(Condition::In(all, negated));
        }
        if self.is_word("matches") {
            self.at += 1;
            let Some(Token::Text(pattern)) = self.peek().cloned() else {
                return Err(format!(
                    "`matches` needs a pattern in quotes {}",
                    self.place()
                ));
            };
            self.at += 1;
            return Ok(Condition::Matches(pattern, negated));
        }
        if negated {
            return Err(format!(
                "`not` is followed by nothing that it negates {}",
                self.place()
            ));
        }
        Ok(Condition::None)
    }
    fn operand(&mut self) -> Result<Operand, String> {
        let minus = self.is("-");
        if minus {
            self.at += 1;
        }
        let place = self.place();
        let token = self.peek().cloned();
        self.at += 1;
        match token {
            Some(Token::Text(text)) if !minus => Ok(Operand::Text(text)),
            Some(Token::Word(word)) => {
                let number = word.parse::<f64>().ok();
                let number = number.ok_or_else(|| {
                    format!("`{word}` {place} is no number; texts stand in quotes")
                })?;
                let scale = match self.peek() {
                    Some(Token::Word(unit)) if matches!(unit.as_str(), "hours" | "hour") => {
                        Some(1.0)
                    }
                    Some(Token::Word(unit)) if matches!(unit.as_str(), "days" | "day") => {
                        Some(24.0)
                    }
                    Some(Token::Word(unit)) if matches!(unit.as_str(), "minutes" | "minute") => {
                        Some(1.0 / 60.0)
                    }
                    _ => None,
                };
                if scale.is_some() {
                    self.at += 1;
                }
                let number = if minus { -number } else { number };
                Ok(Operand::Number(number * scale.unwrap_or(1.0)))
            }
            _ => Err(format!("a value is missing {place}")),
        }
    }
}
