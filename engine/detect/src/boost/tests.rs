use super::{BoostSettings, Boosted, Rows};
use crate::rng::Rng;

/// Points on a plane in rings and halves, the third input noise, every tenth of the first missing.
fn rows(n: usize, classes: usize, seed: u64) -> Rows {
    let mut rng = Rng::new(seed, 0);
    let mut out = Rows {
        inputs: ["x", "y", "noise"].map(str::to_owned).to_vec(),
        columns: vec![Vec::new(); 3],
        classes: (0..classes).map(|c| format!("c{c}")).collect(),
        labels: Vec::new(),
    };
    for i in 0..n {
        let (x, y) = (rng.unit() * 2.0 - 1.0, rng.unit() * 2.0 - 1.0);
        let label = match classes {
            2 => u16::from(x * x + y * y < 0.5),
            _ => u16::from(x > 0.0) + u16::from(y > 0.3),
        };
        out.columns[0].push(if i % 10 == 9 { f64::NAN } else { x });
        out.columns[1].push(y);
        out.columns[2].push(rng.unit());
        out.labels.push(label);
    }
    out
}

#[test]
fn classes_are_learnt_and_noise_is_not() {
    for classes in [2, 3] {
        let rows = rows(4000, classes, 5);
        let model = Boosted::train(&rows, 3000, &BoostSettings::default(), || true).unwrap();
        let quality = model.quality(&rows, 3000);
        // A row in ten hides its first input: at the best, 95 % are right.
        assert!(
            quality.accuracy > 0.9 && quality.macro_f1 > 0.9,
            "{classes}: {quality:?}"
        );
        assert_eq!(quality.rows, 1000);
        let importance = model.importance();
        assert!(
            importance[2] < 0.1 && (importance.iter().sum::<f64>() - 1.0).abs() < 1e-9,
            "{importance:?}"
        );
        let p = model.probabilities(&[0.1, 0.1, 0.5]);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12 && p.len() == classes);
        assert!(model.sound());
        let again = Boosted::train(&rows, 3000, &BoostSettings::default(), || true).unwrap();
        assert_eq!(model, again);
    }
}

#[test]
fn one_cut_is_that_of_theory() {
    // Four rows, one round, eta 1, lambda 0: each leaf is the Newton step -G / H from even odds.
    let rows = Rows {
        inputs: vec!["x".to_owned()],
        columns: vec![vec![1.0, 2.0, 3.0, 4.0]],
        classes: ["a", "b"].map(str::to_owned).to_vec(),
        labels: vec![0, 0, 1, 1],
    };
    let settings = BoostSettings {
        num_round: 1,
        eta: 1.0,
        lambda: 0.0,
        min_child_weight: 0.0,
        ..BoostSettings::default()
    };
    let model = Boosted::train(&rows, 4, &settings, || true).unwrap();
    let p = model.probabilities(&[3.5])[1];
    let expected = 1.0 / (1.0 + (-2.0_f64).exp());
    assert!((p - expected).abs() < 1e-12, "{p}");
    assert!((model.probabilities(&[1.5])[0] - expected).abs() < 1e-12);
}

#[test]
fn rows_that_teach_nothing_are_refused() {
    let good = rows(20, 2, 1);
    let one = Rows {
        classes: vec!["a".to_owned()],
        labels: vec![0; 20],
        ..good.clone()
    };
    let none = Rows {
        columns: Vec::new(),
        inputs: Vec::new(),
        ..good.clone()
    };
    let beyond = Rows {
        labels: vec![7; 20],
        ..good.clone()
    };
    for wrong in [one, none, beyond] {
        assert!(Boosted::train(&wrong, 20, &BoostSettings::default(), || true).is_err());
    }
    assert!(Boosted::train(&good, 20, &BoostSettings::default(), || false).is_err());
    // No rows at all: the model says what is usual and does not panic.
    let empty = Rows {
        columns: vec![Vec::new(); 3],
        labels: Vec::new(),
        ..good
    };
    let model = Boosted::train(&empty, 20, &BoostSettings::default(), || true).unwrap();
    assert_eq!(model.probabilities(&[f64::NAN]).len(), 2);
}
