//! Where text goes. A reader that went away is no error: what is not read is not written.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use weir_engine::report::clean;

use crate::failure::Failure;

/// Standard output and standard error.
#[derive(Debug, Default)]
pub(crate) struct Output {
    gone: bool,
    broken: bool,
}

impl Output {
    /// Writes a result. Ends the line when the text does not.
    pub(crate) fn print(&mut self, text: &str) {
        if self.gone || self.broken {
            return;
        }
        let mut out = io::stdout().lock();
        let end: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
        let written = out
            .write_all(text.as_bytes())
            .and_then(|()| out.write_all(end))
            .and_then(|()| out.flush());
        match written {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::BrokenPipe => self.gone = true,
            Err(e) => {
                self.broken = true;
                self.note(&format!("error: the result cannot be written ({e}): check the disk or the program that reads it"));
            }
        }
    }
    /// Writes a value as indented JSON.
    pub(crate) fn print_json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(Failure::new)?;
        self.print(&text);
        Ok(())
    }
    /// Writes a line for people to standard error. Control characters of hostile input do not reach the terminal.
    #[expect(
        clippy::unused_self,
        reason = "all that is written goes through this value"
    )]
    pub(crate) fn note(&self, line: &str) {
        // When even this cannot be written there is nobody to tell.
        let _unread = writeln!(io::stderr(), "{}", clean(line));
    }
    /// True when a result could not be written for a reason other than a reader that went away.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }
}

/// True when a person watches standard error.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}
