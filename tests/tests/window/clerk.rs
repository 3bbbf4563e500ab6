//! Who answers file dialogs in tests.

use std::collections::VecDeque;
use std::sync::Mutex;

use weir_app::designer::{FileChoice, FileDialogs, FileReply, FileWish};

/// Answers file dialogs: what is asked is kept, what is answered was said before.
#[derive(Debug, Default)]
pub(crate) struct Clerk {
    answers: Mutex<VecDeque<FileChoice>>,
    asked: Mutex<Vec<String>>,
}

impl Clerk {
    /// The next dialog comes to this.
    pub(crate) fn answers(&self, choice: FileChoice) {
        self.answers.lock().unwrap().push_back(choice);
    }
    /// What was asked since the last time: `read` or `write`, and the proposed name.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl FileDialogs for Clerk {
    fn ask(&self, wish: &FileWish<'_>) -> Option<FileReply> {
        let way = if wish.writes { "write" } else { "read" };
        let mut asked = self.asked.lock().unwrap();
        asked.push(format!("{way} {}", wish.name));
        let answer = self.answers.lock().unwrap().pop_front()?;
        Some(Box::pin(std::future::ready(answer)))
    }
}
