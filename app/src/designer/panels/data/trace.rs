//! One record followed from hop to hop: the list of those that are followed, and the way of the one that was chosen.

use std::sync::Arc;

use egui::{RichText, Sense, TextStyle, Ui, WidgetInfo, WidgetType, pos2, vec2};
use weir_engine::node::{Category, TraceEnd};
use weir_engine::runtime::{Command as RunCommand, Trace};
use weir_engine::services;

use super::waterfall::{self, Way};
use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::{dropped_reason, failed_reason, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{beside, empty, format, icon_image, paint_icon};

/// What is kept between frames.
#[derive(Default)]
pub(super) struct Following {
    /// The record that is shown; the newest when there is none.
    chosen: Option<u64>,
    /// The source whose next record is asked for.
    source: Option<String>,
}

/// Where a followed record is, or how its way ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    OnItsWay,
    Ended(TraceEnd),
}

impl State {
    /// The worst of the ends of all branches: what failed is not hidden by what arrived.
    pub(super) fn of(trace: &Trace) -> Self {
        if !trace.is_over {
            return Self::OnItsWay;
        }
        let rank = |end: &TraceEnd| match end {
            TraceEnd::Failed(_) => 0,
            TraceEnd::Dropped(_) => 1,
            TraceEnd::Delivered => 2,
            TraceEnd::Regrouped => 3,
            TraceEnd::Ambiguous => 4,
            TraceEnd::GivenUp => 5,
        };
        let ends = trace.hops.iter().filter_map(|h| h.end.map(|(e, _)| e));
        ends.min_by_key(rank).map_or(Self::OnItsWay, Self::Ended)
    }
    pub(super) fn icon(self) -> &'static str {
        match self {
            Self::OnItsWay => "clock",
            Self::Ended(TraceEnd::Delivered) => "check",
            Self::Ended(TraceEnd::Dropped(_)) => "trash",
            Self::Ended(TraceEnd::Failed(_)) => "error",
            Self::Ended(TraceEnd::Regrouped) => "follow",
            Self::Ended(TraceEnd::Ambiguous | TraceEnd::GivenUp) => "unlink",
        }
    }
    pub(super) fn colour(self) -> egui::Color32 {
        let t = theme();
        match self {
            Self::OnItsWay => t.accent,
            Self::Ended(TraceEnd::Delivered) => t.green,
            Self::Ended(TraceEnd::Dropped(_)) => t.amber,
            Self::Ended(TraceEnd::Failed(_)) => t.red,
            Self::Ended(_) => t.secondary,
        }
    }
    pub(super) fn words(self) -> String {
        match self {
            Self::OnItsWay => tr("data.trace_open").to_owned(),
            Self::Ended(TraceEnd::Delivered) => tr("data.trace_delivered").to_owned(),
            Self::Ended(TraceEnd::Dropped(why)) => {
                trf("data.trace_dropped", &[("why", &dropped_reason(why))])
            }
            Self::Ended(TraceEnd::Failed(to)) => {
                trf("data.trace_failed", &[("to", &failed_reason(to))])
            }
            Self::Ended(TraceEnd::Regrouped) => tr("data.trace_regrouped").to_owned(),
            Self::Ended(TraceEnd::Ambiguous) => tr("data.trace_ambiguous").to_owned(),
            Self::Ended(TraceEnd::GivenUp) => tr("data.trace_given_up").to_owned(),
        }
    }
}

impl Following {
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(snapshot) = &cx.run.snapshot else {
            return;
        };
        let traces = Arc::clone(&snapshot.traces);
        egui::Panel::left("weir-data-traces")
            .default_size(270.0)
            .size_range(180.0..=420.0)
            .frame(egui::Frame::new().inner_margin(egui::Margin {
                right: 12,
                ..egui::Margin::ZERO
            }))
            .show(ui, |ui| {
                self.ask(ui, cx);
                self.list(ui, &traces);
            });
        let shown = self.shown(&traces);
        let Some(trace) = shown.and_then(|id| traces.iter().find(|t| t.id == id)) else {
            empty(
                ui,
                "trace",
                tr("data.no_traces_title"),
                tr("data.no_traces_text"),
                None,
            );
            return;
        };
        let way = Way {
            trace,
            now: snapshot.now,
        };
        beside(ui, |ui| waterfall::show(ui, cx, &way));
    }

    /// The one that was chosen; else the latest that was asked for, the latest that came to its end, the latest.
    fn shown(&self, traces: &[Arc<Trace>]) -> Option<u64> {
        let latest =
            |fits: &dyn Fn(&Trace) -> bool| traces.iter().rev().find(|t| fits(t)).map(|t| t.id);
        let chosen = self.chosen.filter(|id| traces.iter().any(|t| t.id == *id));
        let asked = || latest(&|t| t.is_asked);
        chosen
            .or_else(asked)
            .or_else(|| latest(&|t| t.is_over))
            .or_else(|| latest(&|_| true))
    }

    /// Asks for the next record of a source to be followed.
    fn ask(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let sources: Vec<&str> = cx
            .run
            .snapshot
            .iter()
            .flat_map(|s| &s.nodes)
            .filter(|n| is_source(n.kind))
            .map(|n| n.id.as_str())
            .collect();
        let Some(first) = sources.first() else { return };
        let selected = cx.selection.single_node().filter(|n| sources.contains(n));
        let kept = self.source.as_deref().filter(|n| sources.contains(n));
        let source = selected.or(kept).unwrap_or(first).to_owned();
        ui.horizontal(|ui| {
            let label = trf("data.trace_next", &[("source", &source)]);
            let button =
                ui.add_enabled(cx.run.phase.is_live(), egui::Button::new(label).truncate());
            if button.on_hover_text(tr("data.trace_next_help")).clicked() {
                self.chosen = None;
                cx.act(Act::Run(RunCommand::Trace(source.clone())));
            }
            if sources.len() > 1 && selected.is_none() {
                egui::ComboBox::new("weir-trace-source", "")
                    .selected_text(source.as_str())
                    .width(90.0)
                    .truncate()
                    .show_ui(ui, |ui| {
                        for name in &sources {
                            if ui.selectable_label(*name == source, *name).clicked() {
                                self.source = Some((*name).to_owned());
                            }
                        }
                    });
            }
        });
    }

    /// The followed records, the newest first.
    fn list(&mut self, ui: &mut Ui, traces: &[Arc<Trace>]) {
        let t = theme();
        let body = TextStyle::Body.resolve(ui.style());
        let figures = TextStyle::Monospace.resolve(ui.style());
        let height = (body.size * 1.9).round();
        let shown = self.shown(traces);
        let area = egui::ScrollArea::vertical()
            .id_salt("weir-trace-list")
            .auto_shrink(false);
        ui.spacing_mut().item_spacing.y = 0.0;
        area.show_rows(ui, height, traces.len(), |ui, range| {
            for i in range {
                let Some(trace) = traces.len().checked_sub(i + 1).and_then(|i| traces.get(i))
                else {
                    continue;
                };
                let state = State::of(trace);
                let is_shown = shown == Some(trace.id);
                let (rect, hit) =
                    ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
                hit.widget_info(|| {
                    let born = format::clock(trace.born.as_secs_f64());
                    let label = format!("{} {born}: {}", trace.source, state.words());
                    WidgetInfo::selected(WidgetType::SelectableLabel, true, is_shown, label)
                });
                if is_shown || hit.hovered() || hit.has_focus() {
                    let fill = if is_shown {
                        t.tint(t.accent, 0.2)
                    } else {
                        t.raised
                    };
                    ui.painter().rect_filled(rect, t.shape.radius_control, fill);
                }
                let middle = rect.center().y;
                let mark = egui::Rect::from_center_size(
                    pos2(rect.left() + 14.0, middle),
                    vec2(15.0, 15.0),
                );
                paint_icon(ui, icon_image(state.icon()), mark, state.colour());
                let born = format::clock(trace.born.as_secs_f64());
                let right = ui.painter().text(
                    pos2(rect.right() - 8.0, middle),
                    egui::Align2::RIGHT_CENTER,
                    born,
                    figures.clone(),
                    t.secondary,
                );
                let mut left = rect.left() + 28.0;
                if trace.is_asked {
                    let pin =
                        egui::Rect::from_center_size(pos2(left + 6.0, middle), vec2(12.0, 12.0));
                    paint_icon(ui, icon_image("pin"), pin, t.accent);
                    left += 16.0;
                }
                let clip = egui::Rect::from_min_max(
                    pos2(left, rect.top()),
                    pos2(right.left() - 6.0, rect.bottom()),
                );
                let painter = ui.painter().with_clip_rect(clip.intersect(ui.clip_rect()));
                painter.text(
                    pos2(left, middle),
                    egui::Align2::LEFT_CENTER,
                    &trace.source,
                    body.clone(),
                    t.text,
                );
                if hit.on_hover_text(state.words()).clicked() {
                    self.chosen = Some(trace.id);
                }
            }
        });
    }
}

fn is_source(kind: &str) -> bool {
    services::kind(kind).is_some_and(|k| k.spec().category == Category::Source)
}

/// Who the record is, when it was born, how long its way took, what it stands for.
pub(super) fn heading(ui: &mut Ui, way: &Way<'_>) {
    let t = theme();
    let state = State::of(way.trace);
    ui.horizontal_wrapped(|ui| {
        crate::designer::widgets::icon(ui, state.icon(), 16.0, state.colour());
        ui.label(RichText::new(state.words()).color(state.colour()));
        let born = format::clock(way.trace.born.as_secs_f64());
        let took = format::millis(way.seconds() * 1e3);
        ui.label(
            RichText::new(trf("data.trace_took", &[("born", &born), ("took", &took)]))
                .color(t.secondary),
        );
        if way.trace.weight > 1 {
            let n = format::count(u64::from(way.trace.weight));
            ui.label(RichText::new(trf("data.trace_weight", &[("n", &n)])).color(t.faint));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_engine::runtime::Hop;
    use weir_engine::units::SimTime;

    fn hop(end: Option<TraceEnd>) -> Hop {
        Hop {
            from: None,
            node: "a".to_owned(),
            port: "in",
            arrived: SimTime::ZERO,
            first_sent: None,
            left: None,
            tries: 0,
            refusals: 0,
            parts: Vec::new(),
            end: end.map(|e| (e, SimTime::ZERO)),
        }
    }

    #[test]
    fn what_failed_is_not_hidden_by_what_arrived() {
        let mut trace = Trace {
            id: 0,
            source: "producer".to_owned(),
            born: SimTime::ZERO,
            weight: 1,
            is_asked: false,
            hops: vec![
                hop(None),
                hop(Some(TraceEnd::Delivered)),
                hop(Some(TraceEnd::Failed("lost"))),
            ],
            is_over: false,
        };
        assert_eq!(State::of(&trace), State::OnItsWay);
        trace.is_over = true;
        assert_eq!(State::of(&trace), State::Ended(TraceEnd::Failed("lost")));
        trace.hops.pop();
        assert_eq!(State::of(&trace), State::Ended(TraceEnd::Delivered));
    }
}
