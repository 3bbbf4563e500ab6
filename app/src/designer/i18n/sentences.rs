//! The engine's sentences in Korean. The engine writes English; here its sentences are recognised by what stays the same in them and
//! said again with their values. So nobody who writes a service has to do anything for it, and what is not known yet stays English.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::services::{dropped_in_korean, help_in_korean};
use super::{Lang, lang, limit_name, unit_name};

/// `sentences.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    sentences: BTreeMap<String, String>,
    words: BTreeMap<String, String>,
}

/// A sentence with places for its values.
struct Sentence {
    /// What stands before, between and after the values.
    parts: Vec<&'static str>,
    korean: &'static str,
    /// It says so little that it fits what it does not mean: its last value must be Korean too.
    is_vague: bool,
}

struct Known {
    /// Those that say most come first: `{} is {}` fits nearly everything.
    sentences: Vec<Sentence>,
    words: &'static BTreeMap<String, String>,
}

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../../assets/i18n/sentences.toml"))
        .unwrap_or_else(|e| panic!("i18n/sentences.toml: {e}"))
});
static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let said = |parts: &[&str]| parts.iter().map(|p| p.len()).sum::<usize>();
    let sentence = |(english, korean): (&'static String, &'static String)| {
        let parts: Vec<&str> = english.split("{}").collect();
        Sentence {
            is_vague: said(&parts) < VAGUE,
            parts,
            korean,
        }
    };
    let mut sentences: Vec<Sentence> = TEXTS.sentences.iter().map(sentence).collect();
    sentences.sort_by_key(|s| std::cmp::Reverse(said(&s.parts)));
    Known {
        sentences,
        words: &TEXTS.words,
    }
});

/// Sentences within sentences that are looked into.
const DEPTH: usize = 4;
/// Letters below which a sentence says little.
const VAGUE: usize = 8;

/// What the engine says, in the language of the interface.
pub(crate) fn said(english: &str) -> Cow<'_, str> {
    if lang() == Lang::En {
        return Cow::Borrowed(english);
    }
    let bill = weir_engine::report::bill_in_korean(english);
    match bill.or_else(|| korean(english, DEPTH)) {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(english),
    }
}

/// A unit that the bill prices, in the language of the interface.
pub(crate) fn priced_unit(unit: &str) -> &str {
    match lang() {
        Lang::En => unit,
        Lang::Ko => weir_engine::report::priced_unit_in_korean(unit).unwrap_or(unit),
    }
}

/// The Korean of a sentence, or of two that a semicolon joins.
fn korean(english: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let one = |text: &str, is_joined: bool| {
        let mut known = KNOWN.sentences.iter();
        known.find_map(|s| {
            let values = values(&s.parts, text)?;
            let last = values.last().copied().unwrap_or_default();
            let fits = !s.is_vague || known_word(last, depth).is_some();
            let fits = fits && (is_joined || !values.iter().any(|v| v.contains("; ")));
            fits.then(|| filled(s.korean, &values, depth))
        })
    };
    let halves = || {
        let mut halves = english.match_indices("; ").filter_map(|(i, joint)| {
            let (left, right) = (english.get(..i)?, english.get(i + joint.len()..)?);
            Some(format!("{}. {}", one(left, false)?, korean(right, depth)?))
        });
        halves.next()
    };
    one(english, false)
        .or_else(halves)
        .or_else(|| one(english, true))
}

/// The values of `text` between `parts`; `None` when it is another sentence.
fn values<'a>(parts: &[&str], text: &'a str) -> Option<Vec<&'a str>> {
    let (first, others) = parts.split_first()?;
    let mut rest = text.strip_prefix(first)?;
    let mut values = Vec::with_capacity(others.len());
    for (i, part) in others.iter().enumerate() {
        let is_last = i + 1 == others.len();
        let (value, after) = match () {
            () if is_last => (rest.strip_suffix(part)?, ""),
            () => rest.split_once(part)?,
        };
        // A value in quotes ends where the quotes do.
        let is_quoted = part.starts_with('`');
        if value.is_empty() || (is_quoted && value.contains('`')) {
            return None;
        }
        values.push(value);
        rest = after;
    }
    (rest.is_empty()).then_some(values)
}

fn filled(korean: &str, values: &[&str], depth: usize) -> String {
    let mut text = String::with_capacity(korean.len() * 2);
    let mut rest = korean;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((number, after)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        let value = number.parse().ok().and_then(|n: usize| values.get(n));
        text.push_str(&value.map_or_else(String::new, |v| word(v, depth)));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// A value within a sentence; a name stays as it is.
fn word(english: &str, depth: usize) -> String {
    known_word(english, depth).unwrap_or_else(|| english.to_owned())
}

/// The Korean of a word, of several, of a figure with its unit, or of a sentence.
fn known_word(english: &str, depth: usize) -> Option<String> {
    if let Some(korean) = KNOWN.words.get(english) {
        return Some(korean.clone());
    }
    if let Some((left, right)) = english.split_once(" or ") {
        return Some(format!("{} 또는 {}", word(left, depth), word(right, depth)));
    }
    if english.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        match english.split_once(' ') {
            Some((figure, unit)) if !unit.contains(' ') => {
                return Some(format!("{figure} {}", unit_name(unit)));
            }
            Some(_) => {}
            None => return Some(english.to_owned()),
        }
    }
    let limit = limit_name(english);
    if limit != english {
        return Some(limit.to_owned());
    }
    dropped_in_korean(english)
        .or_else(|| help_in_korean(english))
        .map(str::to_owned)
        .or_else(|| korean(english, depth))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use weir_engine::check::connection;
    use weir_engine::document::{Document, Endpoint};
    use weir_engine::services;

    use super::super::set_lang;
    use super::*;

    fn is_korean(text: &str) -> bool {
        text.chars().any(|c| ('가'..='힣').contains(&c))
    }
    fn in_korean(english: &str) -> String {
        set_lang(Lang::Ko);
        let text = said(english).into_owned();
        set_lang(Lang::En);
        text
    }

    #[test]
    fn sentences_are_said_again_with_their_values() {
        for (english, korean) in [
            ("there is no node `a`", "`a` 노드가 없습니다"),
            (
                "`a.out` gives records that are put, but `b.in` takes files or metrics; `c.in` takes records that are put",
                "`a.out` 포트의 출력은 써 넣는 레코드인데 `b.in` 포트가 받는 것은 파일 또는 지표입니다. `c.in` 포트가 받는 것: 써 넣는 레코드",
            ),
            ("12 shards is too large", "12 샤드은(는) 너무 큽니다"),
            ("from 1 to 10 shards", "1부터 10 샤드까지"),
            (
                "`stream`: refuses records with ProvisionedThroughputExceededException",
                "`stream`: ProvisionedThroughputExceededException 오류로 레코드를 거부합니다",
            ),
            (
                "`s.in` is taken: 2 wires would end here, and at most 1 may; remove the other first",
                "`s.in` 포트는 이미 쓰이고 있습니다. 연결선 2개가 여기서 끝나게 되는데 최대 1개까지 가능합니다. 먼저 기존 연결선을 제거하십시오",
            ),
            ("`fast` is text", "`fast`은(는) 텍스트입니다"),
            // Not known: as it is. A name that looks like a sentence stays within its quotes.
            ("this is something else", "this is something else"),
            ("something else", "something else"),
            (
                "there is no node `a`, there is `b`",
                "there is no node `a`, there is `b`",
            ),
        ] {
            assert_eq!(in_korean(english), korean);
        }
        assert_eq!(said("there is no node `a`"), "there is no node `a`");
    }

    /// Every text literal of the engine with its placeholders made plain.
    fn literals() -> BTreeSet<String> {
        fn sources(folder: &Path, out: &mut String) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    sources(&path, out);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    out.push_str(&std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        let mut text = String::new();
        let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src");
        sources(&engine, &mut text);
        // A line that ends in a backslash goes on without its indentation.
        let mut plain = String::new();
        for line in text.lines() {
            match line.strip_suffix('\\') {
                Some(begun) => plain.push_str(begun.trim_start()),
                None => {
                    plain.push_str(line);
                    plain.push('\n');
                }
            }
        }
        let mut found = BTreeSet::new();
        for line in plain.lines() {
            for literal in line.split('"').skip(1).step_by(2) {
                found.insert(holes(literal));
            }
        }
        found
    }

    /// `{name}` and `{:.0}` become `{}`; two side by side one.
    fn holes(literal: &str) -> String {
        let mut out = String::new();
        let mut rest = literal;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            rest = after.split_once('}').map_or("", |(_, rest)| rest);
            if !out.ends_with("{}") {
                out.push_str("{}");
            }
        }
        out + rest
    }

    #[test]
    fn what_is_translated_is_what_the_engine_says() {
        let literals = literals();
        // Sentences that the engine puts together from parts.
        let made = [
            "{} wires would begin here, and at most {} may",
            "{} wires would end here, and at most {} may",
            "{} wires begin here, and at most {} may",
            "{} wires end here, and at most {} may",
            "its inputs: {}",
            "its outputs: {}",
            "`{}` has the fault `{}`",
            "`{}` had the fault `{}`",
            "`{}` takes {}",
            "`{}` gives {}",
            "connect it, for example from `{}`",
        ];
        for english in TEXTS.sentences.keys() {
            let is_said = literals.contains(english) || made.contains(&english.as_str());
            assert!(is_said, "the engine no longer says `{english}`");
        }
        for word in TEXTS.words.keys() {
            assert!(
                literals.contains(word),
                "the engine no longer says `{word}`"
            );
        }
        for (english, korean) in &TEXTS.sentences {
            let holes = english.matches("{}").count();
            for hole in 0..holes {
                assert!(
                    korean.contains(&format!("{{{hole}}}")),
                    "{english}: {korean}"
                );
            }
            let says = english.replace("{}", "").contains(char::is_alphabetic);
            assert!(is_korean(korean) == says, "{korean}");
        }
    }

    #[test]
    fn refused_wires_are_told_in_korean() {
        let doc = r#"{ "weir": 1, "name": "x", "nodes": [
            { "id": "p", "kind": "producer", "at": [0, 0] }, { "id": "s", "kind": "kinesis-data-streams", "at": [0, 0] },
            { "id": "f", "kind": "firehose", "at": [0, 0] }, { "id": "b", "kind": "s3", "at": [0, 0] },
            { "id": "q", "kind": "athena", "at": [0, 0] } ],
            "wires": [ { "from": "p.out", "to": "s.in" }, { "from": "s.out", "to": "f.in" }, { "from": "f.out", "to": "b.in" } ] }"#;
        let doc = Document::parse(doc).unwrap();
        let ends: Vec<Endpoint> = doc
            .nodes
            .iter()
            .flat_map(|node| {
                let spec = services::kind(&node.kind).unwrap().spec();
                let ins = spec.inputs.iter().map(|p| p.name);
                let outs = spec.outputs.iter().map(|p| p.name);
                let end = |port: &str| Endpoint {
                    node: node.id.clone(),
                    port: port.to_owned(),
                };
                ins.chain(outs).map(end).collect::<Vec<_>>()
            })
            .collect();
        let mut refusals = 0;
        for from in &ends {
            for to in &ends {
                if let Err(why) = connection(&doc, services::ALL, from, to) {
                    refusals += 1;
                    assert!(is_korean(&in_korean(&why)), "{why}");
                }
            }
        }
        assert!(refusals > 50, "{refusals}");
    }

    /// Not a failure: English shows until somebody writes the Korean. The list is printed, and structural problems must be there.
    #[test]
    fn what_has_no_korean_is_listed() {
        let remedies = services::ALL
            .iter()
            .flat_map(|k| k.spec().remedies)
            .map(|r| r.help);
        let missing: BTreeSet<&str> = remedies.filter(|r| !is_korean(&in_korean(r))).collect();
        let (count, all) = (missing.len(), TEXTS.sentences.len());
        let list: Vec<&str> = missing.into_iter().collect();
        // A test's own way to the person who runs it.
        let mut out = std::io::stderr().lock();
        let words = format!(
            "{all} sentences are Korean; {count} remedies are not:\n{}\n",
            list.join("\n")
        );
        std::io::Write::write_all(&mut out, words.as_bytes()).unwrap();
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src/check/cases");
        let mut english = BTreeSet::new();
        let mut told = 0;
        for file in std::fs::read_dir(cases).unwrap() {
            let path = file.unwrap().path();
            let case: serde_json::Value =
                serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            for problem in case["expected"]["problems"]
                .as_array()
                .into_iter()
                .flatten()
            {
                // `error: place: message (mend)`
                let text = problem.as_str().unwrap().splitn(3, ": ").nth(2).unwrap();
                let (message, mend) = text.rsplit_once(" (").unwrap_or((text, ""));
                for text in [message, mend.trim_end_matches(')')] {
                    told += 1;
                    if !text.is_empty() && !is_korean(&in_korean(text)) {
                        english.insert(text.to_owned());
                    }
                }
            }
        }
        assert!(
            told > 20 && english.len() * 10 < told,
            "{told}: {english:#?}"
        );
    }
}
