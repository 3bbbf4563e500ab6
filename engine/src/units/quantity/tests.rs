//! Quantities: read exactly, written as people do, never a panic.

use super::{format_duration, parse_duration, parse_quantity};
use crate::units::SimDuration;
use proptest::prelude::*;

#[test]
fn durations_are_read_exactly() {
    for (text, nanos) in [
        ("90s", 90_000_000_000),
        ("10m", 600_000_000_000),
        ("10 min", 600_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1h 30m", 5_400_000_000_000),
        ("250ms", 250_000_000),
        ("1.5s", 1_500_000_000),
        ("0.000000001s", 1),
        ("7us", 7_000),
        ("2d", 172_800_000_000_000),
        ("0s", 0),
    ] {
        assert_eq!(parse_duration(text), Ok(SimDuration(nanos)), "{text}");
    }
    for text in [
        "",
        "5",
        "s",
        "5 x",
        "1m1h",
        "1m1m",
        "-5s",
        "1.s",
        ".5s",
        "1e3s",
        "99999999d",
        "1..5s",
        "한",
    ] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn durations_are_written_as_people_do() {
    for text in [
        "0s", "250ms", "1s", "90s", "1m", "2m", "10m", "1h30m", "36h", "2d", "1.5s", "7us", "3ns",
        "2m0.5s",
    ] {
        let span = parse_duration(text).unwrap();
        assert_eq!(format_duration(span), text);
    }
}

#[test]
fn quantities_turn_into_the_unit_asked_for() {
    for (text, unit, value) in [
        ("5 MB", "MB", 5.0),
        ("5 MB", "B", 5_242_880.0),
        ("5mib", "KB", 5_120.0),
        ("5", "MB", 5.0),
        ("3k", "records/s", 3_000.0),
        ("3k records/s", "records/s", 3_000.0),
        ("1.5M", "", 1_500_000.0),
        ("1,500,000", "records", 1_500_000.0),
        ("12_000", "", 12_000.0),
        ("90s", "s", 90.0),
        ("2 min", "s", 120.0),
        ("250ms", "s", 0.25),
        ("2 MB/s", "KB/s", 2_048.0),
        ("20%", "", 0.2),
        ("20%", "%", 20.0),
        ("-3", "", -3.0),
        ("1e6", "", 1e6),
    ] {
        assert_eq!(parse_quantity(text, unit), Ok(value), "{text} in {unit}");
    }
    for (text, unit) in [
        ("", "s"),
        ("5 MB", "s"),
        ("5 s", "MB"),
        ("1,00", ""),
        ("1,0000", ""),
        ("5 MX", "MB"),
        ("2 MB/h", "MB/s"),
        ("1e400", ""),
        ("nan", ""),
        ("1.2.3", ""),
        ("--1", ""),
        ("5 apples", "records"),
    ] {
        assert!(parse_quantity(text, unit).is_err(), "{text} in {unit}");
    }
}

proptest! {
    #[test]
    fn every_duration_survives_writing(nanos in any::<u64>(), shift in 0..64_u32) {
        let span = SimDuration(nanos >> shift);
        prop_assert_eq!(parse_duration(&format_duration(span)), Ok(span));
    }
    #[test]
    fn no_text_panics(text in ".{0,12}", unit in "(s|MB|%|MB/s|)") {
        let (_, _) = (parse_duration(&text), parse_quantity(&text, &unit));
    }
}
