//! What the figures rest on: limits, laws of time and prices with source and date; what is not modelled; what is excluded.

use std::collections::{BTreeMap, BTreeSet};

use super::super::record::Assumption;
use super::{Block, Cell, Lang, Page, Section, Table, Tone};

pub(super) fn section(page: &Page<'_>) -> Section {
    let record = &page.run.record;
    // Sources are long and the same for many figures: they are listed once and referred to by number.
    let mut sources: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (source, date) in all_sources(page) {
        let next = sources.len() + 1;
        sources.entry((source, date)).or_insert(next);
    }
    let of = |book: &'static str| record.assumptions.iter().filter(move |a| a.book == book);
    let mut blocks = vec![Block::Text(page.t("assumptions_note").to_owned())];
    for (book, caption) in [("quota", "quotas"), ("latency", "laws")] {
        blocks.push(Block::Table(assumptions(page, caption, of(book), &sources)));
    }
    blocks.push(Block::Table(prices(page, &sources)));
    let mut list = page.head(page.t("sources"), &["number", "source", "read"]);
    let mut ordered: Vec<_> = sources.iter().collect();
    ordered.sort_by_key(|(_, n)| **n);
    for ((source, date), n) in ordered {
        list.rows.push(vec![
            Cell::text(format!("[{n}]")),
            Cell::text(page.source(source)),
            Cell::toned(date.clone(), Tone::Date),
        ]);
    }
    blocks.push(Block::Table(list));
    Section {
        id: "assumptions",
        title: page.t("assumptions").to_owned(),
        blocks,
    }
}

/// In the order of the tables that refer to them.
fn all_sources(page: &Page<'_>) -> Vec<(String, String)> {
    let mut seen = BTreeSet::new();
    let record = page.run.record.assumptions.iter();
    let quotas = record.clone().filter(|a| a.book == "quota");
    let laws = record.filter(|a| a.book != "quota");
    let figures = quotas
        .chain(laws)
        .map(|a| (a.source.clone(), a.date.clone()));
    let lines = page
        .run
        .summary
        .cost
        .lines
        .iter()
        .filter(|l| l.quantity > 0.0 && !l.source.is_empty());
    let prices = lines.map(|l| (l.source.clone(), l.date.clone()));
    figures
        .chain(prices)
        .filter(|s| seen.insert(s.clone()))
        .collect()
}

fn reference(sources: &BTreeMap<(String, String), usize>, source: &str, date: &str) -> Cell {
    let n = sources.get(&(source.to_owned(), date.to_owned()));
    Cell::toned(n.map(|n| format!("[{n}]")).unwrap_or_default(), Tone::Faint)
}

fn assumptions<'a>(
    page: &Page<'_>,
    caption: &str,
    all: impl Iterator<Item = &'a Assumption>,
    sources: &BTreeMap<(String, String), usize>,
) -> Table {
    let mut table = page.head(
        page.t(caption),
        &["figure", "value", "basis", "read", "source"],
    );
    for a in all {
        let value = if a.adjustable {
            format!("{} ({})", page.said(&a.value), page.t("adjustable"))
        } else {
            page.said(&a.value)
        };
        table.rows.push(vec![
            Cell::toned(a.key.clone(), Tone::Code),
            Cell::text(value),
            Cell::toned(basis(page, &a.basis), tone_of(&a.basis)),
            Cell::toned(a.date.clone(), Tone::Date),
            reference(sources, &a.source, &a.date),
        ]);
    }
    table
}

/// What is assumed stands out.
fn tone_of(basis: &str) -> Tone {
    match basis {
        "assumed" => Tone::Bad,
        _ => Tone::Plain,
    }
}

fn basis(page: &Page<'_>, basis: &str) -> String {
    match basis {
        "documented" => page.t("basis_documented").to_owned(),
        "measured" => page.t("basis_measured").to_owned(),
        "assumed" => page.t("basis_assumed").to_owned(),
        "published" => page.t("basis_published").to_owned(),
        "inferred" => page.t("basis_inferred").to_owned(),
        other => other.to_owned(),
    }
}

fn prices(page: &Page<'_>, sources: &BTreeMap<(String, String), usize>) -> Table {
    let mut table = page.head(
        page.t("prices"),
        &["usage", "unit_price", "basis", "read", "source"],
    );
    let mut seen = BTreeSet::new();
    for line in &page.run.summary.cost.lines {
        if line.quantity <= 0.0
            || line.usd.is_none()
            || !seen.insert((&line.usage_type, &line.unit_price))
        {
            continue;
        }
        table.rows.push(vec![
            Cell::toned(line.usage_type.clone(), Tone::Code),
            Cell::text(page.said(&line.unit_price)),
            Cell::toned(basis(page, &line.basis), tone_of(&line.basis)),
            Cell::toned(line.date.clone(), Tone::Date),
            reference(sources, &line.source, &line.date),
        ]);
    }
    table
}

/// What the models leave out, by kind, and what the bill leaves out.
pub(super) fn not_modelled(page: &Page<'_>) -> Section {
    let mut table = page.head(page.t("not_modelled_table"), &["kind", "left_out"]);
    let kinds: BTreeSet<&str> = page.run.doc.nodes.iter().map(|n| n.kind.as_str()).collect();
    for kind in kinds {
        let Some(spec) = page.spec(kind) else {
            continue;
        };
        let docs = match page.words.lang {
            Lang::Ko if !spec.docs_ko.is_empty() => spec.docs_ko,
            _ => spec.docs,
        };
        if let Some(text) = left_out(docs) {
            table
                .rows
                .push(vec![Cell::text(page.kind_title(kind)), Cell::text(text)]);
        }
    }
    // With the free tier on, the bill contains it.
    let free_tier = page.run.summary.cost.billing.free_tier;
    let exclusions = [
        "exclude_tax",
        "exclude_support",
        "exclude_transfer",
        "exclude_logs",
        "exclude_kms",
        "exclude_free_tier",
        "exclude_commitments",
        "exclude_people",
    ];
    Section {
        id: "not-modelled",
        title: page.t("not_modelled").to_owned(),
        blocks: vec![
            Block::Table(table),
            Block::Heading(page.t("exclusions").to_owned()),
            Block::List(
                exclusions
                    .iter()
                    .filter(|k| !(free_tier && **k == "exclude_free_tier"))
                    .map(|k| page.t(k).to_owned())
                    .collect(),
            ),
        ],
    }
}

/// The section of a manual page on what is not modelled, as one plain paragraph.
pub(super) fn left_out(docs: &str) -> Option<String> {
    let mut lines = docs.lines().skip_while(|l| {
        let l = l.to_lowercase();
        !(l.starts_with("##") && (l.contains("not modelled") || l.contains("모델링하지 않")))
    });
    lines.next()?;
    let text: Vec<&str> = lines
        .take_while(|l| !l.starts_with("## "))
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let text = text.join(" ").replace("**", "").replace('`', "");
    (!text.is_empty()).then_some(text)
}
