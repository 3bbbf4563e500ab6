//! The form of parameters: fields under their headings, and what is wrong beside them.

use egui::{RichText, Ui};
use weir_engine::node::Problem;

use super::field;
use super::schema::{Field, common};
use super::target::{Drafts, Target};
use super::value::sentence;
use crate::designer::cx::Cx;
use crate::designer::edit::Edit;
use crate::designer::i18n::{group_name, tr, trf};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{icon, icon_button};

/// Shows the parameters of the nodes `ids`: all of one node, those in common of several.
pub(super) fn show<'a>(
    ui: &mut Ui,
    cx: &Cx<'_>,
    ids: impl IntoIterator<Item = &'a str>,
    drafts: &mut Drafts,
) {
    let ids: Vec<&str> = ids.into_iter().collect();
    let Some(target) = Target::new(cx, ids.iter().copied()) else {
        return;
    };
    let fields = common(&target.kinds());
    if let [id] = ids.as_slice() {
        elsewhere(ui, cx, id, &fields);
    }
    if fields.is_empty() {
        let text = if target.is_one_kind {
            "inspector.no_params"
        } else {
            "inspector.nothing_common"
        };
        ui.label(RichText::new(tr(text)).color(theme().secondary));
        return;
    }
    let mut group = "";
    let mut open = true;
    for (i, field) in fields.iter().enumerate() {
        if field.group != group {
            group = &field.group;
            let count = fields
                .iter()
                .skip(i)
                .take_while(|f| f.group == *group)
                .count();
            open = heading(ui, &target, group, &fields[i..i + count], drafts);
        }
        if open {
            field::show(ui, &target, field, drafts);
        }
    }
}

/// The heading of a group, which opens and closes it. True when it is open.
fn heading(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    group: &str,
    fields: &[&Field],
    drafts: &mut Drafts,
) -> bool {
    if group.is_empty() {
        return true;
    }
    let t = theme();
    let changed = fields
        .iter()
        .filter(|f| field::is_changed(target, f))
        .count();
    let wrong = fields.iter().any(|f| !target.problems(f).is_empty());
    let colour = if wrong { t.red } else { t.secondary };
    let mut title = group_name(group).to_owned();
    if changed > 0 {
        title = format!(
            "{title} · {}",
            trf("inspector.changed", &[("count", &changed)])
        );
    }
    ui.add_space(t.space(0));
    let key = (target.kind.to_owned(), group.to_owned());
    let is_open = !drafts.closed.contains(&key);
    let line = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = t.space(0);
        icon(
            ui,
            if is_open {
                "chevron-down"
            } else {
                "chevron-right"
            },
            14.0,
            t.secondary,
        );
        let text = RichText::new(title.as_str())
            .font(semibold(t.shape.caption))
            .color(colour);
        ui.add(egui::Label::new(text).wrap().selectable(false));
    });
    let response = line
        .response
        .interact(egui::Sense::click())
        .on_hover_cursor(egui::CursorIcon::PointingHand);
    response.widget_info(|| {
        egui::WidgetInfo::selected(
            egui::WidgetType::CollapsingHeader,
            ui.is_enabled(),
            is_open,
            &title,
        )
    });
    if response.clicked() && !drafts.closed.remove(&key) {
        drafts.closed.insert(key);
    }
    is_open
}

/// Problems of the node that belong to no field of the form, and parameters that its kind does not have.
fn elsewhere(ui: &mut Ui, cx: &Cx<'_>, id: &str, fields: &[&Field]) {
    let Some(node) = cx.doc.node(id) else { return };
    if weir_engine::services::kind(&node.kind).is_none() {
        return;
    }
    let is_known = |name: &str| {
        fields
            .iter()
            .any(|f| name == f.name || name.starts_with(&format!("{}[", f.name)))
    };
    for name in node.params.keys().filter(|n| !is_known(n)) {
        ui.horizontal(|ui| {
            ui.label(RichText::new(name).font(figures(theme().shape.body)));
            let text = trf("inspector.remove", &[("name", name)]);
            if icon_button(ui, "trash", &text, false).clicked() {
                cx.edit(Edit::Param {
                    nodes: vec![id.to_owned()],
                    name: name.clone(),
                    value: None,
                });
            }
        });
    }
    let others: Vec<&Problem> = cx
        .findings
        .of_node(id)
        .filter(|p| !is_known(&p.field))
        .collect();
    for problem in others {
        let place = if problem.field.is_empty() {
            String::new()
        } else {
            format!("{}: ", problem.field)
        };
        let text = format!("{place}{}", sentence(&problem.message, &problem.mend));
        field::problem_line(ui, problem.severity, &text);
    }
}
