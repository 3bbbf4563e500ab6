use serde_json::{Value, json};

use super::config::{Comparison, Config, TreatMissingData};
use super::evaluate::{State, evaluate};
use crate::node::{AnyKind, Flow, Notice};
use crate::services::testing::{Bench, Fake, Heard, Ran, check_kind, is_refused, ms, problems};

static KIND: &dyn AnyKind = &super::Alarm;

/// `0` is within the threshold, `X` breaches, `-` is missing; the newest is last.
fn points(text: &str) -> Vec<Option<f64>> {
    text.chars()
        .filter(|c| *c != ' ')
        .map(|c| match c {
            'X' => Some(9.0),
            '0' => Some(1.0),
            _ => None,
        })
        .collect()
}
fn config(m: u32, n: u32, treat: TreatMissingData) -> Config {
    Config {
        threshold: 5.0,
        evaluation_periods: n,
        datapoints_to_alarm: m,
        treat_missing_data: treat,
        ..Config::default()
    }
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

/// Rows of the two tables of the user guide, then more. Columns: missing, ignore, breaching, notBreaching; `=` keeps the state.
const TABLE: &str = "
    3/3  0 - X - X   OK     OK     OK     OK
    3/3  0 - - - -   OK     OK     OK     OK
    3/3  - - - - -   INSUF  =      ALARM  OK
    3/3  0 X X - X   ALARM  ALARM  ALARM  ALARM
    3/3  - - - - X   INSUF  =      ALARM  OK
    3/3  X - - - -   ALARM  =      ALARM  OK
    2/3  0 - X - X   ALARM  ALARM  ALARM  ALARM
    2/3  0 0 X 0 X   ALARM  ALARM  ALARM  ALARM
    2/3  0 - X - -   OK     OK     ALARM  OK
    2/3  - - - - 0   OK     OK     ALARM  OK
    2/3  - - - - X   INSUF  =      ALARM  OK
    3/3  - - X - -   ALARM  =      ALARM  OK
    1/1  - - X       ALARM  ALARM  ALARM  ALARM
    1/1  - - 0       OK     OK     OK     OK
    1/1  X - -       ALARM  ALARM  ALARM  ALARM
    1/1  X - - -     INSUF  =      ALARM  OK
    3/3  X           INSUF  =      ALARM  OK
    3/3  X X         INSUF  =      ALARM  OK
    3/3  X X X       ALARM  ALARM  ALARM  ALARM
    3/3  X X X 0     OK     OK     OK     OK
    2/3  X 0 X       ALARM  ALARM  ALARM  ALARM
    2/3  X X 0 0     OK     OK     OK     OK
    1/3  X 0 0       ALARM  ALARM  ALARM  ALARM
    1/3  X 0 0 0     OK     OK     OK     OK
";

#[test]
fn states_are_those_of_the_user_guide() {
    let treats = [
        TreatMissingData::Missing,
        TreatMissingData::Ignore,
        TreatMissingData::Breaching,
        TreatMissingData::NotBreaching,
    ];
    for line in TABLE.lines().filter(|l| !l.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (m, n) = words[0].split_once('/').unwrap();
        let (m, n) = (m.parse().unwrap(), n.parse().unwrap());
        let (data, expected) = words[1..].split_at(words.len() - 5);
        for (treat, want) in treats.into_iter().zip(expected) {
            let got = evaluate(&points(&data.concat()), &config(m, n, treat));
            let got = match got {
                None => "=",
                Some(State::InsufficientData) => "INSUF",
                Some(state) => state.name(),
            };
            assert_eq!(got, *want, "{line} {treat:?}");
        }
    }
}

#[test]
fn comparisons_are_strict_where_they_say_so() {
    let cases = [
        (Comparison::GreaterThanThreshold, [false, false, true]),
        (
            Comparison::GreaterThanOrEqualToThreshold,
            [false, true, true],
        ),
        (Comparison::LessThanThreshold, [true, false, false]),
        (Comparison::LessThanOrEqualToThreshold, [true, true, false]),
    ];
    for (comparison, expected) in cases {
        let got = [1.0, 2.0, 3.0].map(|v| comparison.breaches(v, 2.0));
        assert_eq!(got, expected, "{comparison:?}");
    }
}

/// A node whose metric `M` has these values in the middle of each minute; `None` for no value.
fn node(values: &[Option<f64>]) -> Fake {
    let mut fake = Fake::new().metric("M");
    for (i, value) in values.iter().enumerate() {
        if let Some(v) = *value {
            fake = fake.at(ms(i as u64 * 60_000 + 30_000), move |cx, _| {
                cx.metric("M", v);
                Ok(())
            });
        }
    }
    fake
}
fn bench(node: &Fake, params: Value) -> (Bench, Fake) {
    let sink = Fake::new().input("in", &[Flow::Notices]);
    let mut full = json!({"metric_name": "M", "threshold": 5.0});
    let Value::Object(more) = params else {
        panic!("parameters are an object")
    };
    full.as_object_mut().unwrap().extend(more);
    let bench = Bench::new()
        .node("alarm", KIND, full)
        .fake("node", node)
        .fake("sink", &sink)
        .wire("node.metrics", "alarm.watch")
        .wire("alarm.state", "sink.in");
    (bench, sink)
}
fn changes(ran: &Ran) -> Vec<(&'static str, &'static str, Option<f64>)> {
    let status = ran.gauges("alarm").alarm.clone().unwrap();
    let all = status.changes.iter();
    all.map(|c| (c.from, c.to, c.value)).collect()
}

#[test]
fn alarm_rings_and_ends_and_tells() {
    let node = node(&[Some(1.0), Some(9.0), Some(1.0)]);
    let (bench, sink) = bench(&node, json!({}));
    let ran = bench.run(215);
    assert_eq!(
        changes(&ran),
        [
            ("INSUFFICIENT_DATA", "OK", Some(1.0)),
            ("OK", "ALARM", Some(9.0)),
            ("ALARM", "OK", Some(1.0)),
        ]
    );
    let status = ran.gauges("alarm").alarm.clone().unwrap();
    assert_eq!(
        (status.node.as_str(), status.metric.as_str()),
        ("node", "M")
    );
    let notes = sink.notes();
    // Each change comes as a state and as the event of CloudWatch.
    let told: Vec<String> = notes
        .iter()
        .map(|n| match &n.heard {
            Heard::Notice(Notice::State(s)) => s.clone(),
            Heard::Notice(Notice::Event(e)) => e.message["NewStateValue"].to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["OK", "\"OK\"", "ALARM", "\"ALARM\"", "OK", "\"OK\""]);
    // The evaluation follows the end of the second minute by the law's least 500 ms or more.
    assert!(
        notes[2].at > ms(120_400) && notes[2].at < ms(180_000),
        "{:?}",
        notes[2].at
    );
    let said = ran.events("alarm", "alarm");
    assert!(said[1].contains("OK -> ALARM: M > 5"), "{said:?}");
    assert_eq!(ran.metric("alarm", "StateChanges").sum, 3.0);
}

#[test]
fn value_at_the_very_end_belongs_to_the_next_period() {
    // `a` and `z` are served before and after the alarm at one instant.
    for id in ["a", "z"] {
        let node = Fake::new().metric("M").at(ms(60_000), |cx, _| {
            cx.metric("M", 9.0);
            Ok(())
        });
        let ran = Bench::new()
            .node(
                "alarm",
                KIND,
                json!({"metric_name": "M", "treat_missing_data": "notBreaching"}),
            )
            .fake(id, &node)
            .wire(&format!("{id}.metrics"), "alarm.watch")
            .run(200);
        let found = changes(&ran);
        assert_eq!(found[0].1, "OK", "{id}");
        assert_eq!(found[1].1, "ALARM", "{id}");
    }
}

#[test]
fn silent_metric_follows_the_policy() {
    for (treat, expected) in [
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "INSUFFICIENT_DATA"),
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
    ] {
        let node = node(&[]);
        let (bench, _) = bench(&node, json!({"treat_missing_data": treat}));
        let ran = bench.run(100);
        assert_eq!(
            ran.gauges("alarm").state.as_deref(),
            Some(expected),
            "{treat}"
        );
    }
}

#[test]
fn unknown_metric_is_told() {
    let node = node(&[]);
    let (bench, _) = bench(&node, json!({"metric_name": "Nope"}));
    let ran = bench.run(1);
    let said = ran.events("alarm", "no-metric");
    assert!(said[0].contains("`node` has no metric `Nope`"), "{said:?}");
}

#[test]
fn short_periods_bill_as_high_resolution() {
    for (period, key) in [
        (60, "cloudwatch.alarm_month"),
        (10, "cloudwatch.alarm_high_resolution_month"),
    ] {
        let node = node(&[]);
        let (bench, _) = bench(&node, json!({"period_seconds": period}));
        let ran = bench.run(75);
        assert_eq!(ran.usage("alarm", key), 75_000);
    }
}

#[test]
fn bad_parameters_are_problems() {
    let cases = [
        (
            json!({"period_seconds": 15}),
            "period_seconds",
            "multiple of 60 s",
        ),
        (
            json!({"period_seconds": 50}),
            "period_seconds",
            "multiple of 60 s",
        ),
        (json!({"period_seconds": 5}), "period_seconds", "from 10"),
        (
            json!({"period_seconds": 3600, "evaluation_periods": 25}),
            "evaluation_periods",
            "86400",
        ),
        (
            json!({"datapoints_to_alarm": 2}),
            "datapoints_to_alarm",
            "evaluation_periods",
        ),
        (json!({"metric_name": ""}), "metric_name", "Errors"),
        (json!({"comparison": "Above"}), "comparison", ""),
    ];
    for (params, field, said) in cases {
        let problems = problems(KIND, &params);
        assert!(is_refused(&problems), "{params}");
        let first = &problems.found[0];
        assert_eq!(first.field, field);
        assert!(first.to_string().contains(said), "{first}");
    }
}
