//! Short messages about what happened elsewhere; each goes by itself.

use std::borrow::Cow;

use egui::{Align2, RichText, Ui};

use super::cx::Tone;
use super::i18n::said;
use super::theme::theme;
use super::widgets::icon;

/// Seconds that a message stays; an error twice as long.
const STAY: f64 = 5.0;
/// Messages at once.
const MOST: usize = 4;

struct Toast {
    tone: Tone,
    text: String,
    /// Frame time at which it goes; set when it is first shown.
    until: Option<f64>,
}

/// The messages that are shown.
#[derive(Default)]
pub(crate) struct Toasts(Vec<Toast>);

impl Toasts {
    /// Adds a message.
    pub(crate) fn push(&mut self, tone: Tone, text: String) {
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        // Much of what goes wrong is told by the engine.
        let korean = match said(&text) {
            Cow::Owned(korean) => Some(korean),
            Cow::Borrowed(_) => None,
        };
        self.0.push(Toast {
            tone,
            text: korean.unwrap_or(text),
            until: None,
        });
    }
    /// Draws them above the status bar.
    pub(crate) fn show(&mut self, ui: &Ui) {
        let now = ui.input(|i| i.time);
        for toast in &mut self.0 {
            let stay = if toast.tone == Tone::Bad {
                2.0 * STAY
            } else {
                STAY
            };
            toast.until.get_or_insert(now + stay);
        }
        self.0.retain(|t| t.until.is_none_or(|u| u > now));
        let Some(next) = self.0.iter().filter_map(|t| t.until).min_by(f64::total_cmp) else {
            return;
        };
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_secs_f64((next - now).max(0.05)));
        egui::Area::new(egui::Id::new("weir-toasts"))
            .anchor(Align2::CENTER_BOTTOM, [0.0, -48.0])
            .order(egui::Order::Tooltip)
            .show(ui.ctx(), |ui| {
                let mut closed = None;
                for (i, toast) in self.0.iter().enumerate() {
                    if one(ui, toast).clicked() {
                        closed = Some(i);
                    }
                }
                if let Some(i) = closed {
                    self.0.remove(i);
                }
            });
    }
}

fn one(ui: &mut Ui, toast: &Toast) -> egui::Response {
    let t = theme();
    let (name, colour) = match toast.tone {
        Tone::Info => ("info", t.accent),
        Tone::Good => ("check", t.green),
        Tone::Bad => ("error", t.red),
    };
    let frame = egui::Frame::popup(ui.style()).stroke(egui::Stroke::new(1.0, colour));
    let inner = frame.show(ui, |ui| {
        ui.set_max_width(560.0);
        ui.horizontal(|ui| {
            icon(ui, name, 18.0, colour);
            ui.label(RichText::new(&toast.text));
        });
    });
    inner.response.interact(egui::Sense::click())
}
