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
