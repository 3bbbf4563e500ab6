//! Presenter mode: the drawing, the plots, a big run bar and one line that says what is happening; nothing else.

use egui::{Context, Key, Modifiers, RichText, Ui};
use weir_engine::document::{Action, Step};
use weir_engine::units::SimDuration;

use super::command::Command;
use super::cx::{Act, Cx};
use super::i18n::{tr, trf};
use super::live::Phase;
use super::theme::{figures, semibold, theme};
use super::widgets::format::clock;

/// The keys of a presenter: Space goes on, Escape leaves. What they ask for.
pub(super) fn keys(ctx: &Context, phase: &Phase) -> Vec<Act> {
    if ctx.egui_wants_keyboard_input() {
        return Vec::new();
    }
    let (space, escape) = ctx.input_mut(|i| {
        (
            i.consume_key(Modifiers::NONE, Key::Space),
            i.consume_key(Modifiers::NONE, Key::Escape),
        )
    });
    let mut acts = Vec::new();
    if space {
        // Before there is a run, going on is beginning.
        let is_still = matches!(phase, Phase::Idle | Phase::Ended | Phase::Paused);
        acts.push(Act::Do(if is_still {
            Command::Run
        } else {
            Command::NextStep
        }));
    }
    if escape {
        acts.push(Act::Do(Command::Presenter));
    }
    acts
}

/// The line below the drawing: the step that is on, the next one, and what the pipeline is for.
pub(super) fn caption(ui: &mut Ui, cx: &Cx<'_>) {
    let t = theme();
    let steps = cx
        .run
        .doc
        .as_ref()
        .map_or(cx.doc.scenario.as_slice(), |d| d.scenario.as_slice());
    let now = SimDuration::from_secs_f64(cx.run.now_seconds());
    let is_begun = cx.run.snapshot.is_some();
    let (on, next) = if is_begun {
        around(steps, now)
    } else {
        (None, steps.iter().min_by_key(|s| s.at))
    };
    ui.horizontal_wrapped(|ui| {
        match on {
            Some(step) => {
                ui.label(
                    RichText::new(at(step))
                        .font(figures(t.shape.emphasis))
                        .color(t.accent),
                );
                ui.label(RichText::new(words(step)).font(semibold(t.shape.emphasis)));
            }
            None => {
                ui.label(RichText::new(&cx.doc.name).font(semibold(t.shape.emphasis)));
            }
        }
        if let Some(step) = next {
            let text = trf(
                "files.presenter_next",
                &[("at", &at(step)), ("what", &words(step))],
            );
            ui.label(RichText::new(text).color(t.faint));
        }
    });
    let about = cx.doc.description.as_deref().filter(|d| !d.is_empty());
    if let Some(about) = about {
        ui.label(RichText::new(about).color(t.secondary));
    } else if steps.is_empty() {
        ui.label(RichText::new(tr("files.presenter_keys")).color(t.faint));
    }
}

/// The step that began last and is still on at `now`, and the one that comes next.
fn around(steps: &[Step], now: SimDuration) -> (Option<&Step>, Option<&Step>) {
    let is_on = |s: &&Step| match &s.action {
        Action::Fault {
            lasts: Some(lasts), ..
        } => now.0 < s.at.0.saturating_add(lasts.0),
        _ => true,
    };
    let on = steps
        .iter()
        .filter(|s| s.at <= now)
        .filter(is_on)
        .max_by_key(|s| s.at);
    (on, steps.iter().filter(|s| s.at > now).min_by_key(|s| s.at))
}

fn at(step: &Step) -> String {
    clock(step.at.as_secs_f64())
}

/// A step in words: `producer: records_per_second = 9000`.
fn words(step: &Step) -> String {
    let values = |map: &serde_json::Map<String, serde_json::Value>| {
        let parts = map.iter().map(|(k, v)| {
            format!(
                "{k} = {}",
                v.as_str().map_or_else(|| v.to_string(), str::to_owned)
            )
        });
        parts.collect::<Vec<_>>().join(", ")
    };
    match &step.action {
        Action::Set(map) => format!("{}: {}", step.node, values(map)),
        Action::Fault {
            name, parameters, ..
        } if parameters.is_empty() => format!("{}: {name}", step.node),
        Action::Fault {
            name, parameters, ..
        } => format!("{}: {name} ({})", step.node, values(parameters)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<Step> {
        serde_json::from_str(
            r#"[{ "at": "10m", "node": "producer", "set": { "records_per_second": 9000 } },
                { "at": "15m", "node": "enrich", "fault": "errors", "for": "2m", "rate": 0.2 }]"#,
        )
        .unwrap()
    }

    #[test]
    fn the_caption_says_which_step_is_on() {
        let steps = steps();
        let said = |minutes: u64| {
            let (on, next) = around(&steps, SimDuration::secs(minutes * 60));
            (on.map(words), next.map(at))
        };
        assert_eq!(said(5), (None, Some("0:10:00".to_owned())));
        assert_eq!(said(12).0.unwrap(), "producer: records_per_second = 9000");
        assert_eq!(said(16).0.unwrap(), "enrich: errors (rate = 0.2)");
        // The fault is over; what was set before it holds on.
        assert_eq!(
            said(20),
            (Some("producer: records_per_second = 9000".to_owned()), None)
        );
    }
}
