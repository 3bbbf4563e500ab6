//! Rows of a statement become what every run of the drawing must give.

use egui::Ui;
use weir_engine::document::{EXPECTED_ROWS_MAX, Expect, Expectation};
use weir_engine::lake::batches_to_json;
use weir_engine::units::SimDuration;

use crate::designer::cx::{Act, Cx, Tone};
use crate::designer::edit::Edit;
use crate::designer::i18n::{tr, trf};
use crate::designer::query::{Answer, Rows, Which};

/// The button for it.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, answer: &Answer, rows: &Rows) {
    // Rows of a run that goes on are of this moment only.
    let run = match answer.which {
        Which::Past(n) => cx.run.past.iter().find(|p| p.number == n),
        Which::Live(_) => None,
    };
    let fits = !rows.truncated && rows.rows <= EXPECTED_ROWS_MAX as u64;
    let run = run.filter(|_| fits);
    let button = egui::Button::new(tr("checks.expect_rows"));
    let response = ui
        .add_enabled(run.is_some(), button)
        .on_hover_text(tr("checks.expect_rows_help"))
        .on_disabled_hover_text(tr("checks.expect_rows_not"));
    let Some(run) = run.filter(|_| response.clicked()) else {
        return;
    };
    match expected(answer, rows) {
        Ok(expectation) => {
            let span = SimDuration::from_secs_f64(run.summary.virtual_seconds);
            cx.act(Act::Seal);
            cx.edit(Edit::Expect(Some(with(cx, expectation, span))));
            cx.act(Act::Seal);
            let text = trf("checks.expects_rows", &[("count", &rows.rows)]);
            cx.act(Act::Toast(Tone::Good, text));
        }
        Err(why) => cx.act(Act::Toast(Tone::Bad, why)),
    }
}

fn expected(answer: &Answer, rows: &Rows) -> Result<Expectation, String> {
    let values = batches_to_json(std::slice::from_ref(&rows.batch)).map_err(|e| e.to_string())?;
    let values = serde_json::Value::Array(values);
    Ok(Expectation::Rows {
        sql: answer.sql.clone(),
        rows: serde_json::from_value(values).map_err(|e| e.to_string())?,
    })
}

/// What is expected, and this. The first expectation says how long a run it is of, when that is not the drawing's.
fn with(cx: &Cx<'_>, expectation: Expectation, span: SimDuration) -> Expect {
    let first = || Expect {
        run_for: (span != cx.doc.run_for).then_some(span),
        checks: Vec::new(),
    };
    let old = cx.doc.expect.clone();
    let mut expect = old.filter(|e| !e.checks.is_empty()).unwrap_or_else(first);
    expect.checks.push(expectation);
    expect
}
