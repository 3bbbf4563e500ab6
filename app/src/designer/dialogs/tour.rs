//! The tour: six steps over the window as it is, the last one with live data on the screen. Nothing is blocked meanwhile.

use egui::{
    Align, Id, Key, Layout, Modifiers, Order, Rect, RichText, Stroke, StrokeKind, Ui, Vec2,
};
use weir_engine::runtime::Pace;

use crate::designer::cx::{Act, Cx, Work};
use crate::designer::edit::{Item, Selection};
use crate::designer::i18n::{tr, trf};
use crate::designer::live::Phase;
use crate::designer::panes::Pane;
use crate::designer::regions::Region;
use crate::designer::theme::{regular, semibold, theme};
use crate::designer::widgets::primary;

/// What the tour opens where nothing is drawn.
const EXAMPLE: &str = "weekend-transactions";
/// How fast the tour's run goes.
const PACE: Pace = Pace::Times(60.0);
const CARD: Vec2 = Vec2::new(300.0, 196.0);

/// A step: what it is about, its title and its text.
struct Step {
    region: Region,
    title: &'static str,
    text: &'static str,
}

const STEPS: usize = 6;
/// The step that waits for the run.
const RUN: usize = 3;

fn step(number: usize) -> Step {
    let (region, title, text) = match number {
        0 => (
            Region::Pane(Pane::Canvas),
            tr("files.tour_1"),
            tr("files.tour_1_text"),
        ),
        1 => (
            Region::Pane(Pane::Canvas),
            tr("files.tour_2"),
            tr("files.tour_2_text"),
        ),
        2 => (
            Region::Inspector,
            tr("files.tour_3"),
            tr("files.tour_3_text"),
        ),
        RUN => (Region::RunBar, tr("files.tour_4"), tr("files.tour_4_text")),
        4 => (
            Region::Pane(Pane::Plots),
            tr("files.tour_5"),
            tr("files.tour_5_text"),
        ),
        _ => (
            Region::Pane(Pane::Data),
            tr("files.tour_6"),
            tr("files.tour_6_text"),
        ),
    };
    Step {
        region,
        title,
        text,
    }
}

/// What the tour keeps between frames.
#[derive(Default)]
pub(super) struct Tour {
    at: usize,
    /// The step was prepared.
    ready: bool,
    /// What the keys of this frame answer.
    typed: Option<Answer>,
}

impl Tour {
    /// From the beginning.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// Takes its keys, unless something that has the focus wants them.
    pub(super) fn keys(&mut self, ctx: &egui::Context) {
        if !ctx.egui_wants_keyboard_input() {
            self.typed = ctx.input_mut(typed);
        }
    }

    /// Draws it. False when it is over.
    pub(super) fn show(&mut self, ui: &Ui, cx: &Cx<'_>) -> bool {
        if !std::mem::replace(&mut self.ready, true) {
            self.prepare(cx);
        }
        let step = step(self.at);
        let rect = step.region.rect(ui.ctx());
        dim(ui, rect);
        let mut answer = self.card(ui, cx, &step, rect);
        answer = answer.or(self.typed.take());
        let last = STEPS - 1;
        match answer {
            Some(Answer::Next) if self.at == last => return self.end(cx),
            Some(Answer::Next) => {
                if self.at == RUN {
                    start(cx);
                }
                self.go(self.at + 1);
            }
            Some(Answer::Back) => self.go(self.at.saturating_sub(1)),
            Some(Answer::End) => return self.end(cx),
            None => {}
        }
        if answer.is_some() {
            ui.ctx().request_repaint();
        }
        true
    }

    const fn go(&mut self, to: usize) {
        self.at = to;
        self.ready = false;
    }

    /// Brings up what the step is about.
    fn prepare(&self, cx: &Cx<'_>) {
        match self.at {
            0 if cx.doc.nodes.is_empty() => cx.act(Act::OpenTemplate(EXAMPLE)),
            2 => {
                let mut prefs = cx.prefs.clone();
                prefs.inspector = true;
                cx.act(Act::Prefs(Box::new(prefs)));
                // The second node is something that records pass through.
                if let Some(node) = cx.doc.nodes.get(1).or_else(|| cx.doc.nodes.first()) {
                    cx.act(Act::Select(Selection::node(&node.id)));
                }
            }
            4 => cx.act(Act::Show(Pane::Plots)),
            5 => {
                cx.act(Act::Show(Pane::Data));
                if let Some(wire) = cx.doc.wires.first() {
                    cx.act(Act::Select(Selection::one(Item::wire(wire))));
                }
            }
            _ => {}
        }
    }

    fn end(&self, cx: &Cx<'_>) -> bool {
        let mut prefs = cx.prefs.clone();
        prefs.tour_done = true;
        cx.act(Act::Prefs(Box::new(prefs)));
        false
    }

    fn card(&self, ui: &Ui, cx: &Cx<'_>, step: &Step, rect: Option<Rect>) -> Option<Answer> {
        let t = theme();
        let at = place(ui.ctx().content_rect(), rect);
        let mut answer = None;
        let area = egui::Area::new(Id::new("weir-tour"))
            .order(Order::Foreground)
            .fixed_pos(at)
            .constrain(true);
        area.show(ui.ctx(), |ui| {
            let frame = egui::Frame::window(ui.style())
                .stroke(Stroke::new(1.0, t.accent))
                .inner_margin(t.space(3));
            frame.show(ui, |ui| {
                ui.set_width(CARD.x - 2.0 * t.space(3));
                let count = trf(
                    "files.tour_count",
                    &[("at", &(self.at + 1)), ("all", &STEPS)],
                );
                ui.label(
                    RichText::new(count)
                        .font(regular(t.shape.caption))
                        .color(t.accent),
                );
                ui.label(RichText::new(step.title).font(semibold(t.shape.emphasis)));
                ui.add(egui::Label::new(RichText::new(step.text).color(t.secondary)).wrap());
                ui.add_space(t.space(2));
                ui.horizontal(|ui| {
                    let skip =
                        egui::Link::new(RichText::new(tr("files.tour_skip")).color(t.secondary));
                    if self.at + 1 < STEPS && ui.add(skip).clicked() {
                        answer = Some(Answer::End);
                    }
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        if primary(ui, self.next_word(cx)).clicked() {
                            answer = Some(Answer::Next);
                        }
                        if self.at > 0 && ui.button(tr("files.tour_back")).clicked() {
                            answer = Some(Answer::Back);
                        }
                    });
                });
            });
        });
        answer
    }

    fn next_word(&self, cx: &Cx<'_>) -> &'static str {
        match self.at {
            RUN if is_startable(cx) => tr("files.tour_run"),
            n if n + 1 == STEPS => tr("files.tour_end"),
            _ => tr("files.tour_next"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Next,
    Back,
    End,
}

/// The answer that a key gives.
fn typed(input: &mut egui::InputState) -> Option<Answer> {
    let keys = [
        (Key::Escape, Answer::End),
        (Key::Enter, Answer::Next),
        (Key::ArrowRight, Answer::Next),
        (Key::ArrowLeft, Answer::Back),
    ];
    let mut pressed = keys
        .into_iter()
        .filter(|(key, _)| input.consume_key(Modifiers::NONE, *key));
    pressed.next().map(|(_, answer)| answer)
}

const fn is_startable(cx: &Cx<'_>) -> bool {
    matches!(cx.run.phase, Phase::Idle | Phase::Ended)
}

fn start(cx: &Cx<'_>) {
    if is_startable(cx) {
        cx.act(Act::Pace(PACE));
        cx.act(Act::Begin(Work::Run { paused: false }));
    }
}

/// Fades everything but `rect`. Takes no input.
fn dim(ui: &Ui, rect: Option<Rect>) {
    let t = theme();
    let all = ui.ctx().content_rect();
    let painter = ui
        .ctx()
        .layer_painter(egui::LayerId::new(Order::Middle, Id::new("weir-tour-dim")));
    let veil = t.canvas.gamma_multiply(0.66);
    let Some(rect) = rect else {
        painter.rect_filled(all, 0.0, veil);
        return;
    };
    let rect = rect.intersect(all);
    let parts = [
        Rect::from_min_max(all.min, egui::pos2(all.right(), rect.top())),
        Rect::from_min_max(egui::pos2(all.left(), rect.bottom()), all.max),
        Rect::from_min_max(egui::pos2(all.left(), rect.top()), rect.left_bottom()),
        Rect::from_min_max(rect.right_top(), egui::pos2(all.right(), rect.bottom())),
    ];
    for part in parts.into_iter().filter(|p| p.is_positive()) {
        painter.rect_filled(part, 0.0, veil);
    }
    painter.rect_stroke(
        rect,
        t.shape.radius_control,
        Stroke::new(2.0, t.accent),
        StrokeKind::Inside,
    );
}

/// Where the card goes: beside what it talks about, below, above, right or left of it, where there is room.
fn place(all: Rect, rect: Option<Rect>) -> egui::Pos2 {
    let gap = theme().space(2);
    let all = all.shrink(gap);
    let Some(rect) = rect else {
        return all.center() - CARD * 0.5;
    };
    let places = [
        egui::pos2(rect.left() + gap, rect.bottom() + gap),
        egui::pos2(rect.left() + gap, rect.top() - gap - CARD.y),
        egui::pos2(rect.right() + gap, rect.center().y - CARD.y * 0.5),
        egui::pos2(rect.left() - gap - CARD.x, rect.top() + gap),
    ];
    let fits = |p: &egui::Pos2| all.contains_rect(Rect::from_min_size(*p, CARD));
    let inside = rect.right_bottom() - CARD - Vec2::splat(gap);
    places.into_iter().find(fits).unwrap_or(inside)
}
