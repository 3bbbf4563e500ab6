//! How well a text answers what a person typed: letters in order, better at the beginnings of words and in one piece.
//! Korean is compared by its letters, so that half a syllable and initial consonants alone find it too.

/// The initial consonants of Korean syllables, in the order of Unicode.
const INITIALS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];
/// The vowels.
const VOWELS: [char; 21] = [
    'ㅏ', 'ㅐ', 'ㅑ', 'ㅒ', 'ㅓ', 'ㅔ', 'ㅕ', 'ㅖ', 'ㅗ', 'ㅘ', 'ㅙ', 'ㅚ', 'ㅛ', 'ㅜ', 'ㅝ', 'ㅞ', 'ㅟ', 'ㅠ', 'ㅡ', 'ㅢ', 'ㅣ',
];
/// The final consonants; the first place is for none.
const FINALS: [char; 28] = [
    ' ', 'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ', 'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ',
    'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];

/// A letter and whether a word or a syllable begins with it.
type Letter = (char, bool);

fn letters(text: &str) -> Vec<Letter> {
    let mut out = Vec::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars().flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            begins = true;
            continue;
        }
        let code = u32::from(c).wrapping_sub(0xAC00);
        if code < 11_172 {
            let at = |n: u32| usize::try_from(n).unwrap_or(0);
            out.push((INITIALS[at(code / 588)], true));
            out.push((VOWELS[at(code % 588 / 28)], false));
            if code % 28 != 0 {
                out.push((FINALS[at(code % 28)], false));
            }
            begins = false;
        } else {
            out.push((c, begins));
            begins = false;
        }
    }
    out
}

/// A query, taken apart once.
pub(super) struct Query(Vec<char>);

impl Query {
    /// What a person typed.
    pub(super) fn new(text: &str) -> Self {
        Self(letters(text).into_iter().map(|(c, _)| c).collect())
    }
    /// True when nothing was typed.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How well `text` answers, more is better; `None` when it does not.
    pub(super) fn score(&self, text: &str) -> Option<i32> {
        let text = letters(text);
        // The best of the ways that begin at each place where the first letter stands.
        let first = *self.0.first()?;
        let starts = text.iter().enumerate().filter(|(_, (c, _))| *c == first).map(|(i, _)| i);
        let length = i32::try_from(text.len()).unwrap_or(i32::MAX / 2);
        starts.take(16).filter_map(|start| self.score_from(&text, start)).max().map(|s| s * 64 - length.min(63))
    }
    fn score_from(&self, text: &[Letter], start: usize) -> Option<i32> {
        let mut score = if start == 0 { 4 } else { 0 };
        let mut at = start;
        let mut last: Option<usize> = None;
        for wanted in &self.0 {
            let rest = text.get(at..)?;
            let follows = rest.first().is_some_and(|(c, _)| c == wanted);
            // A letter that begins a word is worth going on for, unless the next one fits.
            let begins = rest.iter().position(|(c, begins)| *begins && c == wanted);
            let any = rest.iter().position(|(c, _)| c == wanted);
            let step = if follows { 0 } else { begins.or(any)? };
            let place = at + step;
            score += match (text.get(place), last) {
                (Some((_, true)), _) => 8,
                (_, Some(l)) if l + 1 == place => 6,
                _ => 1,
            };
            last = Some(place);
            at = place + 1;
        }
        Some(score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'a>(query: &str, texts: &[&'a str]) -> Option<&'a str> {
        let query = Query::new(query);
        let scored = texts.iter().filter_map(|t| Some((query.score(t)?, *t)));
        scored.max_by_key(|(score, _)| *score).map(|(_, t)| t)
    }

    #[test]
    fn beginnings_of_words_and_whole_pieces_win() {
        let texts = ["Save", "Save as...", "Select all", "Show the SQL console", "Fit everything", "Stop"];
        assert_eq!(best("sa", &texts), Some("Save"));
        assert_eq!(best("saas", &texts), Some("Save as..."));
        assert_eq!(best("sql", &texts), Some("Show the SQL console"));
        assert_eq!(best("fe", &texts), Some("Fit everything"));
        assert_eq!(best("zzz", &texts), None);
    }

    #[test]
    fn korean_is_found_by_initial_consonants_and_half_syllables() {
        let texts = ["실행/일시 정지", "저장", "다른 이름으로 저장...", "자동 배치"];
        assert_eq!(best("ㅅㅎ", &texts), Some("실행/일시 정지"));
        assert_eq!(best("저자", &texts), Some("저장"));
        assert_eq!(best("자동", &texts), Some("자동 배치"));
        assert_eq!(best("ㅈㄷㅂㅊ", &texts), Some("자동 배치"));
    }
}
