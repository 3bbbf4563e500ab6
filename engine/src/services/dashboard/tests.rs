use std::sync::Arc;

use serde_json::json;

use crate::node::{AnyKind, Flow, Notice, Payload, Table};
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, batch, check_kind, ms, send};
use crate::units::SimTime;

static KIND: &dyn AnyKind = &super::Dashboard;

fn table(title: &str, rows: usize, at: SimTime) -> Arc<Table> {
    Arc::new(Table {
        title: title.to_owned(),
        rows: vec![batch(rows, 1, at).rows],
        at,
    })
}
/// Sends a result that is five seconds old at each of these seconds.
fn query(times: &[(u64, usize)]) -> Fake {
    let mut fake = Fake::new().output("rows", Flow::Rows);
    for &(at, rows) in times {
        fake = fake.at(ms(at * 1000), move |cx, wire| {
            let table = table("q", rows, ms(at * 1000 - 5000));
            send(cx, wire, Payload::Rows(table));
            Ok(())
        });
    }
    fake
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn newest_result_shows_at_the_next_refresh() {
    let one = query(&[(10, 3), (20, 4), (70, 5)]);
    let ran = Bench::new()
        .fake("one", &one)
        .node("board", KIND, json!({}))
        .wire("one.rows", "board.rows")
        .run(110);
    let shown = ran.gauges("board").table.clone().unwrap();
    assert_eq!(shown.rows[0].num_rows(), 4);
    let age = ran.metric("board", "ResultAge");
    assert_eq!((age.count, age.sum), (1, 45.0));
    assert_eq!(ran.metric("board", "RowsShown").sum, 4.0);
}

#[test]
fn results_of_all_wires_are_shown() {
    let (one, two) = (query(&[(10, 3)]), query(&[(11, 4)]));
    let ran = Bench::new()
        .fake("one", &one)
        .fake("two", &two)
        .node("board", KIND, json!({"refresh_seconds": 30}))
        .wire("one.rows", "board.rows")
        .wire("two.rows", "board.rows")
        .run(59);
    assert_eq!(ran.metric("board", "RowsShown").sum, 7.0);
    assert_eq!(ran.metric("board", "ResultAge").count, 2);
}

#[test]
fn alarm_states_are_counted() {
    let state = |s: &str| Notice::State(s.to_owned());
    let alarm = Fake::new()
        .output("state", Flow::Notices)
        .notice(ms(10), state("OK"))
        .notice(ms(20), state("ALARM"));
    let ran = Bench::new()
        .fake("alarm", &alarm)
        .node("board", KIND, json!({}))
        .wire("alarm.state", "board.alarms")
        .run(2);
    let values = &ran.gauges("board").values;
    assert!(values.contains(&("alarms in ALARM", 1.0, "")), "{values:?}");
}

#[test]
fn time_is_billed() {
    let ran = Bench::new().node("board", KIND, json!({})).run(90);
    assert_eq!(ran.usage("board", "cloudwatch.dashboard_month"), 90_000);
}

#[test]
fn refresh_can_be_changed_while_it_runs() {
    let one = query(&[(10, 3)]);
    let faster = [("refresh_seconds".to_owned(), json!(10))];
    let ran = Bench::new()
        .fake("one", &one)
        .node("board", KIND, json!({}))
        .wire("one.rows", "board.rows")
        .act(
            ms(65_000),
            "board",
            Action::Set(faster.into_iter().collect()),
        )
        .run(95);
    // At 60, then at 70, 80 and 90 s; the old timer at 120 s would be ignored.
    assert_eq!(ran.metric("board", "RowsShown").count, 4);
}

#[test]
fn metric_of_a_wired_node_is_forecast() {
    // A wave of ten minutes.
    let mut node = Fake::new().metric("Load");
    for minute in 0..120_u32 {
        let value = 100.0 + 20.0 * (f64::from(minute) * std::f64::consts::TAU / 10.0).sin();
        node = node.at(ms(u64::from(minute) * 60_000 + 5000), move |cx, _| {
            cx.metric("Load", value + f64::from(minute * 7 % 5) * 0.1);
            Ok(())
        });
    }
    for (which, shown) in [("", "one Load"), ("one", "one Load"), ("nobody", "")] {
        let ran = Bench::new()
            .fake("one", &node)
            .node(
                "board",
                KIND,
                json!({"forecast_metric": "Load", "forecast_node": which, "forecast_rows": 20}),
            )
            .wire("one.metrics", "board.metrics")
            .run(7230);
        let gauges = ran.gauges("board");
        let Some(table) = &gauges.table else {
            assert_eq!(shown, "", "{which}");
            continue;
        };
        assert!(table.title.starts_with(shown), "{}", table.title);
        assert!(table.title.contains("MASE 0."), "{}", table.title);
        assert_eq!(table.rows[0].num_rows(), 140);
        let mase = gauges.values.iter().find(|v| v.0 == "MASE of the forecast");
        assert!(mase.unwrap().1 < 0.2, "{mase:?}");
        let middle = table.rows[0].column_by_name("forecast").unwrap();
        let middle = arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(middle);
        for minute in 120..140_u32 {
            let truth = 100.0 + 20.0 * (f64::from(minute) * std::f64::consts::TAU / 10.0).sin();
            let said = middle.value(minute as usize);
            assert!((said - truth).abs() < 2.0, "{minute}: {said} {truth}");
        }
    }
}
