//! What services say of themselves, in the language of the interface. English stands in the services' folders (their specs
//! and the doc comments of their parameters); short labels and Korean stand in `assets/i18n/services.toml` and `words.toml`.
//! What is translated nowhere shows its English.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use weir_engine::metrics::MetricSpec;
use weir_engine::node::{Category, FaultKind, Flow, KindSpec};
use weir_engine::services;

use super::{Lang, lang};

/// Both languages of a label.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    en: String,
    ko: String,
}

/// A label with Korean help.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Param {
    en: String,
    ko: String,
    help_ko: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Help {
    help_ko: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ko {
    ko: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    en: String,
    ko: String,
    help_en: String,
    help_ko: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    summary_ko: String,
    #[serde(default)]
    params: BTreeMap<String, Param>,
    #[serde(default)]
    choices: BTreeMap<String, BTreeMap<String, Label>>,
    #[serde(default)]
    ports: BTreeMap<String, Help>,
    #[serde(default)]
    metrics: BTreeMap<String, Help>,
}

/// `services.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    kinds: BTreeMap<String, Kind>,
    metrics: BTreeMap<String, Help>,
    faults: BTreeMap<String, Fault>,
    flows: BTreeMap<String, Label>,
    categories: BTreeMap<String, Label>,
    parts: BTreeMap<String, Label>,
    gauges: BTreeMap<String, Ko>,
    limits: BTreeMap<String, Ko>,
    states: BTreeMap<String, Label>,
    incidents: BTreeMap<String, Label>,
}

/// Help of single choices: kind, parameter, choice.
type ChoiceHelp = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

/// `words.toml`: Korean by the English.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    groups: BTreeMap<String, String>,
    units: BTreeMap<String, String>,
    ports: BTreeMap<String, Help>,
    dropped: BTreeMap<String, String>,
    failed: BTreeMap<String, String>,
    choices: ChoiceHelp,
}

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../../assets/i18n/services.toml"))
        .unwrap_or_else(|e| panic!("i18n/services.toml: {e}"))
});
static WORDS: LazyLock<Words> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../../assets/i18n/words.toml"))
        .unwrap_or_else(|e| panic!("i18n/words.toml: {e}"))
});
/// The JSON schema of each kind's parameters, made once.
static SCHEMAS: LazyLock<BTreeMap<&'static str, Value>> = LazyLock::new(|| {
    services::ALL
        .iter()
        .map(|k| (k.spec().id, k.schema()))
        .collect()
});

/// The JSON schema of the parameters of `kind`.
pub(crate) fn schema_of(kind: &str) -> Option<&'static Value> {
    SCHEMAS.get(kind)
}

fn is_korean() -> bool {
    lang() == Lang::Ko
}
fn label(found: Option<&'static Label>, english: &'static str) -> &'static str {
    match found {
        Some(l) if is_korean() => &l.ko,
        Some(l) => &l.en,
        None => english,
    }
}
/// `ko` in Korean when there is one, else `english`.
fn or_english<'a>(ko: Option<&'static String>, english: &'a str) -> &'a str {
    ko.filter(|_| is_korean()).map_or(english, String::as_str)
}
fn kind_texts(kind: &str) -> Option<&'static Kind> {
    TEXTS.kinds.get(kind)
}

/// The kind's name.
pub(crate) fn kind_title(spec: &KindSpec) -> &'static str {
    if is_korean() {
        spec.title_ko
    } else {
        spec.title
    }
}
/// What the kind is for, in one sentence.
pub(crate) fn kind_summary(spec: &KindSpec) -> &'static str {
    or_english(kind_texts(spec.id).map(|k| &k.summary_ko), spec.summary)
}
/// The kind's manual page, Markdown.
pub(crate) fn kind_docs(spec: &KindSpec) -> &'static str {
    if is_korean() && !spec.docs_ko.is_empty() {
        spec.docs_ko
    } else {
        spec.docs
    }
}
/// What people call the parameter `name` of `kind`; its own name when it has no label.
pub(crate) fn param_label<'a>(kind: &str, name: &'a str) -> &'a str {
    match kind_texts(kind).and_then(|k| k.params.get(name)) {
        Some(p) if is_korean() => &p.ko,
        Some(p) => &p.en,
        None => name,
    }
}
/// What the parameter does, as its folder or the translation says; empty when there is no such parameter.
pub(crate) fn param_help(kind: &str, name: &str) -> &'static str {
    let english = schema_of(kind).and_then(|s| s["properties"][name]["description"].as_str());
    let ko = kind_texts(kind)
        .and_then(|k| k.params.get(name))
        .map(|p| &p.help_ko);
    or_english(ko, english.unwrap_or_default())
}
/// What people call the value `variant` of a parameter that offers choices.
pub(crate) fn choice<'a>(kind: &str, param: &str, variant: &'a str) -> &'a str {
    match kind_texts(kind).and_then(|k| k.choices.get(param)?.get(variant)) {
        Some(l) if is_korean() => &l.ko,
        Some(l) => &l.en,
        None => variant,
    }
}
/// What the choice means, in one sentence; `english` is what the schema says.
pub(crate) fn choice_help<'a>(kind: &str, param: &str, variant: &str, english: &'a str) -> &'a str {
    or_english(
        WORDS
            .choices
            .get(kind)
            .and_then(|k| k.get(param)?.get(variant)),
        english,
    )
}
/// The heading of a group of parameters.
pub(crate) fn group_name(group: &str) -> &str {
    or_english(WORDS.groups.get(group), group)
}
/// A unit that is a word; symbols stay as they are.
pub(crate) fn unit_name(unit: &str) -> &str {
    or_english(WORDS.units.get(unit), unit)
}
/// What goes in or out at the port `port` of the kind, in one sentence.
pub(crate) fn port_help(spec: &KindSpec, port: &str) -> &'static str {
    let input = spec.input(port).map(|p| p.help);
    let english = input
        .or_else(|| spec.output(port).map(|p| p.help))
        .unwrap_or_default();
    let own = kind_texts(spec.id).and_then(|k| k.ports.get(port));
    or_english(
        own.or_else(|| WORDS.ports.get(port)).map(|h| &h.help_ko),
        english,
    )
}
/// What the metric of a node of `kind` tells, in one sentence.
pub(crate) fn metric_help(kind: &str, metric: &MetricSpec) -> &'static str {
    let own = kind_texts(kind).and_then(|k| k.metrics.get(metric.name));
    or_english(
        own.or_else(|| TEXTS.metrics.get(metric.name))
            .map(|h| &h.help_ko),
        metric.help,
    )
}
/// The fault's name.
pub(crate) fn fault_name(fault: FaultKind) -> &'static str {
    match TEXTS.faults.get(fault.id()) {
        Some(f) if is_korean() => &f.ko,
        Some(f) => &f.en,
        None => fault.id(),
    }
}
/// What the fault does, in one sentence.
pub(crate) fn fault_help(fault: FaultKind) -> &'static str {
    match TEXTS.faults.get(fault.id()) {
        Some(f) if is_korean() => &f.help_ko,
        Some(f) => &f.help_en,
        None => "",
    }
}
/// What travels, as a noun.
pub(crate) fn flow_name(flow: Flow) -> &'static str {
    label(
        id_of(flow).and_then(|id| TEXTS.flows.get(&id)),
        flow.words(),
    )
}
/// The group of the palette.
pub(crate) fn category_name(category: Category) -> &'static str {
    label(
        TEXTS
            .categories
            .get(&crate::designer::theme::category_id(category)),
        "",
    )
}
/// A part of a latency, such as `cold_start`.
pub(crate) fn part_name(part: &'static str) -> &'static str {
    label(TEXTS.parts.get(part), part)
}
/// A value that a node shows of its inside.
pub(crate) fn gauge_name(gauge: &str) -> &str {
    or_english(TEXTS.gauges.get(gauge).map(|g| &g.ko), gauge)
}
/// A limit that a node shows its use of.
pub(crate) fn limit_name(limit: &str) -> &str {
    or_english(TEXTS.limits.get(limit).map(|g| &g.ko), limit)
}
/// A state that a node shows (`READY`); one that is not known, such as the title of a dashboard, stays.
pub(crate) fn state_name(state: &str) -> &str {
    match TEXTS.states.get(state) {
        Some(l) if is_korean() => &l.ko,
        Some(l) => &l.en,
        None => state,
    }
}
/// The kind of an incident or event (`throttled`, `crawled`).
pub(crate) fn incident_name(kind: &str) -> &str {
    match TEXTS.incidents.get(kind) {
        Some(l) if is_korean() => &l.ko,
        Some(l) => &l.en,
        None => kind,
    }
}
/// Why records were dropped.
pub(crate) fn dropped_reason(reason: &str) -> &str {
    or_english(WORDS.dropped.get(reason), reason)
}
/// Where failed records went.
pub(crate) fn failed_reason(reason: &str) -> &str {
    or_english(WORDS.failed.get(reason), reason)
}

/// The id that a unit variant is written as.
fn id_of(value: impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value)
        .ok()?
        .as_str()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::designer::i18n::set_lang;
    use weir_engine::metrics::FLOW_METRICS;

    fn is_hangul(text: &str) -> bool {
        text.chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c))
    }

    #[test]
    fn everything_that_a_kind_declares_has_a_korean_text() {
        set_lang(Lang::Ko);
        for kind in services::ALL {
            let spec = kind.spec();
            assert!(is_hangul(kind_summary(spec)), "{}", spec.id);
            assert!(is_hangul(kind_docs(spec)), "{}", spec.id);
            assert!(is_hangul(category_name(spec.category)), "{}", spec.id);
            let schema = schema_of(spec.id).unwrap();
            for name in schema["properties"].as_object().unwrap().keys() {
                assert!(is_hangul(param_help(spec.id, name)), "{}.{name}", spec.id);
                assert_ne!(param_label(spec.id, name), name, "{}", spec.id);
            }
            let metrics = spec.metrics.iter().chain(&FLOW_METRICS);
            for metric in metrics {
                assert!(
                    is_hangul(metric_help(spec.id, metric)),
                    "{}.{}",
                    spec.id,
                    metric.name
                );
            }
            let ports = spec
                .inputs
                .iter()
                .map(|p| p.name)
                .chain(spec.outputs.iter().map(|p| p.name));
            for port in ports.chain(["metrics"]) {
                assert!(is_hangul(port_help(spec, port)), "{}.{port}", spec.id);
            }
            for fault in spec.faults {
                assert!(
                    is_hangul(fault_name(*fault)) && is_hangul(fault_help(*fault)),
                    "{}",
                    fault.id()
                );
            }
        }
        set_lang(Lang::En);
    }

    #[test]
    fn english_falls_back_to_what_the_service_says() {
        set_lang(Lang::En);
        for kind in services::ALL {
            let spec = kind.spec();
            assert_eq!(kind_summary(spec), spec.summary);
            assert_eq!(kind_docs(spec), spec.docs);
        }
        assert_eq!(param_label("nothing", "some_name"), "some_name");
        assert_eq!(gauge_name("no such gauge"), "no such gauge");
        assert_eq!(flow_name(Flow::Stream), "stream");
        assert_eq!(part_name("cold_start"), "Cold start");
    }
}
