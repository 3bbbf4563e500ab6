//! The pages as Markdown, as CSV, and as JSON.

use serde_json::{Value, json};

use super::pages::{Block, Cell, Report, Table, Tone, Words};

/// As Markdown (GitHub's tables). Pictures are named, not drawn.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut out = format!("# {}\n", line(&report.title));
    for (i, section) in report.sections.iter().enumerate() {
        if i > 0 {
            out.push_str(&format!("\n## {}\n", line(&section.title)));
        }
        for block in &section.blocks {
            out.push_str(&markdown_block(block, Words { lang: report.lang }));
        }
    }
    out
}

fn markdown_block(block: &Block, words: Words) -> String {
    match block {
        Block::Lead(text) => format!("\n**{}**\n", line(text)),
        Block::Warning(text) => format!("\n> **{}**\n", line(text)),
        Block::Text(text) => format!("\n{}\n", line(text)),
        Block::Heading(text) => format!("\n### {}\n", line(text)),
        Block::Cards(cards) => {
            let rows = cards
                .iter()
                .map(|(label, cell)| format!("- {}: {}\n", line(label), shown(cell)));
            format!("\n{}", rows.collect::<String>())
        }
        Block::Table(t) if t.rows.is_empty() => String::new(),
        Block::Table(t) => markdown_table(t),
        Block::Picture(caption, _) => {
            let text = words.say("see_html", &[("picture", caption)]);
            format!("\n*\\[{}\\]*\n", line(&text))
        }
        Block::List(points) => {
            let rows = points.iter().map(|p| format!("- {}\n", line(p)));
            format!("\n{}", rows.collect::<String>())
        }
        Block::Code(text) => format!("\n```\n{text}\n```\n"),
    }
}

fn markdown_table(t: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let head = row(t.head.iter().map(|(text, _)| line(text)).collect());
    let rule = row(t
        .head
        .iter()
        .map(|(_, right)| if *right { "---:" } else { "---" }.to_owned())
        .collect());
    let rows = t
        .rows
        .iter()
        .map(|cells| row(cells.iter().map(shown).collect()));
    format!(
        "\n**{}**\n\n{head}{rule}{}",
        line(&t.caption),
        rows.collect::<String>()
    )
}

fn shown(cell: &Cell) -> String {
    let text = line(&cell.words());
    match cell.tone {
        Tone::Strong if !text.is_empty() => format!("**{text}**"),
        _ => text,
    }
}

/// On one line, with what Markdown and HTML would read as markup escaped.
fn line(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Every cell of every table as a row: section, table, row, column, text, and the exact figure with its place in `summary.json`.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut out = String::from("section,table,row,column,text,value,figure\n");
    for section in &report.sections {
        for block in &section.blocks {
            match block {
                Block::Table(t) => {
                    for cells in &t.rows {
                        let row = cells.first().map(|c| c.text.clone()).unwrap_or_default();
                        for ((head, _), cell) in t.head.iter().zip(cells).skip(1) {
                            out.push_str(&csv_row(section.id, &t.caption, &row, head, cell));
                        }
                    }
                }
                Block::Cards(cards) => {
                    for (label, cell) in cards {
                        out.push_str(&csv_row(section.id, "", label, "", cell));
                    }
                }
                _ => {}
            }
        }
    }
    out
}

fn csv_row(section: &str, table: &str, row: &str, column: &str, cell: &Cell) -> String {
    let (path, value) = cell
        .figure
        .as_ref()
        .map(|(p, v)| (p.clone(), v.to_string()))
        .unzip();
    let cells = [
        section.to_owned(),
        table.to_owned(),
        row.to_owned(),
        column.to_owned(),
        cell.words(),
        value.unwrap_or_default(),
        path.unwrap_or_default(),
    ];
    let cells: Vec<String> = cells
        .iter()
        .map(|c| super::files::csv_cell(&safe(c)))
        .collect();
    format!("{}\n", cells.join(","))
}

/// A text that a spreadsheet does not take for a formula.
fn safe(text: &str) -> String {
    let number = text.parse::<f64>().is_ok();
    if !number && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// As JSON: the sections with their texts, tables and figures, and `summary`, the run's `summary.json` as it is.
#[must_use]
pub fn to_json(report: &Report, summary: &Value) -> Value {
    let cell = |c: &Cell| match &c.figure {
        Some((path, value)) => json!({ "text": c.words(), "figure": path, "value": value }),
        None => json!({ "text": c.words() }),
    };
    let block = |b: &Block| match b {
        Block::Lead(text) => json!({ "lead": text }),
        Block::Warning(text) => json!({ "warning": text }),
        Block::Text(text) => json!({ "text": text }),
        Block::Heading(text) => json!({ "heading": text }),
        Block::Code(text) => json!({ "code": text }),
        Block::List(points) => json!({ "list": points }),
        Block::Picture(caption, svg) => json!({ "picture": caption, "svg": svg.0 }),
        Block::Cards(cards) => {
            let each = cards
                .iter()
                .map(|(label, c)| json!({ "label": label, "cell": cell(c) }));
            json!({ "cards": each.collect::<Vec<_>>() })
        }
        Block::Table(t) => {
            let head: Vec<&String> = t.head.iter().map(|(text, _)| text).collect();
            let rows = t
                .rows
                .iter()
                .map(|r| Value::Array(r.iter().map(cell).collect()));
            json!({ "table": t.caption, "head": head, "rows": rows.collect::<Vec<_>>() })
        }
    };
    let sections = report.sections.iter().map(|s| {
        let blocks: Vec<Value> = s.blocks.iter().map(block).collect();
        json!({ "id": s.id, "title": s.title, "blocks": blocks })
    });
    json!({
        "title": report.title,
        "language": report.lang.code(),
        "simulated": Words { lang: report.lang }.get("simulated"),
        "sections": sections.collect::<Vec<_>>(),
        "summary": summary,
    })
}
