use proptest::prelude::*;

use super::{EventLog, Pace, Queue};
use crate::units::SimTime;

proptest! {
    #[test]
    fn queue_orders_by_time_then_rank_then_arrival(events in prop::collection::vec((0_u64..20, 0_u16..4), 0..200)) {
        let mut queue = Queue::default();
        for (i, (at, rank)) in events.iter().enumerate() {
            queue.push(SimTime(*at), *rank, (*rank, i));
        }
        prop_assert_eq!(queue.len(), events.len());
        let mut expected: Vec<(SimTime, (u16, usize))> =
            events.iter().enumerate().map(|(i, (at, rank))| (SimTime(*at), (*rank, i))).collect();
        expected.sort();
        let mut found = Vec::new();
        while let Some(event) = queue.pop() {
            found.push(event);
        }
        prop_assert_eq!(found, expected);
        prop_assert!(queue.is_empty() && queue.next_at().is_none());
    }
}

#[test]
fn queue_uses_freed_slots_again() {
    let mut queue = Queue::default();
    for round in 0..10_000_u64 {
        queue.push(SimTime(round), 0, round);
        assert_eq!(queue.pop(), Some((SimTime(round), round)));
    }
}

#[test]
fn pace_is_read_or_refused_in_a_sentence() {
    let cases = [
        ("max", Some(Pace::Max)),
        ("60", Some(Pace::Times(60.0))),
        ("0.5x", Some(Pace::Times(0.5))),
        ("0", None),
        ("-1", None),
        ("fast", None),
        ("inf", None),
    ];
    for (text, expected) in cases {
        let read = Pace::parse(text);
        assert_eq!(read.clone().ok(), expected, "{text}: {read:?}");
        assert!(
            read.is_ok() || read.is_err_and(|e| e.contains("max")),
            "{text}"
        );
    }
}

#[test]
fn log_keeps_the_newest_and_counts_all() {
    let mut log = EventLog::new(None);
    for i in 0..5000_u64 {
        log.push(SimTime(i), "n", "k", i.to_string()).unwrap();
    }
    assert_eq!(log.total(), 5000);
    assert_eq!(log.recent().count(), 4096);
    assert_eq!(log.recent().next_back().map(|e| e.seq), Some(4999));
}
