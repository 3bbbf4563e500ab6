//! The texts of reports in English and Korean: `assets/i18n/report.toml`, and names that services declare.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A language of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Lang {
    /// Its code in HTML and on the command line.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    en: String,
    #[serde(default)]
    ko: String,
}

/// The names of services' limits, parts and faults.
#[derive(Debug, Default, Deserialize)]
struct Names {
    #[serde(default)]
    limits: BTreeMap<String, Entry>,
    #[serde(default)]
    parts: BTreeMap<String, Entry>,
    #[serde(default)]
    faults: BTreeMap<String, Entry>,
}

pub(super) const REPORT: &str = include_str!("../../../../assets/i18n/report.toml");
static TEXTS: LazyLock<BTreeMap<String, Entry>> =
    LazyLock::new(|| toml::from_str(REPORT).unwrap_or_default());
static NAMES: LazyLock<Names> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../../assets/i18n/services.toml")).unwrap_or_default()
});

/// The texts of one language.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// The language.
    pub lang: Lang,
}

impl Words {
    /// The text with this key. A key that is missing (a test finds it) stands for itself.
    #[must_use]
    pub fn get(self, key: &str) -> &'static str {
        match (TEXTS.get(key), self.lang) {
            (Some(entry), Lang::En) => &entry.en,
            (Some(entry), Lang::Ko) => &entry.ko,
            (None, _) => "?",
        }
    }
    /// The text with this key, `{name}` replaced by the value of that name. Values are taken as they are.
    #[must_use]
    pub fn say(self, key: &str, values: &[(&str, &str)]) -> String {
        let mut out = String::new();
        let mut rest = self.get(key);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, behind)) = after.split_once('}') else {
                break;
            };
            out.push_str(before);
            let value = values.iter().find(|(n, _)| *n == name);
            out.push_str(value.map_or("?", |(_, v)| v));
            rest = behind;
        }
        out.push_str(rest);
        out
    }
    /// The name of a limit as a node gives it.
    #[must_use]
    pub fn limit(self, name: &str) -> String {
        self.named(&NAMES.limits, name)
    }
    /// The name of a part of latency.
    #[must_use]
    pub fn part(self, name: &str) -> String {
        self.named(&NAMES.parts, name)
    }
    /// A unit that is a word; symbols stay.
    #[must_use]
    pub fn unit(self, unit: &str) -> &str {
        let korean = (self.lang == Lang::Ko).then(|| super::super::said::unit_in_korean(unit));
        korean.flatten().unwrap_or(unit)
    }
    /// The name of a fault.
    #[must_use]
    pub fn fault(self, name: &str) -> String {
        self.named(&NAMES.faults, name)
    }
    fn named(self, names: &BTreeMap<String, Entry>, name: &str) -> String {
        let known = names.get(name).map(|e| match self.lang {
            Lang::En => e.en.as_str(),
            Lang::Ko => e.ko.as_str(),
        });
        known.filter(|n| !n.is_empty()).unwrap_or(name).to_owned()
    }
    /// Every key, for tests.
    #[cfg(test)]
    pub(super) fn keys() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        TEXTS
            .iter()
            .map(|(k, e)| (k.as_str(), e.en.as_str(), e.ko.as_str()))
    }
}
