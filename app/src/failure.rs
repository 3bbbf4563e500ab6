//! Why something was refused, in sentences for people.

/// Why a command was refused, one sentence each.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) sentences: Vec<String>,
}

impl Failure {
    /// One sentence. `error: ` is put before it.
    pub(crate) fn new(sentence: impl std::fmt::Display) -> Self {
        Self {
            sentences: vec![format!("error: {sentence}")],
        }
    }
    /// The sentences without the word that goes before them on a terminal.
    pub(crate) fn plain(&self) -> String {
        let plain = self.sentences.iter();
        let plain = plain.map(|s| s.strip_prefix("error: ").unwrap_or(s));
        plain.collect::<Vec<_>>().join("\n")
    }
}
