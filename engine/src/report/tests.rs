//! Figures for people, objectives and the bill's file; whole runs are in the tests of `session`.

use std::collections::BTreeMap;

use super::text::count;
use super::*;
use crate::books::{Bill, BillLine};
use crate::check::{Goal, Measure};
use crate::metrics::LatencySummary;
use crate::units::Usd;

fn summary() -> Summary {
    let latency = |ms: f64| LatencySummary {
        mean: ms,
        p50: ms,
        p90: ms * 2.0,
        p99: ms * 3.0,
        p999: ms * 3.5,
        max: ms * 4.0,
    };
    let metric = MetricSummary {
        unit: "Milliseconds".to_owned(),
        count: 2,
        sum: 30.0,
        avg: Some(15.0),
        min: Some(10.0),
        max: Some(20.0),
        last: Some(15.0),
    };
    let node = NodeSummary {
        kind: "s3".to_owned(),
        records_in: 1000,
        records_out: 500,
        bytes_in: 0,
        bytes_out: 0,
        throttled: 3,
        errors: 4,
        latency_ms: Some(latency(1.0)),
        latency_parts_ms: BTreeMap::new(),
        end_to_end_ms: Some(latency(1000.0)),
        cost_usd: 0.25,
        cost_unknown: Vec::new(),
        utilisation: None,
        limits: BTreeMap::new(),
        status: None,
        record_bytes: None,
        keys: None,
        ledger: LedgerSummary {
            dropped: [("late".to_owned(), 7)].into(),
            ..LedgerSummary::default()
        },
        metrics: [("FirstByteLatency".to_owned(), metric)].into(),
    };
    let silent = NodeSummary {
        latency_ms: None,
        end_to_end_ms: None,
        ..node.clone()
    };
    Summary {
        weir: "0".to_owned(),
        pipeline: "test\u{1b}[31m".to_owned(),
        seed: 42,
        steady: None,
        repeats: None,
        state: "finished".to_owned(),
        error: None,
        virtual_seconds: 10.0,
        host_seconds: 1.0,
        host_records_per_second: 1.0,
        model_events: 5,
        records: Records {
            produced: 1000,
            dropped: 14,
            ..Records::default()
        },
        throughput: Throughput {
            records_per_second: 100.0,
            ..Throughput::default()
        },
        latency_ms: Some(latency(2000.0)),
        nodes: [("lake".to_owned(), node), ("silent".to_owned(), silent)].into(),
        wires: Vec::new(),
        lake: Vec::new(),
        cost: CostSummary {
            total_usd: 0.5,
            usd_per_hour: Some(180.0),
            usd_per_gb: None,
            ..CostSummary::default()
        },
        alarms: Vec::new(),
        objectives: Vec::new(),
    }
}

fn goal(node: &str, metric: &str, at_most: Option<f64>, at_least: Option<f64>) -> Goal {
    let measure = match metric.split_once('.') {
        Some((name, over)) => Measure::Metric {
            name: name.to_owned(),
            unit: "Milliseconds",
            over: match over {
                "avg" => crate::check::Over::Avg,
                "sum" => crate::check::Over::Sum,
                _ => crate::check::Over::Max,
            },
        },
        None => Measure::parse(metric, None).unwrap(),
    };
    Goal {
        node: node.to_owned(),
        metric: metric.to_owned(),
        measure,
        at_most,
        at_least,
    }
}

#[test]
fn objectives_measure_the_right_figure() {
    let s = summary();
    for (node, metric, value) in [
        ("", "latency_p99", Some(6000.0)),
        ("lake", "latency_p99", Some(3000.0)),
        ("silent", "latency_p99", None),
        ("", "usd_per_hour", Some(180.0)),
        ("lake", "usd_per_hour", Some(90.0)),
        ("", "usd_per_gb", None),
        ("lake", "total_usd", Some(0.25)),
        ("", "records_per_second", Some(100.0)),
        ("lake", "records_per_second", Some(50.0)),
        ("", "dropped", Some(14.0)),
        ("lake", "dropped", Some(7.0)),
        ("", "throttled", Some(6.0)),
        ("lake", "errors", Some(4.0)),
        ("lake", "FirstByteLatency.avg", Some(15.0)),
        ("lake", "FirstByteLatency.sum", Some(30.0)),
        ("lake", "FirstByteLatency.max", Some(20.0)),
    ] {
        let result = evaluate(&goal(node, metric, Some(f64::MAX), None), &s);
        assert_eq!(result.value, value, "{metric} of {node}");
        assert_eq!(result.ok, value.is_some(), "{metric} of {node}");
    }
}

#[test]
fn bounds_include_their_value() {
    let s = summary();
    for (at_most, at_least, ok) in [
        (Some(14.0), None, true),
        (Some(13.9), None, false),
        (None, Some(14.0), true),
        (None, Some(14.1), false),
    ] {
        assert_eq!(evaluate(&goal("", "dropped", at_most, at_least), &s).ok, ok);
    }
    let text = evaluate(&goal("lake", "latency_p50", Some(900.0), None), &s).text;
    assert_eq!(
        text,
        "latency_p50 of lake is 1,000 ms, wanted at most 900 ms: not met"
    );
}

#[test]
fn a_run_passes_only_when_nothing_is_missing() {
    let good = summary();
    assert!(good.passed());
    let failed = Summary {
        state: "failed".to_owned(),
        ..good.clone()
    };
    let mut lost = good.clone();
    lost.records.unaccounted = 1;
    let mut missed = good.clone();
    missed
        .objectives
        .push(evaluate(&goal("", "dropped", Some(0.0), None), &good));
    for bad in [failed, lost, missed] {
        assert!(!bad.passed());
    }
}

#[test]
fn figures_read_well() {
    for (value, text) in [
        (0.0, "0"),
        (1234.5, "1,235"),
        (-1234.4, "-1,234"),
        (999.95, "1,000"),
        (123.45, "123.5"),
        (12.345, "12.35"),
        (0.5, "0.5"),
        (0.00012345, "0.000123"),
        (1e-12, "0"),
        (f64::NAN, "-"),
    ] {
        assert_eq!(number(value), text, "{value}");
    }
    for (ms, text) in [
        (0.25, "0.25 ms"),
        (999.0, "999 ms"),
        (1500.0, "1.5 s"),
        (150_000.0, "2m30s"),
    ] {
        assert_eq!(millis(ms), text, "{ms}");
    }
    for (usd, text) in [
        (0.0, "$0"),
        (0.0014, "$0.0014"),
        (0.04, "$0.04"),
        (0.1, "$0.10"),
        (0.734, "$0.734"),
        (12.3, "$12.30"),
        (110.4, "$110.40"),
        (999.999, "$1,000"),
        (1234.6, "$1,235"),
    ] {
        assert_eq!(dollars(usd), text, "{usd}");
    }
    assert_eq!(count(1_234_567), "1,234,567");
}

#[test]
fn columns_stand_below_each_other() {
    let rows = [["a", "n"], ["longer", "12"], ["b", "3"]].map(|r| r.map(str::to_owned).to_vec());
    assert_eq!(aligned(&rows, &[1]), "a        n\nlonger  12\nb        3\n");
}

#[test]
fn terminal_text_has_no_control_characters() {
    let text = terminal(&summary());
    assert!(
        text.starts_with("test\u{fffd}[31m: finished after 10s"),
        "{text}"
    );
    assert!(text.contains("unaccounted: 0"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn bill_has_exact_amounts_and_leaves_unknown_ones_empty() {
    let line = |usd| BillLine {
        node: "a".to_owned(),
        service: "s3".to_owned(),
        usage_type: "s3.put".to_owned(),
        unit: "request".to_owned(),
        quantity: 3.0,
        quantity_text: "3".to_owned(),
        unit_price: "$0.005 per 1,000 \"PUT\" requests".to_owned(),
        usd,
        usd_per_month: None,
        rounding: String::new(),
        explain: "3 x $0.005\nper 1,000".to_owned(),
        source: "page".to_owned(),
        date: "2026-11-20".to_owned(),
        basis: "published",
        steps: Vec::new(),
    };
    let bill = Bill {
        lines: vec![line(Some(Usd(15_000_000))), line(None)],
        ..Bill::default()
    };
    let text = bill_csv(&bill);
    let rest = "\"$0.005 per 1,000 \"\"PUT\"\" requests\"";
    let expected = format!(
        "node,service,usage_type,unit,quantity,unit_price,usd,usd_per_month,rounding,explain,source,date\n\
         a,s3,s3.put,request,3,{rest},0.000015,,,\"3 x $0.005\nper 1,000\",page,2026-11-20\n\
         a,s3,s3.put,request,3,{rest},,,,\"3 x $0.005\nper 1,000\",page,2026-11-20\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn summary_reads_back_from_its_own_json() {
    let s = summary();
    let text = serde_json::to_string(&s).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), s);
}
