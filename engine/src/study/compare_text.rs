//! A comparison as text for a terminal, as Markdown and as one HTML page, in English and Korean.

use maud::{DOCTYPE, PreEscaped, html};

use super::compare::{Comparison, FigureRow, Said, show_difference, show_value};
use super::diff::{Change, ChangeKind};
use crate::report::{Lang, Words, aligned, clean, number, seconds};

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Language {
    const fn pick<'a>(self, en: &'a str, ko: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Ko => ko,
        }
    }
    const fn pick_lang(self) -> Lang {
        match self {
            Self::En => Lang::En,
            Self::Ko => Lang::Ko,
        }
    }
    fn said(self, said: &Said) -> &str {
        self.pick(&said.en, &said.ko)
    }
}

/// The name of a figure for people.
#[must_use]
pub fn figure_title(name: &str, lang: Language) -> String {
    let known = [
        ("usd_per_month", "Cost a month", "월 비용"),
        ("usd_per_gb", "Cost per GB produced", "생성 1GB당 비용"),
        ("total_usd", "Cost of the run", "실행 비용"),
        ("latency_mean", "Latency, mean", "지연 시간 평균"),
        ("latency_p50", "Latency p50", "지연 시간 p50"),
        ("latency_p90", "Latency p90", "지연 시간 p90"),
        ("latency_p99", "Latency p99", "지연 시간 p99"),
        ("latency_max", "Latency, longest", "지연 시간 최대"),
        (
            "records_per_second",
            "Records produced a second",
            "초당 생성 레코드",
        ),
        (
            "delivered_per_second",
            "Records delivered a second",
            "초당 전달 레코드",
        ),
        ("mb_per_second", "MB produced a second", "초당 생성 MB"),
        ("produced", "Records produced", "생성된 레코드"),
        ("delivered", "Records delivered", "전달된 레코드"),
        ("lost", "Records lost", "유실된 레코드"),
        (
            "in_flight",
            "Records on the way at the end",
            "종료 시 처리 중인 레코드",
        ),
        (
            "throttled",
            "Records refused (throttled)",
            "거부된 레코드(스로틀)",
        ),
        ("errors", "Failed requests", "실패한 요청"),
        (
            "unaccounted",
            "Records unaccounted for",
            "설명되지 않는 레코드",
        ),
    ];
    known.iter().find(|(key, _, _)| *key == name).map_or_else(
        || name.to_owned(),
        |(_, en, ko)| lang.pick(en, ko).to_owned(),
    )
}

/// A difference of the drawings in words.
#[must_use]
pub fn change_words(change: &Change, lang: Language) -> String {
    let Change {
        kind,
        node,
        name,
        from,
        to,
    } = change;
    let place = match kind {
        ChangeKind::Node => format!("{} {node}", lang.pick("node", "노드")),
        ChangeKind::State => node.clone(),
        ChangeKind::Parameter => format!("{node}.{name}"),
        ChangeKind::Wire => format!("{} {name}", lang.pick("wire", "연결")),
        ChangeKind::Document => name.clone(),
        ChangeKind::Scenario => format!("{} {name}", lang.pick("scenario step", "시나리오 단계")),
        ChangeKind::Objective => format!("{} {name}", lang.pick("objective", "목표")),
    };
    let lists = matches!(
        kind,
        ChangeKind::Wire | ChangeKind::Scenario | ChangeKind::Objective
    );
    match (from, to) {
        (None, Some(_)) if lists => format!("{place}: {}", lang.pick("added", "추가됨")),
        (Some(_), None) if lists => format!("{place}: {}", lang.pick("removed", "삭제됨")),
        (None, Some(to)) => format!("{place}: {} ({to})", lang.pick("added", "추가됨")),
        (Some(from), None) => format!("{place}: {} ({from})", lang.pick("removed", "삭제됨")),
        _ => {
            let text = |v: &Option<String>| in_language(v.as_deref().unwrap_or_default(), lang);
            format!("{place}: {} -> {}", text(from), text(to))
        }
    }
}

/// A value whose unit is a word, in the language.
fn in_language(value: &str, lang: Language) -> String {
    let words = Words {
        lang: lang.pick_lang(),
    };
    match value.split_once(' ') {
        Some((figure, unit)) if figure.parse::<f64>().is_ok() => {
            let many = format!("{unit}s");
            let known = [unit, many.as_str()].map(|u| words.unit(u).to_owned());
            let found = known.iter().find(|k| **k != unit && **k != many);
            format!("{figure} {}", found.map_or(unit, String::as_str))
        }
        _ => value.to_owned(),
    }
}

/// A table: heading and rows of cells.
type Grid = Vec<Vec<String>>;

fn figure_grid(c: &Comparison, rows: &[FigureRow], first: &str, lang: Language) -> Grid {
    let mut head = vec![first.to_owned()];
    head.extend(c.runs.iter().map(|r| r.letter.clone()));
    for run in c.runs.iter().skip(1) {
        head.push(format!("{}-A", run.letter));
        head.push("%".to_owned());
    }
    let mut grid = vec![head];
    for row in rows {
        let mut cells = vec![figure_title(&row.name, lang)];
        cells.extend((0..row.values.len()).map(|i| show_value(row, i)));
        for (difference, percent) in row.differences.iter().zip(&row.percent) {
            cells.push(show_difference(*difference, &row.unit));
            cells.push(percent.map_or_else(
                || "-".to_owned(),
                |p| {
                    let sign = if p > 0.0 { "+" } else { "" };
                    format!("{sign}{}", number((p * 10.0).round() / 10.0))
                },
            ));
        }
        grid.push(cells);
    }
    grid
}

fn run_line(c: &Comparison, i: usize, lang: Language) -> String {
    let run = &c.runs[i];
    format!(
        "{}: {} ({}, {} {}, {} {})",
        run.letter,
        run.name,
        run.pipeline,
        seconds(run.virtual_seconds),
        lang.pick("of virtual time", "가상 시간"),
        lang.pick("seed", "시드"),
        run.seed
    )
}

fn drawing_title(c: &Comparison, i: usize, lang: Language) -> String {
    let letter = c.runs.get(i + 1).map_or("", |r| r.letter.as_str());
    match lang {
        Language::En => format!("Drawing, A -> {letter}"),
        Language::Ko => format!("설계 차이, A -> {letter}"),
    }
}

fn no_change(lang: Language) -> &'static str {
    lang.pick("no difference", "차이 없음")
}

fn simulated(lang: Language) -> &'static str {
    lang.pick(
        "Simulated, not measured on AWS; not a quote.",
        "시뮬레이션 결과이며 AWS에서 측정한 값이나 견적이 아닙니다.",
    )
}

const fn headings(lang: Language) -> (&'static str, &'static str) {
    match lang {
        Language::En => ("Figure", "Service, $ a month"),
        Language::Ko => ("항목", "서비스별 월 비용"),
    }
}

/// For a terminal: the sentence first.
#[must_use]
pub fn compare_terminal(c: &Comparison, lang: Language) -> String {
    let mut out = String::new();
    for i in 0..c.runs.len() {
        out.push_str(&format!("{}\n", run_line(c, i, lang)));
    }
    out.push('\n');
    for said in &c.sentences {
        out.push_str(&format!("{}\n", lang.said(said)));
    }
    for said in &c.cautions {
        out.push_str(&format!("! {}\n", lang.said(said)));
    }
    for (i, changes) in c.drawings.iter().enumerate() {
        out.push_str(&format!("\n{}\n", drawing_title(c, i, lang)));
        if changes.is_empty() {
            out.push_str(&format!("  {}\n", no_change(lang)));
        }
        for change in changes {
            out.push_str(&format!("  {}\n", change_words(change, lang)));
        }
    }
    let (figure, service) = headings(lang);
    let right: Vec<usize> = (1..c.runs.len() * 3).collect();
    for (rows, first) in [(&c.figures, figure), (&c.services, service)] {
        let grid = figure_grid(c, rows, first, lang);
        out.push_str(&format!("\n{}", aligned(&grid, &right)));
    }
    out.push_str(&format!("\n{}\n", simulated(lang)));
    clean(&out)
}

/// Text that Markdown takes as it is.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).replace('\n', " ").chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '$'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// As Markdown.
#[must_use]
pub fn compare_markdown(c: &Comparison, lang: Language) -> String {
    let mut out = format!("# {}\n\n", lang.pick("Comparison", "비교"));
    for said in &c.sentences {
        out.push_str(&format!("**{}**\n\n", escaped(lang.said(said))));
    }
    for said in &c.cautions {
        out.push_str(&format!("> {}\n\n", escaped(lang.said(said))));
    }
    for i in 0..c.runs.len() {
        out.push_str(&format!("- {}\n", escaped(&run_line(c, i, lang))));
    }
    for (i, changes) in c.drawings.iter().enumerate() {
        out.push_str(&format!("\n## {}\n\n", escaped(&drawing_title(c, i, lang))));
        if changes.is_empty() {
            out.push_str(&format!("- {}\n", no_change(lang)));
        }
        for change in changes {
            out.push_str(&format!("- {}\n", escaped(&change_words(change, lang))));
        }
    }
    let (figure, service) = headings(lang);
    for (rows, first) in [(&c.figures, figure), (&c.services, service)] {
        let grid = figure_grid(c, rows, first, lang);
        out.push_str(&format!("\n## {}\n\n", escaped(first)));
        for (i, cells) in grid.iter().enumerate() {
            let cells: Vec<String> = cells.iter().map(|c| escaped(c)).collect();
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
            if i == 0 {
                let rule = cells
                    .iter()
                    .enumerate()
                    .map(|(i, _)| if i == 0 { "---" } else { "---:" });
                out.push_str(&format!("| {} |\n", rule.collect::<Vec<_>>().join(" | ")));
            }
        }
    }
    out.push_str(&format!("\n{}\n", escaped(simulated(lang))));
    out
}

const STYLE: &str = "body{font:15px/1.5 Pretendard,system-ui,'Noto Sans KR',sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#16202b;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}.said{font-size:1.25rem;font-weight:600}
table{border-collapse:collapse;width:100%}th,td{padding:.25rem .6rem;border-bottom:1px solid #d7dee6;text-align:right;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}.good{color:#0b6b3a}.bad{color:#a3221b}.note{color:#54616f}code{font-size:.92em}
@media print{body{margin:0;max-width:none}}";

/// As one HTML page that needs nothing from elsewhere.
#[must_use]
pub fn compare_html(c: &Comparison, lang: Language) -> String {
    let (figure, service) = headings(lang);
    let title = lang.pick("Comparison", "비교");
    let page = html! {
        (DOCTYPE)
        html lang=(lang.pick("en", "ko")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Weir: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                @for said in &c.sentences { p class="said" { (lang.said(said)) } }
                @for said in &c.cautions { p class="note" { (lang.said(said)) } }
                ul { @for i in 0..c.runs.len() { li { (run_line(c, i, lang)) } } }
                @for (i, changes) in c.drawings.iter().enumerate() {
                    h2 { (drawing_title(c, i, lang)) }
                    @if changes.is_empty() { p { (no_change(lang)) } }
                    @else { ul { @for change in changes { li { code { (change_words(change, lang)) } } } } }
                }
                @for (rows, first) in [(&c.figures, figure), (&c.services, service)] {
                    h2 { (first) }
                    (table(&figure_grid(c, rows, first, lang), rows, c.runs.len()))
                }
                p class="note" { (simulated(lang)) }
            }
        }
    };
    page.into_string()
}

/// A table whose differences are coloured where one way is better.
fn table(grid: &Grid, rows: &[FigureRow], runs: usize) -> maud::Markup {
    let class = |row: usize, column: usize| {
        let judged = column
            .checked_sub(1 + runs)
            .and_then(|c| rows.get(row)?.better.get(c / 2).copied()?);
        judged.map(|good| if good { "good" } else { "bad" })
    };
    let (head, body) = grid
        .split_first()
        .map_or((&[][..], &[][..]), |(h, b)| (h.as_slice(), b));
    html! {
        table {
            thead { tr { @for cell in head { th scope="col" { (cell) } } } }
            tbody {
                @for (r, cells) in body.iter().enumerate() {
                    tr { @for (i, cell) in cells.iter().enumerate() { td class=[class(r, i)] { (cell) } } }
                }
            }
        }
    }
}
