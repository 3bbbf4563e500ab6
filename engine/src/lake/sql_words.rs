//! What the SQL library says of a statement, in sentences that name the mend. Its own texts name types of memory (`Utf8`) and
//! leave the reader alone with them. What is not recognised here stays as the library said it.

use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;

/// The library's `text` as a sentence; `nearest` gives the function whose name is nearest to one that does not exist.
pub(super) fn plain(text: &str, nearest: impl Fn(&str) -> Option<String>) -> Option<String> {
    syntax(text)
        .or_else(|| function(text, nearest))
        .or_else(|| types(text))
        .or_else(|| grouping(text))
        .or_else(|| places(text))
        .or_else(|| names(text))
        .or_else(|| {
            let known = FIXED.iter().find(|(begins, _)| text.starts_with(begins));
            known.map(|(_, plain)| (*plain).to_owned())
        })
}

/// Texts without a value in them.
const FIXED: [(&str, &str); 16] = [
    (
        "LIMIT must be >= 0",
        "LIMIT cannot be less than 0; write 0 or more",
    ),
    (
        "Aggregate function calls cannot contain window function calls",
        "a window function cannot stand in an aggregate; compute it in a subquery first",
    ),
    (
        "Aggregate function calls cannot be nested",
        "an aggregate cannot stand in another; compute the inner one in a subquery first",
    ),
    (
        "Expected close delimiter",
        "a quoted name has no closing quote; end it with the sign that it begins with",
    ),
    (
        "Too many columns! The subquery should only return one column",
        "the subquery gives several columns where one value is needed; select one of them",
    ),
    (
        "HAVING clause references",
        "the condition of HAVING is neither grouped nor aggregated; write it in WHERE, or take an aggregate of it",
    ),
    (
        "regex parse error",
        "the regular expression cannot be read; close its brackets, or escape a sign that stands for itself",
    ),
    (
        "unnest() can only be applied to array",
        "UNNEST takes an array; make one of a text with split(text, ',')",
    ),
    (
        "Divide by zero",
        "a value is divided by zero; write NULLIF(divisor, 0) for the divisor",
    ),
    (
        "Unterminated string literal",
        "a text has no closing quote; end it with '",
    ),
    (
        "Aggregate functions are not allowed in the WHERE clause",
        "an aggregate cannot stand in WHERE; write the condition in HAVING, after GROUP BY",
    ),
    (
        "UNION queries have different number of columns",
        "the queries of the UNION have different numbers of columns; give each as many",
    ),
    (
        "The context currently only supports a single SQL statement",
        "there is more than one statement; run one at a time",
    ),
    (
        "Scalar subquery returned more than one row",
        "the subquery gives more than one row where one value is needed; write an aggregate or LIMIT 1 in it",
    ),
    (
        "Expected LIMIT to be an integer",
        "LIMIT takes a whole number",
    ),
    (
        "Sql query is empty",
        "there is no statement; write for example SELECT * FROM a_table LIMIT 10",
    ),
];

/// `Expected: an expression, found: FROM`.
fn syntax(text: &str) -> Option<String> {
    let (wanted, found) = text.strip_prefix("Expected: ")?.split_once(", found: ")?;
    let is_sign = wanted.chars().all(|c| c.is_ascii_punctuation());
    let is_word = ALL_KEYWORDS.contains(&wanted);
    let wanted = if is_sign || is_word {
        format!("`{wanted}`")
    } else {
        wanted.to_owned()
    };
    Some(match found {
        "EOF" => format!("the statement ends too early; expected: {wanted}"),
        found => format!("the statement cannot be read at `{found}`; expected: {wanted}"),
    })
}

/// Functions that are not there, or are called with what they do not take.
fn function(text: &str, nearest: impl Fn(&str) -> Option<String>) -> Option<String> {
    if let Some(rest) = text.strip_prefix("Invalid function '") {
        let (name, _) = rest.split_once('\'')?;
        return Some(match nearest(name) {
            // It is there, and may not be called so.
            Some(known) if known == name.to_lowercase() => {
                format!("`{name}` needs a window; write OVER (ORDER BY …) after it")
            }
            Some(known) => format!("there is no function `{name}`; did you mean `{known}`?"),
            None => format!("there is no function `{name}`; write one of Athena's functions"),
        });
    }
    let (_, rest) = text.split_once("Function '")?;
    let (name, why) = rest.split_once('\'')?;
    if !why.contains("failed to match any signature") {
        return None;
    }
    if let Some((_, given)) = why.split_once("but received ") {
        let given: String = given
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        if given.parse::<u32>().is_ok() {
            return Some(format!(
                "`{name}` does not take {given} arguments; look its arguments up in Athena's manual"
            ));
        }
        if let Some((_, from)) = why.split_once("(DataType: ") {
            let of: String = from.chars().take_while(|c| *c != ')').collect();
            return Some(format!(
                "`{name}` takes no {}; CAST the argument to a type that it takes",
                athena_type(&of)
            ));
        }
    }
    None
}

/// Types that do not go together.
fn types(text: &str) -> Option<String> {
    if let Some(rest) =
        text.strip_prefix("Cannot infer common argument type for comparison operation ")
    {
        let (left, sign, right) = operands(rest)?;
        return Some(format!(
            "{left} and {right} cannot be compared with `{sign}`; CAST one of them to the other's type"
        ));
    }
    if let Some(rest) = text.strip_prefix("Cannot coerce arithmetic expression ") {
        let (left, sign, right) = operands(rest.strip_suffix(" to valid types")?)?;
        return Some(format!(
            "`{sign}` cannot compute with {left} and {right}; CAST the text or the time to a number first"
        ));
    }
    if let Some((_, of)) = text
        .strip_prefix("Cannot create filter with non-boolean predicate ")
        .and_then(|rest| rest.rsplit_once(" returning "))
        .or_else(|| {
            text.strip_prefix("Unary operator 'NOT' requires a boolean expression")
                .and_then(|rest| rest.split_once(", got "))
        })
    {
        return Some(format!(
            "a condition must be true or false, and this one is {}; compare it with a value",
            athena_type(of)
        ));
    }
    if let Some((left, right)) = text
        .strip_prefix("There isn't a common type to coerce ")
        .and_then(|rest| rest.strip_suffix(" in LIKE expression"))
        .and_then(|rest| rest.split_once(" and "))
    {
        let other = [left, right].map(athena_type);
        let other = other.iter().find(|t| *t != "VARCHAR")?;
        return Some(format!(
            "LIKE compares texts, and one side is {other}; CAST it to VARCHAR"
        ));
    }
    if let Some((left, right)) = text
        .strip_prefix("Can not find compatible types to compare ")
        .and_then(|rest| rest.strip_suffix(']')?.split_once(" with ["))
    {
        let of: Vec<String> = right.split(", ").map(athena_type).collect();
        let (left, of) = (athena_type(left), of.join(", "));
        return Some(format!(
            "IN compares {left} with {of}; write values of one type"
        ));
    }
    let (value, to) = no_value(text)?;
    Some(format!(
        "`{value}` is no {to}; correct the value, or write TRY_CAST to get null where there is none"
    ))
}

/// A text that is no value of a type: the text, and the type.
fn no_value(text: &str) -> Option<(&str, String)> {
    if let Some((_, rest)) = text.split_once("Cannot cast string '") {
        let (value, to) = rest.split_once("' to value of ")?;
        return Some((value, athena_type(to.strip_suffix(" type")?)));
    }
    if let Some((_, rest)) = text.split_once("Error parsing timestamp from '") {
        return Some((rest.split_once('\'')?.0, "TIMESTAMP".to_owned()));
    }
    let (_, rest) = text.split_once("Invalid input syntax for type interval: \"")?;
    Some((rest.split_once('"')?.0, "INTERVAL".to_owned()))
}

/// Columns that are meant by their number.
fn places(text: &str) -> Option<String> {
    let (asked, most) =
        if let Some(rest) = text.strip_prefix("Order by column out of bounds, specified: ") {
            rest.split_once(", max: ")?
        } else {
            let rest = text.strip_prefix("Cannot find column with position ")?;
            rest.split_once(" in SELECT clause. Valid columns: 1 to ")?
        };
    Some(format!(
        "column {asked} of the result is asked for, and it has {most}; write its name or a number up to {most}"
    ))
}

/// Names that are there twice, and types that are not there.
fn names(text: &str) -> Option<String> {
    if let Some(name) = text.strip_prefix("Unsupported SQL type ") {
        return Some(format!(
            "there is no type `{name}`; write for example VARCHAR, BIGINT, DOUBLE, DATE or TIMESTAMP"
        ));
    }
    if let Some(field) = text.strip_prefix("Schema contains duplicate qualified field name ") {
        let (table, _) = field.rsplit_once('.')?;
        return Some(format!(
            "two tables of the statement are called `{table}`; give one another name with AS"
        ));
    }
    let rest =
        text.strip_prefix("Projections require unique expression names but the expression \"")?;
    let (first, _) = rest.split_once("\" at position ")?;
    let name = first.rsplit_once(" AS ").map_or(first, |(_, name)| name);
    Some(format!(
        "two columns of the result are called `{name}`; give one another name with AS"
    ))
}

/// `Float64 > Boolean` in Athena's types.
fn operands(text: &str) -> Option<(String, &str, String)> {
    let parts: Vec<&str> = text.split(' ').collect();
    // A type may have spaces in it, the sign has letters or punctuation only and stands between two types.
    let at = parts.iter().position(|p| {
        p.chars().all(|c| c.is_ascii_punctuation()) || ["AND", "OR", "LIKE", "IS"].contains(p)
    })?;
    let (left, right) = (parts.get(..at)?.join(" "), parts.get(at + 1..)?.join(" "));
    Some((athena_type(&left), parts.get(at)?, athena_type(&right)))
}

/// `column "t.a" must appear in the GROUP BY clause …`.
fn grouping(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("column \"")?;
    let (column, why) = rest.split_once('"')?;
    why.contains("must appear in the GROUP BY clause").then(|| {
        format!("`{column}` is neither grouped nor aggregated; add it to GROUP BY, or take an aggregate of it")
    })
}

/// A type of memory as Athena calls it.
fn athena_type(arrow: &str) -> String {
    let arrow = arrow.trim();
    let simple = match arrow {
        "Utf8" | "LargeUtf8" | "Utf8View" => "VARCHAR",
        "Int8" => "TINYINT",
        "Int16" => "SMALLINT",
        "Int32" => "INTEGER",
        "Int64" | "UInt64" | "UInt32" => "BIGINT",
        "Float32" => "REAL",
        "Float64" => "DOUBLE",
        "Boolean" => "BOOLEAN",
        "Date32" | "Date64" => "DATE",
        "Binary" | "LargeBinary" | "BinaryView" => "VARBINARY",
        _ => "",
    };
    if !simple.is_empty() {
        return simple.to_owned();
    }
    let families = [
        ("Timestamp", "TIMESTAMP"),
        ("Decimal", "DECIMAL"),
        ("List", "ARRAY"),
        ("LargeList", "ARRAY"),
        ("Struct", "ROW"),
        ("Map", "MAP"),
        ("Interval", "INTERVAL"),
        ("Time", "TIME"),
    ];
    let family = families.iter().find(|(name, _)| arrow.starts_with(name));
    family.map_or_else(|| arrow.to_owned(), |(_, name)| (*name).to_owned())
}

/// Drops the words with which the library labels its errors.
pub(super) fn strip_label(text: &str) -> &str {
    let labels = [
        "SQL error: ",
        "sql parser error: ",
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "This feature is not implemented: ",
        "External error: ",
        "Arrow error: ",
        "Optimizer rule ",
    ];
    let mut rest = text;
    while let Some(next) = labels.iter().find_map(|l| rest.strip_prefix(l)) {
        rest = next;
    }
    rest
}

/// Takes ` at Line: 1, Column: 8` off a message.
pub(super) fn split_place(text: &str) -> (String, Option<(u32, u32)>) {
    let parsed = text.split_once(" at Line: ").and_then(|(before, after)| {
        let (line, column) = after.split_once(", Column: ")?;
        let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
        Some((before, (line.parse().ok()?, digits.parse().ok()?)))
    });
    match parsed {
        Some((before, place)) => (before.to_owned(), Some(place)),
        None => (text.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of texts")]
    fn texts_of_the_library_become_sentences_with_a_mend() {
        let near = |name: &str| match name {
            "coun" => Some("count".to_owned()),
            "rank" => Some("rank".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            (
                "Expected: an expression, found: EOF",
                "the statement ends too early; expected: an expression",
            ),
            (
                "Expected: ), found: FROM",
                "the statement cannot be read at `FROM`; expected: `)`",
            ),
            (
                "Invalid function 'coun'.",
                "there is no function `coun`; did you mean `count`?",
            ),
            (
                "Invalid function 'x'.",
                "there is no function `x`; write one of Athena's functions",
            ),
            (
                "Internal error: Function 'sum' failed to match any signature, errors: Error during planning: Function 'sum' requires Decimal, but received String (DataType: Utf8).",
                "`sum` takes no VARCHAR; CAST the argument to a type that it takes",
            ),
            (
                "Internal error: Function 'substr' failed to match any signature, errors: Error during planning: Function 'substr' expects 2 arguments but received 4,",
                "`substr` does not take 4 arguments; look its arguments up in Athena's manual",
            ),
            (
                "Cannot coerce arithmetic expression Utf8 + Int64 to valid types",
                "`+` cannot compute with VARCHAR and BIGINT; CAST the text or the time to a number first",
            ),
            (
                "Cannot infer common argument type for comparison operation Timestamp(ns) >= Boolean",
                "TIMESTAMP and BOOLEAN cannot be compared with `>=`; CAST one of them to the other's type",
            ),
            (
                "Cast error: Cannot cast string 'fuel' to value of Int64 type",
                "`fuel` is no BIGINT; correct the value, or write TRY_CAST to get null where there is none",
            ),
            (
                "Cannot create filter with non-boolean predicate 't.category' returning Utf8",
                "a condition must be true or false, and this one is VARCHAR; compare it with a value",
            ),
            (
                "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column \"t.a\" must appear in the GROUP BY clause or must be part of",
                "`t.a` is neither grouped nor aggregated; add it to GROUP BY, or take an aggregate of it",
            ),
            (
                "Invalid function 'rank'.",
                "`rank` needs a window; write OVER (ORDER BY …) after it",
            ),
            (
                "There isn't a common type to coerce Utf8 and Int64 in LIKE expression",
                "LIKE compares texts, and one side is BIGINT; CAST it to VARCHAR",
            ),
            (
                "Can not find compatible types to compare Utf8 with [Int64, Boolean]",
                "IN compares VARCHAR with BIGINT, BOOLEAN; write values of one type",
            ),
            (
                "Parser error: Error parsing timestamp from 'abc': timestamp must contain at least 10 characters",
                "`abc` is no TIMESTAMP; correct the value, or write TRY_CAST to get null where there is none",
            ),
            (
                "Parser error: Invalid input syntax for type interval: \"abc\"",
                "`abc` is no INTERVAL; correct the value, or write TRY_CAST to get null where there is none",
            ),
            (
                "Order by column out of bounds, specified: 5, max: 1",
                "column 5 of the result is asked for, and it has 1; write its name or a number up to 1",
            ),
            (
                "Cannot find column with position 5 in SELECT clause. Valid columns: 1 to 2",
                "column 5 of the result is asked for, and it has 2; write its name or a number up to 2",
            ),
            (
                "Unsupported SQL type foo",
                "there is no type `foo`; write for example VARCHAR, BIGINT, DOUBLE, DATE or TIMESTAMP",
            ),
            (
                "Schema contains duplicate qualified field name a.transaction_id",
                "two tables of the statement are called `a`; give one another name with AS",
            ),
            (
                "Projections require unique expression names but the expression \"t.b AS a\" at position 0 and \"t.c AS a\" at position 1 have the same name.",
                "two columns of the result are called `a`; give one another name with AS",
            ),
            (
                "Divide by zero error",
                "a value is divided by zero; write NULLIF(divisor, 0) for the divisor",
            ),
        ] {
            assert_eq!(plain(text, near).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(plain("something else entirely", near), None);
    }
}
