//! JSON in colours: names, texts, figures.

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId};

use crate::designer::theme::theme;

/// The text with its colours.
pub(super) fn json(text: &str, font: &FontId) -> LayoutJob {
    let t = theme();
    let mut job = LayoutJob {
        text: text.to_owned(),
        ..LayoutJob::default()
    };
    job.wrap.max_width = f32::INFINITY;
    let bytes = text.as_bytes();
    let mut add = |from: usize, to: usize, ink: Color32| {
        if from < to {
            let format = TextFormat {
                font_id: font.clone(),
                color: ink,
                ..TextFormat::default()
            };
            let range = egui::text::ByteIndex(from)..egui::text::ByteIndex(to);
            job.sections.push(egui::text::LayoutSection {
                leading_space: 0.0,
                byte_range: range,
                format,
            });
        }
    };
    let mut at = 0;
    let mut plain = 0;
    while let Some(byte) = bytes.get(at) {
        let (end, ink) = match byte {
            b'"' => {
                let end = string_end(bytes, at);
                let next = bytes
                    .get(end..)
                    .into_iter()
                    .flatten()
                    .find(|b| !b.is_ascii_whitespace());
                (
                    end,
                    if next == Some(&b':') {
                        t.accent
                    } else {
                        t.hue("storage")
                    },
                )
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => (word_end(bytes, at), t.hue("function")),
            _ => {
                at += 1;
                continue;
            }
        };
        add(plain, at, t.secondary);
        add(at, end, ink);
        (at, plain) = (end, end);
    }
    add(plain, bytes.len(), t.secondary);
    job
}

/// The byte after the text that begins at `from`. A text ends with its line, so that a missing quote colours one line only.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\n' => return at,
            b'\\' if bytes.get(at + 1).is_some_and(u8::is_ascii) => at += 2,
            _ => at += 1,
        }
    }
    bytes.len().min(at)
}

/// The byte after the figure or word that begins at `from`.
fn word_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')));
    from + length.unwrap_or(rest.len())
}
