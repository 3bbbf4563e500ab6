//! How well a text answers what a person typed: letters in order, better at the beginnings of words and in one piece.
//! Korean is compared by its letters, so that half a syllable and initial consonants alone find it too.

/// The initial consonants of Korean syllables, in the order of Unicode.
const INITIALS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ',
    'ㅌ', 'ㅍ', 'ㅎ',
];
/// The vowels.
const VOWELS: [char; 21] = [
    'ㅏ', 'ㅐ', 'ㅑ', 'ㅒ', 'ㅓ', 'ㅔ', 'ㅕ', 'ㅖ', 'ㅗ', 'ㅘ', 'ㅙ', 'ㅚ', 'ㅛ', 'ㅜ', 'ㅝ', 'ㅞ',
    'ㅟ', 'ㅠ', 'ㅡ', 'ㅢ', 'ㅣ',
];
/// The final consonants; the first place is for none.
const FINALS: [char; 28] = [
    ' ', 'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ',
    'ㅁ', 'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
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

/// What a letter is worth: where a word begins, after the letter before it, elsewhere.
const BEGINS: i32 = 8;
const FOLLOWS: i32 = 9;
const ELSEWHERE: i32 = 1;

/// A query, taken apart once: its words, each of which must be found, in any order.
pub(super) struct Query(Vec<Vec<char>>);

impl Query {
    /// What a person typed.
    pub(super) fn new(text: &str) -> Self {
        let word = |w: &str| {
            letters(w)
                .into_iter()
                .map(|(c, _)| c)
                .collect::<Vec<char>>()
        };
        Self(
            text.split_whitespace()
                .map(word)
                .filter(|w| !w.is_empty())
                .collect(),
        )
    }
    /// True when nothing was typed.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How well `text` answers, more is better; `None` when it does not.
    pub(super) fn score(&self, text: &str) -> Option<i32> {
        let text = letters(text);
        let words = self.0.iter().map(|word| best(word, &text));
        let sum = words.sum::<Option<i32>>()?;
        // Of equal answers the shorter one.
        let length = i32::try_from(text.len()).unwrap_or(i32::MAX);
        Some(sum * 64 - length.min(63))
    }
}

/// The best way to find the letters of `word` in `text`, in their order.
fn best(word: &[char], text: &[Letter]) -> Option<i32> {
    // For each place of the text: the best score of the letters so far, the last of them there.
    let mut scores: Vec<Option<i32>> = Vec::new();
    for (n, wanted) in word.iter().enumerate() {
        let mut before: Option<i32> = None;
        let mut next = Vec::with_capacity(text.len());
        for (i, (letter, begins)) in text.iter().enumerate() {
            let own = if *begins { BEGINS } else { ELSEWHERE };
            let beside = i
                .checked_sub(1)
                .and_then(|p| scores.get(p).copied().flatten());
            let score = if n == 0 {
                Some(own + if i == 0 { 4 } else { 0 })
            } else {
                beside.map(|s| s + FOLLOWS).max(before.map(|s| s + own))
            };
            next.push(score.filter(|_| letter == wanted));
            before = before.max(beside);
        }
        scores = next;
    }
    scores.into_iter().flatten().max()
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
        let texts = [
            "Save",
            "Save as...",
            "Select all",
            "Show the SQL console",
            "Fit everything",
            "Stop",
        ];
        assert_eq!(best("sa", &texts), Some("Save"));
        assert_eq!(best("saas", &texts), Some("Save as..."));
        assert_eq!(best("sql", &texts), Some("Show the SQL console"));
        assert_eq!(best("fe", &texts), Some("Fit everything"));
        assert_eq!(best("zzz", &texts), None);
    }

    #[test]
    fn korean_is_found_by_initial_consonants_and_half_syllables() {
        let texts = [
            "실행/일시 정지",
            "저장",
            "다른 이름으로 저장...",
            "자동 배치",
        ];
        assert_eq!(best("ㅅㅎ", &texts), Some("실행/일시 정지"));
        assert_eq!(best("저자", &texts), Some("저장"));
        assert_eq!(best("자동", &texts), Some("자동 배치"));
        assert_eq!(best("ㅈㄷㅂㅊ", &texts), Some("자동 배치"));
    }
}
