//! The interface in English and Korean. Texts stand in `assets/i18n/<area>.toml`, both languages side by side, and are
//! named by key; what services declare of themselves is English in their folders and Korean in `services.toml`.

mod sentences;
mod services;

pub(crate) use sentences::{priced_unit, said, source_said, sql_said};

pub(crate) use services::{
    category_name, choice, choice_help, dropped_reason, failed_reason, fault_help, fault_name,
    flow_name, gauge_name, group_name, incident_name, kind_docs, kind_summary, kind_title,
    limit_name, metric_help, param_help, param_label, part_name, port_help, schema_of, state_name,
    unit_name,
};

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    en: String,
    ko: String,
}

/// The files of texts, by area: keys begin with the area's name.
const AREAS: &[(&str, &str)] = &[
    ("actions", include_str!("../../../assets/i18n/actions.toml")),
    ("canvas", include_str!("../../../assets/i18n/canvas.toml")),
    ("checks", include_str!("../../../assets/i18n/checks.toml")),
    ("common", include_str!("../../../assets/i18n/common.toml")),
    ("data", include_str!("../../../assets/i18n/data.toml")),
    ("edits", include_str!("../../../assets/i18n/edits.toml")),
    ("files", include_str!("../../../assets/i18n/files.toml")),
    (
        "inspector",
        include_str!("../../../assets/i18n/inspector.toml"),
    ),
    ("plots", include_str!("../../../assets/i18n/plots.toml")),
    ("run", include_str!("../../../assets/i18n/run.toml")),
    ("study", include_str!("../../../assets/i18n/study.toml")),
];

static TEXTS: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for (area, text) in AREAS {
        let entries: BTreeMap<String, Entry> =
            toml::from_str(text).unwrap_or_else(|e| panic!("i18n/{area}.toml: {e}"));
        all.extend(entries.into_iter().map(|(k, v)| (format!("{area}.{k}"), v)));
    }
    all
});

thread_local! {
    static LANG: Cell<Lang> = const { Cell::new(Lang::En) };
}

/// The language of the window that is being drawn by this thread.
pub(crate) fn lang() -> Lang {
    LANG.get()
}
/// Sets the language for what this thread draws from now on.
pub(crate) fn set_lang(lang: Lang) {
    LANG.set(lang);
}

/// The text with this key, such as `canvas.add_node`. A key that does not exist shows itself; a test finds it.
pub(crate) fn tr(key: &'static str) -> &'static str {
    match TEXTS.get(key) {
        Some(entry) => match lang() {
            Lang::En => &entry.en,
            Lang::Ko => &entry.ko,
        },
        None => key,
    }
}

/// The text with this key in a language of choice.
pub(crate) fn tr_in(lang: Lang, key: &'static str) -> &'static str {
    match (TEXTS.get(key), lang) {
        (Some(entry), Lang::En) => &entry.en,
        (Some(entry), Lang::Ko) => &entry.ko,
        (None, _) => key,
    }
}

/// The text with this key, each `{name}` replaced by its value.
pub(crate) fn trf(key: &'static str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
    let mut text = tr(key).to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), &value.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn sources(folder: &Path, out: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                out.push((path.display().to_string(), text));
            }
        }
    }

    /// Text literals in the sources that look like keys of an area.
    fn used() -> Vec<(String, String)> {
        let mut files = Vec::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/designer"),
            &mut files,
        );
        let mut used = Vec::new();
        for (file, text) in files {
            for literal in text.split('"') {
                let is_key = literal.split_once('.').is_some_and(|(area, rest)| {
                    AREAS.iter().any(|(a, _)| *a == area)
                        && !rest.is_empty()
                        && rest
                            .bytes()
                            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                });
                if is_key && literal != "data.rs" && !literal.ends_with(".toml") {
                    used.push((file.clone(), literal.to_owned()));
                }
            }
        }
        used
    }

    #[test]
    fn every_key_that_is_used_exists_and_every_key_is_used() {
        let used = used();
        for (file, key) in &used {
            assert!(
                TEXTS.contains_key(key),
                "{file} uses `{key}`, which assets/i18n lacks"
            );
        }
        for key in TEXTS.keys() {
            assert!(
                used.iter().any(|(_, k)| k == key),
                "nobody uses `{key}` of assets/i18n"
            );
        }
    }

    #[test]
    fn both_languages_have_the_same_placeholders() {
        let names = |text: &str| {
            let mut names: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|p| p.split_once('}'))
                .map(|(n, _)| n.to_owned())
                .collect();
            names.sort();
            names
        };
        for (key, entry) in TEXTS.iter() {
            assert_eq!(names(&entry.en), names(&entry.ko), "{key}");
            assert!(!entry.en.is_empty() && !entry.ko.is_empty(), "{key}");
        }
    }
}
