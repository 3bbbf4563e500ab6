//! The palette of kinds: drag one onto the canvas, or double-click it.

use egui::{Key, RichText, Sense, Ui, vec2};
use weir_engine::node::KindSpec;
use weir_engine::services;

use crate::designer::canvas::{CATEGORIES, NewKind, add_soon, find};
use crate::designer::cx::Cx;
use crate::designer::i18n::{category_name, kind_summary, kind_title, tr};
use crate::designer::theme::{regular, theme};
use crate::designer::widgets::{kind_icon, paint_icon, section};

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Palette {
    query: String,
}

impl Palette {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        let field = egui::TextEdit::singleline(&mut self.query)
            .hint_text(tr("canvas.palette_hint"))
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.widget_info(|| {
            egui::WidgetInfo::text_edit(true, "", &self.query, tr("canvas.palette_search"))
        });
        let entered = response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        let query = self.query.trim().to_owned();
        let found = find(&query, &cx.prefs.recent_kinds);
        if let Some(best) = found.first().filter(|_| entered && !query.is_empty()) {
            add_soon(ui.ctx(), NewKind(best.id));
            self.query.clear();
        }
        ui.add_space(t.space(0));
        egui::ScrollArea::vertical()
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                if !query.is_empty() {
                    if found.is_empty() {
                        ui.label(RichText::new(tr("canvas.search_nothing")).color(t.secondary));
                    }
                    for spec in found {
                        entry(ui, spec);
                    }
                    return;
                }
                for category in CATEGORIES {
                    let kinds = services::ALL
                        .iter()
                        .map(|k| k.spec())
                        .filter(|s| s.category == category);
                    let mut kinds = kinds.peekable();
                    if kinds.peek().is_some() {
                        section(ui, category_name(category));
                        kinds.for_each(|spec| entry(ui, spec));
                    }
                }
                ui.add_space(t.space(2));
                ui.label(
                    RichText::new(tr("canvas.palette_help"))
                        .color(t.faint)
                        .size(t.shape.caption),
                );
            });
    }
}

fn entry(ui: &mut Ui, spec: &'static KindSpec) {
    let t = theme();
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::click_and_drag());
    let title = kind_title(spec);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, title));
    let focused = response.has_focus();
    if response.hovered() || response.dragged() || focused {
        ui.painter()
            .rect_filled(rect, t.shape.radius_control, t.raised);
    }
    let mark = egui::Rect::from_center_size(
        egui::pos2(rect.left() + 14.0, rect.center().y),
        vec2(18.0, 18.0),
    );
    paint_icon(ui, kind_icon(spec), mark, t.category(spec.category));
    let mut job =
        egui::text::LayoutJob::simple_singleline(title.to_owned(), regular(t.shape.body), t.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.right() - mark.right() - 12.0);
    let galley = ui.painter().layout_job(job);
    let at = egui::pos2(mark.right() + 8.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, t.text);
    if response.drag_started() {
        egui::DragAndDrop::set_payload(ui.ctx(), NewKind(spec.id));
    }
    let enter = focused && ui.input(|i| i.key_pressed(Key::Enter));
    if response.double_clicked() || enter {
        add_soon(ui.ctx(), NewKind(spec.id));
    }
    response
        .on_hover_cursor(egui::CursorIcon::Grab)
        .on_hover_text(kind_summary(spec));
}
