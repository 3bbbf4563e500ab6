//! Reads a statement's text. Knows the language only: whether a table is there is not asked here.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::statement::{
    CreateTable, CreateTableAs, PartitionSpec, Properties, Show, Statement, StorageText, Value,
};
use super::tokens::Cursor;
use crate::lake::catalog::Column;
use crate::lake::error::SqlProblem;
use crate::lake::glue_types::{arrow_type, glue_type};

/// Reads one statement.
pub(super) fn parse(sql: &str) -> Result<Statement, SqlProblem> {
    let mut at = Cursor::new(sql)?;
    let statement = match at.word(0).as_deref() {
        Some("CREATE") => create(&mut at)?,
        Some("DROP") => drop_one(&mut at)?,
        Some("ALTER") => alter(&mut at)?,
        Some("MSCK") => {
            at.expect(&["MSCK", "REPAIR", "TABLE"])?;
            Statement::Repair(at.table()?)
        }
        Some("SHOW") => Statement::Show(show(&mut at)?),
        Some("DESCRIBE" | "DESC") => {
            at.next();
            if !at.eat(&["EXTENDED"]) {
                at.eat(&["FORMATTED"]);
            }
            Statement::Show(Show::Describe(at.table()?))
        }
        Some("INSERT") => insert(&mut at)?,
        Some("UNLOAD") => unload(&mut at)?,
        Some("PREPARE") => {
            at.next();
            let name = at.ident("the name of the statement")?.to_lowercase();
            at.expect(&["FROM"])?;
            Statement::Prepare {
                name,
                sql: at.rest(),
            }
        }
        Some("EXECUTE") => execute(&mut at)?,
        Some("DEALLOCATE") => {
            at.expect(&["DEALLOCATE", "PREPARE"])?;
            Statement::Deallocate(at.ident("the name of the statement")?.to_lowercase())
        }
        _ => return Ok(Statement::Query(sql.to_owned())),
    };
    at.end()?;
    Ok(statement)
}

fn create(at: &mut Cursor<'_>) -> Result<Statement, SqlProblem> {
    at.expect(&["CREATE"])?;
    let replace = at.eat(&["OR", "REPLACE"]);
    if at.eat(&["VIEW"]) {
        let name = at.table()?;
        at.expect(&["AS"])?;
        return Ok(Statement::CreateView {
            name,
            replace,
            sql: at.rest(),
        });
    }
    if replace {
        return Err(at.fault("only a view can be replaced: write CREATE OR REPLACE VIEW"));
    }
    if at.eat(&["DATABASE"]) || at.eat(&["SCHEMA"]) {
        let if_missing = at.eat(&["IF", "NOT", "EXISTS"]);
        let name = at.ident("the name of the database")?.to_lowercase();
        if at.eat(&["COMMENT"]) {
            at.text("a comment")?;
        }
        if at.eat(&["LOCATION"]) {
            at.text("a location")?;
        }
        if at.eat(&["WITH", "DBPROPERTIES"]) {
            properties(at)?;
        }
        return Ok(Statement::CreateDatabase { name, if_missing });
    }
    let external = at.eat(&["EXTERNAL"]);
    at.expect(&["TABLE"])?;
    let if_missing = at.eat(&["IF", "NOT", "EXISTS"]);
    let name = at.table()?;
    if external || at.is_symbol(&Token::LParen) {
        let mut table = create_table(at)?;
        if !external {
            let iceberg =
                |(k, v): &(String, String)| k == "table_type" && v.eq_ignore_ascii_case("iceberg");
            return Err(at.fault(if table.properties.iter().any(iceberg) {
                "Iceberg tables are not modelled; write CREATE EXTERNAL TABLE over files of Parquet, JSON or text"
            } else {
                "a table over files is external: write CREATE EXTERNAL TABLE"
            }));
        }
        (table.name, table.if_missing) = (Some(name), if_missing);
        return Ok(Statement::CreateTable(Box::new(table)));
    }
    let with = if at.eat(&["WITH"]) {
        with(at)?
    } else {
        Vec::new()
    };
    at.expect(&["AS"])?;
    let mut sql = at.rest();
    let mut data = true;
    for (ending, kept) in [("WITH NO DATA", false), ("WITH DATA", true)] {
        let cut = sql.len().saturating_sub(ending.len());
        if sql
            .get(cut..)
            .is_some_and(|e| e.eq_ignore_ascii_case(ending))
        {
            sql.truncate(cut);
            data = kept;
        }
    }
    Ok(Statement::CreateTableAs(Box::new(CreateTableAs {
        name,
        if_missing,
        with,
        sql,
        data,
    })))
}

fn create_table(at: &mut Cursor<'_>) -> Result<CreateTable, SqlProblem> {
    let mut table = CreateTable {
        columns: columns(at)?,
        ..CreateTable::default()
    };
    loop {
        if at.eat(&["COMMENT"]) {
            table.comment = at.text("a comment")?;
        } else if at.eat(&["PARTITIONED", "BY"]) {
            table.keys = columns(at)?;
        } else if at.is(&["CLUSTERED", "BY"]) {
            return Err(at.fault("bucketed tables are not modelled; partition the table instead"));
        } else if at.eat(&["ROW", "FORMAT"]) {
            row_format(at, &mut table.storage)?;
        } else if at.eat(&["WITH", "SERDEPROPERTIES"]) {
            table.storage.serde_properties.extend(properties(at)?);
        } else if at.eat(&["STORED", "AS", "INPUTFORMAT"]) {
            table.storage.input_format = Some(at.text("a class name")?);
            at.expect(&["OUTPUTFORMAT"])?;
            at.text("a class name")?;
        } else if at.eat(&["STORED", "AS"]) {
            table.storage.stored_as = Some(at.ident("a format, such as PARQUET")?.to_uppercase());
        } else if at.eat(&["LOCATION"]) {
            table.location = Some(at.text("a location, such as 's3://bucket/folder/'")?);
        } else if at.eat(&["TBLPROPERTIES"]) {
            table.properties.extend(properties(at)?);
        } else {
            return Ok(table);
        }
    }
}

fn row_format(at: &mut Cursor<'_>, storage: &mut StorageText) -> Result<(), SqlProblem> {
    if at.eat(&["SERDE"]) {
        storage.serde = Some(at.text("a class name")?);
        return Ok(());
    }
    at.expect(&["DELIMITED"])?;
    storage.delimited = true;
    loop {
        if at.eat(&["FIELDS", "TERMINATED", "BY"]) {
            storage.delimiter = Some(at.text("a delimiter")?);
        } else if at.eat(&["ESCAPED", "BY"])
            || at.eat(&["LINES", "TERMINATED", "BY"])
            || at.eat(&["COLLECTION", "ITEMS", "TERMINATED", "BY"])
            || at.eat(&["MAP", "KEYS", "TERMINATED", "BY"])
            || at.eat(&["NULL", "DEFINED", "AS"])
        {
            at.text("a character")?;
        } else {
            return Ok(());
        }
    }
}

/// `(name type COMMENT '…', …)`.
fn columns(at: &mut Cursor<'_>) -> Result<Vec<Column>, SqlProblem> {
    at.expect_symbol(&Token::LParen)?;
    let mut all = Vec::new();
    loop {
        let name = at.ident("the name of a column")?;
        at.eat_symbol(&Token::Colon);
        let mut column = Column::new(name, column_type(at)?);
        if at.eat(&["COMMENT"]) {
            column.comment = at.text("a comment")?;
        }
        all.push(column);
        if !at.eat_symbol(&Token::Comma) {
            at.expect_symbol(&Token::RParen)?;
            return Ok(all);
        }
    }
}

/// A type as it is written, up to the comma or bracket after it; lower case.
fn column_type(at: &mut Cursor<'_>) -> Result<String, SqlProblem> {
    let (mut text, mut depth) = (String::new(), 0_i32);
    while let Some(token) = at.peek() {
        let ends = match token {
            Token::Comma | Token::RParen => depth == 0,
            Token::Word(word) => depth == 0 && word.value.eq_ignore_ascii_case("comment"),
            _ => false,
        };
        if ends {
            break;
        }
        depth += match token {
            Token::Lt | Token::LParen => 1,
            Token::Gt | Token::RParen => -1,
            Token::ShiftRight => -2,
            _ => 0,
        };
        if matches!(token, Token::Word(_)) && text.ends_with(|c: char| c.is_alphanumeric()) {
            text.push(' ');
        }
        match token {
            Token::Word(word) => text.push_str(&word.value),
            other => text.push_str(&other.to_string()),
        }
        at.next();
    }
    let known = arrow_type(&text).map_err(|e| at.fault(e.to_string()))?;
    // Names inside a struct keep their letter case: files of JSON are read by them.
    let nested = text.contains('<');
    Ok(if nested {
        glue_type(&known)
    } else {
        text.to_lowercase()
    })
}

fn properties(at: &mut Cursor<'_>) -> Result<Properties, SqlProblem> {
    at.expect_symbol(&Token::LParen)?;
    let mut all = Vec::new();
    while !at.eat_symbol(&Token::RParen) {
        let key = at.text("a property in quotes")?;
        at.expect_symbol(&Token::Eq)?;
        let value = match at.peek() {
            Some(Token::Number(n, _)) => {
                let n = n.clone();
                at.next();
                n
            }
            _ => at.text("a value in quotes")?,
        };
        all.push((key, value));
        if !at.eat_symbol(&Token::Comma) {
            at.expect_symbol(&Token::RParen)?;
            break;
        }
    }
    Ok(all)
}

/// `(name = 'value', name = ARRAY['a', 'b'], …)`.
fn with(at: &mut Cursor<'_>) -> Result<Vec<(String, Value)>, SqlProblem> {
    at.expect_symbol(&Token::LParen)?;
    let mut all = Vec::new();
    loop {
        let name = at.ident("the name of a property")?.to_lowercase();
        at.expect_symbol(&Token::Eq)?;
        let value = if at.eat(&["ARRAY"]) {
            at.expect_symbol(&Token::LBracket)?;
            let mut list = Vec::new();
            while !at.eat_symbol(&Token::RBracket) {
                list.push(at.text("a value in quotes")?);
                if !at.eat_symbol(&Token::Comma) {
                    at.expect_symbol(&Token::RBracket)?;
                    break;
                }
            }
            Value::List(list)
        } else {
            match at.peek().cloned() {
                Some(Token::Number(n, _)) => {
                    at.next();
                    Value::Text(n)
                }
                Some(Token::Word(w)) if w.quote_style.is_none() => {
                    at.next();
                    Value::Text(w.value)
                }
                _ => Value::Text(at.text("a value in quotes")?),
            }
        };
        all.push((name, value));
        if !at.eat_symbol(&Token::Comma) {
            at.expect_symbol(&Token::RParen)?;
            return Ok(all);
        }
    }
}

fn drop_one(at: &mut Cursor<'_>) -> Result<Statement, SqlProblem> {
    at.expect(&["DROP"])?;
    if at.eat(&["DATABASE"]) || at.eat(&["SCHEMA"]) {
        let if_there = at.eat(&["IF", "EXISTS"]);
        let name = at.ident("the name of the database")?.to_lowercase();
        let cascade = at.eat(&["CASCADE"]);
        if !cascade {
            at.eat(&["RESTRICT"]);
        }
        return Ok(Statement::DropDatabase {
            name,
            if_there,
            cascade,
        });
    }
    let view = at.eat(&["VIEW"]);
    if !view {
        at.expect(&["TABLE"])?;
    }
    let if_there = at.eat(&["IF", "EXISTS"]);
    Ok(Statement::Drop {
        table: at.table()?,
        if_there,
        view,
    })
}

fn alter(at: &mut Cursor<'_>) -> Result<Statement, SqlProblem> {
    at.expect(&["ALTER", "TABLE"])?;
    let table = at.table()?;
    if at.eat(&["ADD", "COLUMNS"]) {
        return Ok(Statement::AddColumns {
            table,
            columns: columns(at)?,
        });
    }
    if at.eat(&["REPLACE", "COLUMNS"]) {
        return Ok(Statement::ReplaceColumns {
            table,
            columns: columns(at)?,
        });
    }
    if at.eat(&["ADD"]) {
        let if_missing = at.eat(&["IF", "NOT", "EXISTS"]);
        let mut all = Vec::new();
        while at.eat(&["PARTITION"]) {
            let spec = partition(at)?;
            let location = at
                .eat(&["LOCATION"])
                .then(|| at.text("a location"))
                .transpose()?;
            all.push((spec, location));
            at.eat_symbol(&Token::Comma);
        }
        if all.is_empty() {
            at.expect(&["PARTITION"])?;
        }
        return Ok(Statement::AddPartitions {
            table,
            if_missing,
            all,
        });
    }
    if at.eat(&["DROP"]) {
        let if_there = at.eat(&["IF", "EXISTS"]);
        let mut all = Vec::new();
        while at.eat(&["PARTITION"]) {
            all.push(partition(at)?);
            at.eat_symbol(&Token::Comma);
        }
        if all.is_empty() {
            at.expect(&["PARTITION"])?;
        }
        return Ok(Statement::DropPartitions {
            table,
            if_there,
            all,
        });
    }
    if at.eat(&["SET", "LOCATION"]) {
        return Ok(Statement::SetLocation {
            table,
            to: at.text("a location")?,
        });
    }
    if at.eat(&["SET", "TBLPROPERTIES"]) {
        return Ok(Statement::SetProperties {
            table,
            properties: properties(at)?,
        });
    }
    at.expect(&["PARTITION"])?;
    let from = partition(at)?;
    at.expect(&["RENAME", "TO", "PARTITION"])?;
    Ok(Statement::RenamePartition {
        table,
        from,
        to: partition(at)?,
    })
}

/// `(year = '2026', month = 1)`.
fn partition(at: &mut Cursor<'_>) -> Result<PartitionSpec, SqlProblem> {
    at.expect_symbol(&Token::LParen)?;
    let mut spec = Vec::new();
    loop {
        let key = at.ident("a partition key")?.to_lowercase();
        at.expect_symbol(&Token::Eq)?;
        let value = match at.peek().cloned() {
            Some(Token::Number(n, _)) => {
                at.next();
                n
            }
            _ => {
                // `date '2026-01-01'`
                at.eat(&["DATE"]);
                at.text("the value of the key")?
            }
        };
        spec.push((key, value));
        if !at.eat_symbol(&Token::Comma) {
            at.expect_symbol(&Token::RParen)?;
            return Ok(spec);
        }
    }
}

fn show(at: &mut Cursor<'_>) -> Result<Show, SqlProblem> {
    at.expect(&["SHOW"])?;
    if at.eat(&["DATABASES"]) || at.eat(&["SCHEMAS"]) {
        at.eat(&["LIKE"]);
        let like = (!at.is_done())
            .then(|| at.text("a pattern in quotes"))
            .transpose()?;
        return Ok(Show::Databases(like));
    }
    let views = at.is(&["VIEWS"]);
    if at.eat(&["TABLES"]) || at.eat(&["VIEWS"]) {
        let named = at.eat(&["IN"]) || at.eat(&["FROM"]);
        let database = named
            .then(|| at.ident("the name of a database"))
            .transpose()?;
        at.eat(&["LIKE"]);
        let like = (!at.is_done())
            .then(|| at.text("a pattern in quotes"))
            .transpose()?;
        let database = database.map(|d| d.to_lowercase());
        return Ok(Show::Tables {
            database,
            like,
            views,
        });
    }
    if at.eat(&["PARTITIONS"]) {
        return Ok(Show::Partitions(at.table()?));
    }
    if at.eat(&["COLUMNS"]) {
        if !at.eat(&["IN"]) {
            at.expect(&["FROM"])?;
        }
        let mut table = at.table()?;
        if at.eat(&["IN"]) || at.eat(&["FROM"]) {
            table.database = Some(at.ident("the name of a database")?.to_lowercase());
        }
        return Ok(Show::Columns(table));
    }
    if at.eat(&["CREATE", "TABLE"]) || at.eat(&["CREATE", "VIEW"]) {
        return Ok(Show::Create(at.table()?));
    }
    if at.eat(&["TBLPROPERTIES"]) {
        let table = at.table()?;
        let mut only = None;
        if at.eat_symbol(&Token::LParen) {
            only = Some(at.text("a property in quotes")?);
            at.expect_symbol(&Token::RParen)?;
        }
        return Ok(Show::Properties { table, only });
    }
    Err(at.fault("SHOW lists DATABASES, TABLES, VIEWS, PARTITIONS, COLUMNS, TBLPROPERTIES, CREATE TABLE or CREATE VIEW"))
}

fn insert(at: &mut Cursor<'_>) -> Result<Statement, SqlProblem> {
    at.expect(&["INSERT", "INTO"])?;
    let table = at.table()?;
    let mut columns = Vec::new();
    let listed = at.is_symbol(&Token::LParen)
        && !matches!(at.word(1).as_deref(), Some("SELECT" | "WITH" | "VALUES"));
    if listed {
        at.next();
        loop {
            columns.push(at.ident("the name of a column")?.to_lowercase());
            if !at.eat_symbol(&Token::Comma) {
                at.expect_symbol(&Token::RParen)?;
                break;
            }
        }
    }
    Ok(Statement::Insert {
        table,
        columns,
        sql: at.rest(),
    })
}

fn unload(at: &mut Cursor<'_>) -> Result<Statement, SqlProblem> {
    at.expect(&["UNLOAD"])?;
    at.expect_symbol(&Token::LParen)?;
    let sql = at.in_brackets()?;
    at.expect(&["TO"])?;
    let to = at.text("a location, such as 's3://bucket/folder/'")?;
    at.expect(&["WITH"])?;
    Ok(Statement::Unload {
        sql,
        to,
        with: with(at)?,
    })
}

fn execute(at: &mut Cursor<'_>) -> Result<Statement, SqlProblem> {
    at.expect(&["EXECUTE"])?;
    if at.eat(&["IMMEDIATE"]) {
        let sql = at.text("a statement in quotes")?;
        return Ok(Statement::ExecuteNow {
            sql,
            values: using(at)?,
        });
    }
    let name = at.ident("the name of the statement")?.to_lowercase();
    Ok(Statement::Execute {
        name,
        values: using(at)?,
    })
}

/// `USING 1, 'text', DATE '2026-01-01'`: each value as it is written.
fn using(at: &mut Cursor<'_>) -> Result<Vec<String>, SqlProblem> {
    let mut values = Vec::new();
    if !at.eat(&["USING"]) {
        return Ok(values);
    }
    let (mut value, mut depth) = (String::new(), 0_i32);
    while let Some(token) = at.next() {
        match token {
            Token::Comma if depth == 0 => {
                values.push(std::mem::take(&mut value));
                continue;
            }
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth -= 1,
            _ => {}
        }
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(&token.to_string());
    }
    values.push(value);
    if depth != 0 || values.iter().any(String::is_empty) {
        return Err(at.fault("USING takes one value for each `?`, with commas between them"));
    }
    Ok(values)
}
