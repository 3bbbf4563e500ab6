//! Names and figures side by side, as many a line as there is room for; a name never stands apart from its figure.

use egui::{Color32, Response, RichText, TextStyle, Ui};

use super::one_line;
use crate::designer::theme::theme;

/// A name, its figure, and a note after it.
pub(crate) struct Fact<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: String,
    pub(crate) note: String,
    pub(crate) colour: Color32,
}

impl<'a> Fact<'a> {
    /// A figure in the colour of text.
    pub(crate) fn new(name: &'a str, value: String) -> Self {
        Self {
            name,
            value,
            note: String::new(),
            colour: theme().text,
        }
    }
}

/// Shows them; those without a figure are left out. One response each, to say more on hover.
pub(crate) fn facts(ui: &mut Ui, all: &[Fact<'_>]) -> Vec<Option<Response>> {
    let t = theme();
    let body = TextStyle::Body.resolve(ui.style());
    let figures = TextStyle::Monospace.resolve(ui.style());
    let small = TextStyle::Small.resolve(ui.style());
    let width = |ui: &Ui, fact: &Fact<'_>| {
        let parts = [
            (fact.name, &body),
            (fact.value.as_str(), &figures),
            (fact.note.as_str(), &small),
        ];
        let text: f32 = parts
            .iter()
            .map(|(s, f)| one_line(ui, s, f, t.text, f32::INFINITY).size().x)
            .sum();
        text + 2.0 * t.space(0) + t.space(3)
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = t.space(0);
        let mut is_first = true;
        let one = |fact: &Fact<'_>| {
            if fact.value.is_empty() {
                return None;
            }
            if !is_first && ui.cursor().left() + width(ui, fact) > ui.max_rect().right() {
                ui.end_row();
            }
            is_first = false;
            let name = ui.label(RichText::new(fact.name).color(t.secondary));
            let value = RichText::new(&fact.value)
                .font(figures.clone())
                .color(fact.colour);
            let mut response = name | ui.add(egui::Label::new(value).truncate());
            if !fact.note.is_empty() {
                response |= ui.label(RichText::new(&fact.note).font(small.clone()).color(t.faint));
            }
            ui.add_space(t.space(3));
            Some(response)
        };
        all.iter().map(one).collect()
    })
    .inner
}
