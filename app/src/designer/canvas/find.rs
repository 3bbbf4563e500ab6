//! Finding a kind by a few letters: English and Korean names, initial consonants, words of the summary.

use weir_engine::node::{Category, KindSpec};
use weir_engine::services;

/// The groups of kinds in the way of the data, as the palette and the search list them.
pub(crate) const CATEGORIES: [Category; 8] = [
    Category::Source,
    Category::Stream,
    Category::Function,
    Category::Storage,
    Category::Catalog,
    Category::Query,
    Category::Dashboard,
    Category::Alerts,
];

fn stage(spec: &KindSpec) -> usize {
    let place = CATEGORIES.iter().position(|c| *c == spec.category);
    place.unwrap_or(CATEGORIES.len())
}

/// Kinds that match `query`, best first; those of `recent` before others that match as well.
pub(crate) fn find(query: &str, recent: &[String]) -> Vec<&'static KindSpec> {
    let query = query.trim().to_lowercase();
    let place = |spec: &KindSpec| {
        recent
            .iter()
            .position(|k| k == spec.id)
            .unwrap_or(usize::MAX)
    };
    let mut scored: Vec<(u32, usize, usize, &'static KindSpec)> = services::ALL
        .iter()
        .map(|k| k.spec())
        .filter_map(|spec| Some((score(&query, spec)?, place(spec), stage(spec), spec)))
        .collect();
    // The sort keeps the order of the list where all is equal.
    scored.sort_by_key(|(score, recent, stage, _)| (std::cmp::Reverse(*score), *recent, *stage));
    scored.into_iter().map(|(.., spec)| spec).collect()
}

/// How well `query` names the kind; `None` when it does not.
fn score(query: &str, spec: &KindSpec) -> Option<u32> {
    if query.is_empty() {
        return Some(0);
    }
    let (en, ko) = (spec.title.to_lowercase(), spec.title_ko.to_lowercase());
    let names = [spec.id, &en, &ko];
    let by_name = names
        .iter()
        .filter_map(|name| name_score(query, name))
        .max();
    let by_sound = ko_initials(spec.title_ko).contains(query).then_some(40);
    // What people call it otherwise stands in its summary and in what its ports carry.
    let ports = spec
        .inputs
        .iter()
        .map(|p| p.help)
        .chain(spec.outputs.iter().map(|p| p.help));
    let words = |text: &str| {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .any(|w| w.starts_with(query))
    };
    let by_summary = words(spec.summary).then_some(20);
    let by_port = (query.len() > 2 && ports.into_iter().any(words)).then_some(10);
    by_name.max(by_sound).max(by_summary).max(by_port)
}

fn name_score(query: &str, name: &str) -> Option<u32> {
    if name == query {
        return Some(100);
    }
    if name.starts_with(query) {
        return Some(90);
    }
    let parts = || {
        name.split(|c: char| !c.is_alphanumeric())
            .filter(|p| !p.is_empty())
    };
    if parts().any(|p| p.starts_with(query)) {
        return Some(80);
    }
    if name.contains(query) {
        return Some(70);
    }
    let initials: String = parts().filter_map(|p| p.chars().next()).collect();
    if initials.starts_with(query) {
        return Some(60);
    }
    // Letters in order, with others between.
    let mut letters = name.chars();
    let in_order = query
        .chars()
        .filter(|c| !c.is_whitespace())
        .all(|c| letters.any(|l| l == c));
    in_order.then_some(30)
}

/// The initial consonants of Korean syllables: `스트림` is `ㅅㅌㄹ`.
fn ko_initials(text: &str) -> String {
    const INITIALS: [char; 19] = [
        'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ',
        'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
    ];
    let initial = |c: char| {
        let n = (c as u32).checked_sub(0xAC00)?;
        INITIALS.get(usize::try_from(n / 588).ok()?).copied()
    };
    text.chars().filter_map(initial).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str) -> Option<&'static str> {
        find(query, &[]).first().map(|s| s.id)
    }

    #[test]
    fn kinds_are_found_by_id_title_and_a_few_letters() {
        for kind in services::ALL {
            let spec = kind.spec();
            assert_eq!(first(spec.id), Some(spec.id));
            assert_eq!(first(spec.title), Some(spec.id));
            assert_eq!(first(spec.title_ko), Some(spec.id));
        }
        assert_eq!(first("lamb"), Some("lambda"));
        assert_eq!(first("kds"), Some("kinesis-data-streams"));
        assert!(find("zzzzqq", &[]).is_empty());
    }

    #[test]
    fn without_a_query_the_latest_kinds_come_first() {
        let recent = ["s3".to_owned(), "lambda".to_owned()];
        let ids: Vec<_> = find("", &recent).iter().take(2).map(|s| s.id).collect();
        assert_eq!(ids, ["s3", "lambda"]);
        assert_eq!(find("", &recent).len(), services::ALL.len());
    }

    #[test]
    fn nothing_typed_and_nothing_used_lists_the_way_of_the_data() {
        let stages: Vec<usize> = find("", &[]).into_iter().map(stage).collect();
        assert!(stages.is_sorted(), "{stages:?}");
        assert!(stages.iter().all(|s| *s < CATEGORIES.len()), "{stages:?}");
    }

    #[test]
    fn korean_initials_of_syllables() {
        assert_eq!(ko_initials("스트림 A"), "ㅅㅌㄹ");
    }
}
