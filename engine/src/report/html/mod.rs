//! A report as one HTML file: no scripts, no fonts, no pictures from elsewhere; it prints.
//!
//! Every text goes through `maud`, which escapes it. The only raw parts are the program's own style sheet and icons, and the
//! kit, whose text has no `<` and which is put in when the rest stands: it holds the fingerprint of the page around it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::folder::{ReadError, RunFiles};
use super::kit::{KIT_ID, Kit};
use super::pages::{Block, Cell, Lang, Report, Section, Table, Tone, Words, pages};
use super::svg::{Paint, paint};
use crate::node::AnyKind;

const STYLE: &str = include_str!("style.css");
/// A file of the run that is kept in the page is not larger.
const ATTACHED_MAX: usize = 1 << 20;
/// Rows up to which a table is not broken over pages,
const WHOLE_ROWS: usize = 12;
/// and bytes of its text: more is half a page and on.
const WHOLE_TEXT: usize = 2_000;
/// Letters from which on a name may be broken.
const LONG_NAME: usize = 18;
/// Fingerprints that are shown; all are in the kit.
const SHOWN_FILES: usize = 12;

/// The report of a run as one HTML file.
///
/// # Errors
/// When a file of the run cannot be read.
pub fn html(
    run: &RunFiles,
    kinds: &[&'static dyn AnyKind],
    lang: Lang,
) -> Result<String, ReadError> {
    let report = pages(run, kinds, lang);
    let kit = Kit::of(run)?;
    let words = Words { lang };
    let p = paint();
    let markup = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "Weir " (run.record.weir) };
                title { (report.title) " \u{2013} " (words.get("report_of")) }
                style { (PreEscaped(style(p, words))) }
            }
            body {
                header.top {
                    p.kicker { (words.get("report_of")) }
                    h1 { (report.title) }
                }
                main {
                    @for (i, section) in report.sections.iter().enumerate() { (part(&report, i, section)) }
                    (files(run, &kit, words))
                }
                script type="application/json" id=(KIT_ID) {}
            }
        }
    };
    super::kit::sealed(&markup.into_string(), kit)
}

/// The style sheet with the theme's colours and the line at the head of printed pages.
fn style(p: &Paint, words: Words) -> String {
    let colors = [
        ("--canvas", &p.canvas),
        ("--panel", &p.panel),
        ("--raised", &p.raised),
        ("--line", &p.line),
        ("--text", &p.text),
        ("--secondary", &p.secondary),
        ("--faint", &p.faint),
        ("--accent", &p.accent),
        ("--green", &p.green),
        ("--amber", &p.amber),
        ("--red", &p.red),
    ];
    let colors: String = colors
        .iter()
        .map(|(name, color)| format!("{name}:{color};"))
        .collect();
    let font = super::svg::FONT;
    format!(
        ":root{{{colors}--font:{font}}}\n@page{{@top-left{{content:\"{}\"}}}}\n{STYLE}",
        words.get("running_head")
    )
}

fn part(report: &Report, i: usize, section: &Section) -> Markup {
    html! {
        section id=(section.id) {
            @if i > 0 { h2 { span.no { (i) } (section.title) } }
            @for block in &section.blocks { (draw(block)) }
            @if i == 0 { (contents(report)) }
        }
    }
}

fn contents(report: &Report) -> Markup {
    html! {
        nav aria-label=(Words { lang: report.lang }.get("contents")) {
            ol { @for section in report.sections.iter().skip(1) {
                li { a href={ "#" (section.id) } { (section.title) } }
            } }
        }
    }
}

fn draw(block: &Block) -> Markup {
    match block {
        Block::Lead(text) => html! { p.lead { (text) } },
        Block::Warning(text) => html! { p.warning { (text) } },
        Block::Text(text) => html! { p { (text) } },
        Block::Heading(text) => html! { h3 { (text) } },
        Block::Cards(cards) => html! {
            dl.cards { @for (label, cell) in cards { div { dt { (label) } dd { (figure(cell)) } } } }
        },
        Block::Table(t) if t.rows.is_empty() => Markup::default(),
        Block::Table(t) => table(t),
        Block::Picture(caption, svg) => html! { figure { (svg) figcaption { (caption) } } },
        Block::List(points) => html! { ul { @for point in points { li { (point) } } } },
        Block::Code(text) => html! { pre { (text) } },
    }
}

fn table(t: &Table) -> Markup {
    let right = |i: usize| t.head.get(i).is_some_and(|(_, right)| *right);
    let text: usize = t.rows.iter().flatten().map(|cell| cell.text.len()).sum();
    let whole = t.rows.len() <= WHOLE_ROWS && text <= WHOLE_TEXT;
    html! {
        // What fits on a page stands on one when it is printed.
        div class={ "scroll" @if whole { " whole" } } { table {
            caption { (t.caption) }
            thead { tr { @for (i, (text, _)) in t.head.iter().enumerate() {
                th scope="col" class=[right(i).then_some("n")] { (text) }
            } } }
            tbody { @for row in &t.rows { tr { @for (i, cell) in row.iter().enumerate() {
                td class=[right(i).then_some("n")] { (figure(cell)) }
            } } } }
        } }
    }
}

fn figure(cell: &Cell) -> Markup {
    let class = match cell.tone {
        Tone::Plain => None,
        Tone::Strong => Some("strong"),
        Tone::Faint => Some("faint"),
        Tone::Good => Some("good"),
        Tone::Bad => Some("bad"),
        Tone::Code => Some("code"),
        Tone::Date => Some("date"),
    };
    let (path, value) = cell
        .figure
        .as_ref()
        .map(|(p, v)| (p, v.to_string()))
        .unzip();
    html! {
        @if class.is_some() || path.is_some() {
            span class=[class] data-figure=[path] data-value=[value] { (breakable(&cell.text)) }
        } @else { (breakable(&cell.text)) }
        @if let Some(half) = &cell.plus_minus { span.pm { " \u{b1} " (half) } }
        @if let Some(share) = cell.bar { (bar(share)) }
    }
}

/// A text whose long names may be broken after their underscores, where a reader would break them.
fn breakable(text: &str) -> Markup {
    let is_long = text.split_whitespace().any(|w| w.len() > LONG_NAME);
    if !is_long {
        return html! { (text) };
    }
    html! { @for piece in text.split_inclusive('_') { (piece) @if piece.ends_with('_') { wbr; } } }
}

fn bar(share: f64) -> Markup {
    let width = if share.is_finite() {
        share.clamp(0.0, 1.0) * 100.0
    } else {
        0.0
    };
    html! { span.bar { span style={ "width:" (format!("{width:.1}")) "%" } {} } }
}

/// The run's files: fingerprints, and the small ones themselves.
fn files(run: &RunFiles, kit: &Kit, words: Words) -> Markup {
    let attached = ["bill.csv", "metrics.parquet", "summary.json", "run.json"];
    let attached = attached.iter().filter_map(|name| {
        let bytes = run.bytes(name).ok().filter(|b| b.len() <= ATTACHED_MAX)?;
        Some((
            *name,
            format!(
                "data:application/octet-stream;base64,{}",
                STANDARD.encode(bytes)
            ),
        ))
    });
    let attached: Vec<(&str, String)> = attached.collect();
    let more = kit.files.len().saturating_sub(SHOWN_FILES);
    html! {
        section.files {
            div.scroll { table {
                caption { (words.get("kit_files")) }
                thead { tr { th scope="col" { (words.get("file")) } th scope="col" { (words.get("md5")) } } }
                tbody { @for (name, md5) in kit.files.iter().take(SHOWN_FILES) {
                    tr { td { span.code { (name) } } td { span.code { (md5) } } }
                } }
            } }
            @if more > 0 { p { (words.say("kit_more", &[("count", &more.to_string())])) } }
            p.downloads {
                (words.get("kit_download"))
                @for (name, data) in &attached { a href=(data) download=(name) { (name) } " " }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
