//! What holds for every detector, and what each must find.

use std::f64::consts::TAU;
use std::path::Path;

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};

use crate::forest::{Forest, ForestSettings};
use crate::labels::Labels;
use crate::nab::{PROFILES, Profile, Series, evaluate};
use crate::rng::Rng;
use crate::{Algorithm, Cutoff, Detector, HoltWinters, Settings, nab_files};

fn small(algorithm: Algorithm) -> Settings {
    Settings {
        algorithm,
        warm_up: 300,
        num_trees: 30,
        num_samples_per_tree: 64,
        season: 48,
        window: 96,
        seed: 5,
        ..Settings::default()
    }
}

/// A daily curve of 48 records with noise.
fn daily(rows: usize, seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed, 9);
    let wave = |i: usize| 20.0 + 10.0 * libm::sin(TAU * i as f64 / 48.0);
    (0..rows).map(|i| wave(i) + rng.unit()).collect()
}

#[test]
fn every_detector_finds_a_spike_and_says_which_field() {
    for algorithm in Algorithm::ALL {
        let mut detector = Detector::new(Settings {
            fields: 2,
            ..small(algorithm)
        });
        let (first, second) = (daily(1000, 1), daily(1000, 2));
        let mut alerts = Vec::new();
        for (i, (a, b)) in first.iter().zip(&second).enumerate() {
            let b = if i == 900 { 95.0 } else { *b };
            let verdict = detector.update(&[*a, b]);
            if verdict.anomalous {
                alerts.push((i, verdict));
            }
        }
        let spike = alerts.iter().find(|(i, _)| *i == 900);
        let Some((_, verdict)) = spike else {
            panic!("{algorithm:?} misses the spike; alerts {alerts:?}");
        };
        let reason = verdict.reason.unwrap();
        assert_eq!(reason.field, 1, "{algorithm:?} {reason:?}");
        assert!(
            (0.4..=1.0).contains(&reason.share),
            "{algorithm:?} {reason:?}"
        );
        assert!(
            (5.0..=45.0).contains(&reason.expected),
            "{algorithm:?} {reason:?}"
        );
        assert!(alerts.len() <= 6, "{algorithm:?} {}", alerts.len());
    }
}

#[test]
fn a_file_of_a_detector_goes_on_as_if_nothing_had_been() {
    let series = daily(900, 3);
    for algorithm in Algorithm::ALL {
        let mut whole = Detector::new(small(algorithm));
        let mut first = Detector::new(small(algorithm));
        for x in &series[..600] {
            whole.update(&[*x]);
            first.update(&[*x]);
        }
        let bytes = first.to_bytes().unwrap();
        let mut second = Detector::from_bytes(&bytes).unwrap();
        for x in &series[600..] {
            assert_eq!(whole.update(&[*x]), second.update(&[*x]), "{algorithm:?}");
        }
    }
}

#[test]
fn a_file_that_is_none_is_refused() {
    let text = |bytes: &[u8]| Detector::from_bytes(bytes).unwrap_err().to_string();
    assert!(text(b"").contains("no detector"));
    assert!(text(b"{}").contains("no detector"));
    assert!(text(b"weir-detector 1\n\x01").contains("cannot be read"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Bytes that were changed anywhere give an error or a detector that works; never a panic.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), which in 0_usize..10) {
        let mut detector = Detector::new(Settings { num_trees: 3, num_samples_per_tree: 16, ..small(Algorithm::ALL[which]) });
        for x in daily(150, 4) {
            detector.update(&[x]);
        }
        let mut bytes = detector.to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(mut broken) = Detector::from_bytes(&bytes) {
            for x in daily(100, 5) {
                broken.update(&[x]);
            }
        }
    }

    /// Any numbers, missing ones among them: scores are finite and never negative.
    #[test]
    fn scores_are_finite(values in prop::collection::vec(any::<f64>(), 1..120), which in 0_usize..10) {
        let mut detector = Detector::new(Settings { warm_up: 0, num_trees: 4, num_samples_per_tree: 16, ..small(Algorithm::ALL[which]) });
        for x in values {
            let verdict = detector.update(&[x]);
            assert!(verdict.score.is_finite() && verdict.score >= 0.0, "{verdict:?}");
        }
    }

    /// Whatever comes: the trees hold together, and the parts of a score sum to it.
    #[test]
    fn forests_hold_together(values in prop::collection::vec(-5_i8..5, 2..400), shingle in 1_u32..4) {
        let mut forest = Forest::new(ForestSettings { num_trees: 4, num_samples_per_tree: 16, feature_dim: 2, shingle_size: shingle, time_decay: 60, seed: 1 });
        for pair in values.windows(2) {
            forest.shift(&[f64::from(pair[0]), f64::from(pair[1])]);
            let score = forest.score();
            let parts: f64 = forest.attribution().iter().map(|d| d.high + d.low).sum();
            assert!((score - parts).abs() < 1e-6, "{score} {parts}");
            forest.learn();
        }
        assert!(forest.sound());
    }
}

#[test]
fn a_detector_is_fixed_by_its_seed() {
    let run = |seed| {
        let settings = Settings {
            seed,
            ..small(Algorithm::RandomCutForest)
        };
        nab_files::scores(&settings, &daily(500, 6))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_shifted_series_has_the_same_forest() {
    let run = |shift: f64| {
        let mut detector = Detector::new(Settings {
            quiet: 0,
            ..small(Algorithm::RandomCutForest)
        });
        let series = daily(400, 7);
        let scores = series
            .iter()
            .map(|x| detector.update(&[(x * 64.0).round() / 64.0 + shift]).score);
        scores.collect::<Vec<_>>()
    };
    assert_eq!(run(0.0), run(1_048_576.0));
}

#[test]
fn an_alert_is_not_repeated_while_it_is_quiet() {
    let mut detector = Detector::new(Settings {
        algorithm: Algorithm::ZScore,
        quiet: 50,
        warm_up: 10,
        cutoff: Some(Cutoff::Fixed(3.0)),
        ..small(Algorithm::ZScore)
    });
    let series = daily(300, 8).into_iter().enumerate();
    let alerts = series.filter(|(i, x)| {
        let x = if (200..220).contains(i) { 90.0 } else { *x };
        detector.update(&[x]).anomalous
    });
    let found: Vec<usize> = alerts.map(|(i, _)| i).collect();
    assert_eq!(found, [200]);
}

#[test]
fn missing_values_are_taken_as_they_were() {
    let mut with = Detector::new(small(Algorithm::Ewma));
    let mut without = Detector::new(small(Algorithm::Ewma));
    with.update(&[3.0]);
    without.update(&[3.0]);
    assert_eq!(with.update(&[f64::NAN]).score, 0.0);
    assert_eq!(with.seen(), 1);
    assert_eq!(with.update(&[4.0]), without.update(&[4.0]));
}

#[test]
fn holt_winters_forecasts_a_season_inside_its_band() {
    let mut model = HoltWinters::new(48, 0.1);
    for x in daily(960, 11) {
        model.learn(x);
    }
    for step in 1..=48 {
        let (low, value, high) = model.forecast(step);
        let truth = 20.5 + 10.0 * libm::sin(TAU * (f64::from(step) - 1.0) / 48.0);
        assert!((value - truth).abs() < 1.0, "{step}: {value} {truth}");
        assert!(low < truth && truth < high, "{step}: {low} {truth} {high}");
    }
}

#[test]
fn figures_of_labels_are_as_counted_by_hand() {
    let mut labels = Labels::default();
    // Windows 40..=49 and 80..=89; alerts: 45 (found after 5), 47 (again), 60 (wrong).
    for row in 0..100_u32 {
        let inside = (40..50).contains(&row) || (80..90).contains(&row);
        labels.add(inside, [45, 47, 60].contains(&row), f64::from(row) * 10.0);
    }
    let figures = Labels::figures([&labels].into_iter());
    assert_eq!(
        (figures.windows, figures.found, figures.right, figures.wrong),
        (2, 1, 2, 1)
    );
    assert_eq!(figures.precision, Some(2.0 / 3.0));
    assert_eq!(figures.recall, Some(0.5));
    assert_eq!(figures.delay_rows, Some(5.0));
    assert_eq!(figures.delay_ms, Some(50.0));
    let mut scores = vec![0.0; 100];
    for i in [45, 47, 60] {
        scores[i] = 1.0;
    }
    let dense = Series::new(&scores, &[(40, 49), (80, 89)]).unwrap();
    let nab = evaluate(&[dense], &Profile::default(), Some(0.5)).score;
    assert!((figures.nab.unwrap() - nab).abs() < 1e-9);
}

/// The measures once more, written from their definitions and not from the code: sets of rows, no running counts.
fn by_definition(labels: &[bool], alerts: &[bool]) -> ([Option<f64>; 4], Option<f64>) {
    let n = labels.len();
    let starts = (0..n).filter(|i| labels[*i] && (*i == 0 || !labels[i - 1]));
    let end = |from: usize| (from..n).take_while(|i| labels[*i]).last().unwrap();
    let windows: Vec<(usize, usize)> = starts.map(|from| (from, end(from))).collect();
    let raised: Vec<usize> = (0..n).filter(|i| alerts[*i]).collect();
    let right = raised.iter().filter(|i| labels[**i]).count() as f64;
    let firsts: Vec<f64> = windows
        .iter()
        .filter_map(|(a, b)| Some((*raised.iter().find(|i| (a..=b).contains(i))? - a) as f64))
        .collect();
    let share = |part: f64, whole: usize| (whole > 0).then(|| part / whole as f64);
    let precision = share(right, raised.len());
    let recall = share(firsts.len() as f64, windows.len());
    let f1 = recall.map(|r| match precision {
        Some(p) if p + r > 0.0 => 2.0 * p * r / (p + r),
        _ => 0.0,
    });
    let delay = share(firsts.iter().sum(), firsts.len());
    // NAB, standard profile (Lavin and Ahmad 2015): the sum over alerts and windows, against that of silence and of a perfect detector.
    let sigmoid = |y: f64| 2.0 / (1.0 + (5.0 * y).exp()) - 1.0;
    let first_scored = 15 * n / 100;
    let scored: Vec<usize> = raised.into_iter().filter(|i| *i >= first_scored).collect();
    let mut total = 0.0;
    for (a, b) in windows.iter().filter(|w| w.1 >= first_scored) {
        let width = (b - a + 1) as f64;
        let inside = scored.iter().filter(|i| (a..=b).contains(i));
        let earned = inside.map(|i| sigmoid(-((b - i + 1) as f64) / width) / sigmoid(-1.0));
        let best = earned.fold(f64::NEG_INFINITY, f64::max);
        total += if best.is_finite() { best } else { -1.0 };
    }
    for i in scored.iter().filter(|i| !labels[**i]) {
        let before = windows.iter().rev().find(|w| w.1 < *i);
        let cost = match before {
            Some((a, b)) if b > a => {
                let far = (i - b) as f64 / (b - a) as f64;
                if far > 3.0 { -1.0 } else { sigmoid(far) }
            }
            _ => -1.0,
        };
        total += 0.11 * cost;
    }
    let reached = windows.iter().filter(|w| w.1 >= first_scored).count() as f64;
    let all = windows.len() as f64;
    let nab = (!windows.is_empty()).then(|| 100.0 * (total + reached) / (all + reached));
    ([precision, recall, f1, delay], nab)
}

proptest! {
    #[test]
    fn figures_of_labels_are_those_of_their_definitions(
        rows in prop::collection::vec((0..12_u8, 0..9_u8), 20..400),
    ) {
        // Labels come in runs, alerts singly.
        let mut inside = false;
        let labels: Vec<bool> = rows.iter().map(|(a, _)| { inside ^= *a == 0; inside }).collect();
        let alerts: Vec<bool> = rows.iter().map(|(_, b)| *b == 0).collect();
        let mut all = Labels::default();
        for (i, (label, alert)) in labels.iter().zip(&alerts).enumerate() {
            all.add(*label, *alert, i as f64 * 250.0);
        }
        let found = Labels::figures([&all].into_iter());
        let (wanted, nab) = by_definition(&labels, &alerts);
        let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            (a, b) => a == b,
        };
        for (a, b) in [found.precision, found.recall, found.f1, found.delay_rows].into_iter().zip(wanted) {
            prop_assert!(near(a, b), "{a:?} {b:?}");
        }
        prop_assert!(near(found.delay_ms, wanted[3].map(|d| d * 250.0)));
        prop_assert!(near(found.nab, nab), "{:?} {:?}", found.nab, nab);
    }
}

/// Cases whose totals were computed with NAB's own formula by hand: (alerts, windows, rows, total, score).
#[test]
fn the_nab_score_is_that_of_the_formula() {
    let sigmoid = |x: f64| 2.0 / (1.0 + (5.0 * x).exp()) - 1.0;
    let unit = sigmoid(-1.0);
    let cases: &[(&[usize], f64)] = &[
        (&[], -1.0),
        (&[50], 1.0),
        (&[59], sigmoid(-0.1) / unit),
        (&[50, 55, 59], 1.0),
        (&[40], -1.0 - 0.11),
        (&[50, 61], 1.0 + 0.11 * sigmoid(2.0 / 9.0)),
        (&[5], -1.0),
    ];
    for (alerts, total) in cases {
        let mut scores = vec![0.0; 100];
        for a in *alerts {
            scores[*a] = 1.0;
        }
        let series = [Series::new(&scores, &[(50, 59)]).unwrap()];
        let outcome = evaluate(&series, &Profile::default(), Some(0.5));
        assert!(
            (outcome.total - total).abs() < 1e-12,
            "{alerts:?} {outcome:?} {total}"
        );
        assert!(
            (outcome.score - 50.0 * (total + 1.0)).abs() < 1e-9,
            "{alerts:?}"
        );
    }
}

#[test]
fn detectors_are_known_by_their_names() {
    for algorithm in Algorithm::ALL {
        let name = algorithm.name();
        assert_eq!(Algorithm::named(name), Some(algorithm));
        let shouted = name.to_uppercase().replace('-', "_");
        assert_eq!(Algorithm::named(&shouted), Some(algorithm));
    }
    assert_eq!(Algorithm::named("best"), None);
}

/// The data of the benchmark are not part of the project: `WEIR_NAB` names their folder.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn benchmark() -> Option<Vec<nab_files::File>> {
    let Some(folder) = std::env::var_os("WEIR_NAB") else {
        eprintln!("skipped: WEIR_NAB does not name a folder of the Numenta Anomaly Benchmark");
        return None;
    };
    Some(nab_files::load(Path::new(&folder)).unwrap())
}

#[test]
fn nab_scores_of_the_default_and_of_the_forest() {
    let Some(files) = benchmark() else { return };
    for (algorithm, least) in [
        (Algorithm::BestOf, 73.0),
        (Algorithm::RandomCutForest, 60.0),
    ] {
        let settings = Settings {
            algorithm,
            ..Settings::default()
        };
        let series = nab_files::run(&files, &settings).unwrap();
        let outcome = evaluate(&series, &PROFILES[0].1, None);
        assert!(outcome.score >= least, "{algorithm:?} {outcome:?}");
    }
}

/// Ten series of our own with the shapes that monitoring sees, each with one labelled window. The default finds them; flat lines stay silent.
#[test]
fn the_default_finds_the_anomalies_of_own_series() {
    let mut all = Vec::new();
    for seed in 0..10_u64 {
        let mut series = daily(2000, 20 + seed);
        let at = 900 + 97 * usize::try_from(seed).unwrap();
        match seed % 3 {
            // A spike, a level that shifts, a curve that is cut off at night.
            0 => series[at] += 30.0,
            1 => series[at..].iter_mut().for_each(|x| *x += 25.0),
            _ => series[at..at + 12].iter_mut().for_each(|x| *x = -20.0),
        }
        let scores = nab_files::scores(&Settings::default(), &series);
        all.push(Series::new(&scores, &[(at, at + 40)]).unwrap());
    }
    let flat = nab_files::scores(&Settings::default(), &vec![7.0; 2000]);
    assert!(flat.iter().all(|s| *s <= 0.0));
    all.push(Series::new(&flat, &[]).unwrap());
    let threshold = Algorithm::BestOf.usual_cutoff();
    let Cutoff::Fixed(threshold) = threshold else {
        panic!()
    };
    let outcome = evaluate(&all, &Profile::default(), Some(threshold));
    assert!(outcome.score > 90.0, "{outcome:?}");
}
