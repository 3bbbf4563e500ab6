//! The engine's sentences in Korean. The engine writes English; here its sentences are recognised by what stays the same in them and
//! said again with their values. So nobody who writes a service has to do anything for it, and what is not known yet stays English.
//!
//! Reports and the window both read here. Sentences stand in `assets/i18n/sentences.toml`, those of sources of figures in `sources.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::bill_words::bill_in_korean;
use crate::node::AnyKind;

/// `sentences.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    sentences: BTreeMap<String, String>,
    words: BTreeMap<String, String>,
}

/// `sources.toml`: where figures come from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sources {
    sources: BTreeMap<String, String>,
}

/// What is needed of `words.toml`.
#[derive(Debug, Default, Deserialize)]
struct Words {
    units: BTreeMap<String, String>,
    ports: BTreeMap<String, Help>,
    dropped: BTreeMap<String, String>,
    failed: BTreeMap<String, String>,
}

/// What is needed of `services.toml`.
#[derive(Debug, Default, Deserialize)]
struct Services {
    kinds: BTreeMap<String, KindTexts>,
    limits: BTreeMap<String, Ko>,
}

#[derive(Debug, Deserialize)]
struct KindTexts {
    #[serde(default)]
    ports: BTreeMap<String, Help>,
}

#[derive(Debug, Deserialize)]
struct Help {
    help_ko: String,
}

#[derive(Debug, Deserialize)]
struct Ko {
    ko: String,
}

/// A sentence with places for its values.
struct Sentence {
    /// What stands before, between and after the values.
    parts: Vec<&'static str>,
    korean: &'static str,
    /// It says so little that it fits what it does not mean: its last value must be Korean too.
    is_vague: bool,
}

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../assets/i18n/sentences.toml"))
        .unwrap_or_else(|e| panic!("i18n/sentences.toml: {e}"))
});
static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../assets/i18n/sources.toml"))
        .unwrap_or_else(|e| panic!("i18n/sources.toml: {e}"))
});
static WORDS: LazyLock<Words> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../assets/i18n/words.toml"))
        .unwrap_or_else(|e| panic!("i18n/words.toml: {e}"))
});
static SERVICES: LazyLock<Services> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../assets/i18n/services.toml"))
        .unwrap_or_else(|e| panic!("i18n/services.toml: {e}"))
});
/// Those that say most come first: `{} is {}` fits nearly everything.
static SENTENCES: LazyLock<Vec<Sentence>> = LazyLock::new(|| sorted(&TEXTS.sentences));
static SOURCE_SENTENCES: LazyLock<Vec<Sentence>> = LazyLock::new(|| sorted(&SOURCES.sources));

fn sorted(texts: &'static BTreeMap<String, String>) -> Vec<Sentence> {
    let said = |parts: &[&str]| parts.iter().map(|p| p.len()).sum::<usize>();
    let sentence = |(english, korean): (&'static String, &'static String)| {
        let parts: Vec<&str> = english.split("{}").collect();
        Sentence {
            is_vague: said(&parts) < VAGUE,
            parts,
            korean,
        }
    };
    let mut sentences: Vec<Sentence> = texts.iter().map(sentence).collect();
    sentences.sort_by_key(|s| std::cmp::Reverse(said(&s.parts)));
    sentences
}

/// Sentences within sentences that are looked into.
const DEPTH: usize = 4;
/// Letters below which a sentence says little.
const VAGUE: usize = 8;

/// What the engine says (a problem, a mend, a cause, an event, a line of the bill) in Korean; `None` for what is not known. `kinds` give the help of ports that stands in problems.
#[must_use]
pub fn said_in_korean(english: &str, kinds: &[&'static dyn AnyKind]) -> Option<String> {
    bill_in_korean(english)
        .or_else(|| reader(&SENTENCES, kinds).korean(english, DEPTH))
        .or_else(|| known_reason(english).map(str::to_owned))
}

/// Where a figure of the books comes from, in Korean; `None` for an address or a title, which stay as they are.
#[must_use]
pub fn source_in_korean(english: &str) -> Option<String> {
    reader(&SOURCE_SENTENCES, &[]).korean(english, DEPTH)
}

/// A unit that is a word (`shards`) in Korean.
pub(super) fn unit_in_korean(unit: &str) -> Option<&'static str> {
    WORDS.units.get(unit).map(String::as_str)
}

fn reader<'a>(sentences: &'static [Sentence], kinds: &'a [&'static dyn AnyKind]) -> Reader<'a> {
    Reader { sentences, kinds }
}

/// Why records were dropped, or where failed ones went.
fn known_reason(english: &str) -> Option<&'static str> {
    let found = WORDS.dropped.get(english);
    found
        .or_else(|| WORDS.failed.get(english))
        .map(String::as_str)
}

/// What is read with.
#[derive(Clone, Copy)]
struct Reader<'a> {
    sentences: &'static [Sentence],
    kinds: &'a [&'static dyn AnyKind],
}

impl Reader<'_> {
    /// The Korean of a sentence, or of two that a semicolon joins.
    fn korean(self, english: &str, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        if let Some((text, line, column)) = placed(english) {
            return Some(format!(
                "{}({line}행 {column}열)",
                self.korean(text, depth)?
            ));
        }
        let one = |text: &str, is_joined: bool| {
            self.sentences.iter().find_map(|s| {
                let values = values(&s.parts, text)?;
                let last = values.last().copied().unwrap_or_default();
                let fits = !s.is_vague || self.known_word(last, depth).is_some();
                let fits = fits && (is_joined || !values.iter().any(|v| v.contains("; ")));
                fits.then(|| self.filled(s.korean, &values, depth))
            })
        };
        let halves = || {
            let mut halves = english.match_indices("; ").filter_map(|(i, joint)| {
                let (left, right) = (english.get(..i)?, english.get(i + joint.len()..)?);
                let right = self.korean(right, depth)?;
                Some(format!("{}. {right}", one(left, false)?))
            });
            halves.next()
        };
        one(english, false)
            .or_else(halves)
            .or_else(|| one(english, true))
    }

    fn filled(self, korean: &str, values: &[&str], depth: usize) -> String {
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
            text.push_str(&value.map_or_else(String::new, |v| self.word(v, depth)));
            rest = after;
        }
        text.push_str(rest);
        text
    }

    /// A value within a sentence; a name stays as it is.
    fn word(self, english: &str, depth: usize) -> String {
        self.known_word(english, depth)
            .unwrap_or_else(|| english.to_owned())
    }

    /// The Korean of a word, of several, of a figure with its unit, or of a sentence.
    fn known_word(self, english: &str, depth: usize) -> Option<String> {
        if let Some(korean) = TEXTS.words.get(english) {
            return Some(korean.clone());
        }
        if let Some((left, right)) = english.split_once(" or ") {
            let [left, right] = [left, right].map(|side| self.word(side, depth));
            return Some(format!("{left} 또는 {right}"));
        }
        if english.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            match english.split_once(' ') {
                Some((figure, unit)) if !unit.contains(' ') => {
                    let unit = unit_in_korean(unit).unwrap_or(unit);
                    return Some(format!("{figure} {unit}"));
                }
                Some(_) => {}
                None => return Some(english.to_owned()),
            }
        }
        if let Some(limit) = SERVICES.limits.get(english) {
            return Some(limit.ko.clone());
        }
        known_reason(english)
            .or_else(|| self.port_help(english))
            .map(str::to_owned)
            .or_else(|| self.korean(english, depth))
    }

    /// The Korean help of the input whose English help this is, without its full stop.
    fn port_help(self, english: &str) -> Option<&'static str> {
        self.kinds.iter().map(|k| k.spec()).find_map(|spec| {
            let is_it = |help: &str| help.trim_end_matches('.') == english;
            let port = spec.inputs.iter().find(|p| is_it(p.help))?;
            let own = SERVICES.kinds.get(spec.id);
            let own = own.and_then(|k| k.ports.get(port.name));
            let help = own.or_else(|| WORDS.ports.get(port.name))?;
            Some(help.help_ko.trim_end_matches('.'))
        })
    }
}

/// A sentence about a statement, and the place at its end: ` (line 1, column 8)`.
fn placed(english: &str) -> Option<(&str, u32, u32)> {
    let (text, place) = english.strip_suffix(')')?.rsplit_once(" (line ")?;
    let (line, column) = place.split_once(", column ")?;
    Some((text, line.parse().ok()?, column.parse().ok()?))
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

#[cfg(test)]
mod tests;
