//! Draws have the shares and spreads that they claim.

use super::{Alias, Choice, Keys, Quantiles, normal_quantile};
use crate::rng::Rng;

#[test]
fn quantiles_match_the_normal_distribution() {
    for (p, z) in [(0.5, 0.0), (0.975, 1.959_964), (0.001, -3.090_232)] {
        assert!((normal_quantile(p) - z).abs() < 1e-6, "{p}");
    }
    let table = Quantiles::normal(2.0);
    assert!((table.at(u64::MAX / 2)).abs() < 0.01);
    assert!(table.at(0) < -6.0 && table.at(u64::MAX) > 6.0);
}

#[test]
fn choice_gives_each_weight_its_share() {
    let choice = Choice::new([3_u32, 0, 1].into_iter());
    let counts = (0..256).fold([0; 3], |mut counts, bits| {
        counts[choice.pick(bits)] += 1;
        counts
    });
    assert_eq!(counts, [192, 0, 64]);
}

#[test]
fn zipf_shares_follow_the_exponent() {
    for count in [10, 5_000, 1_000_000] {
        let alias = Alias::zipf(count, 1.0);
        let mut rng = Rng::new(1, "zipf");
        let mut counts = [0_u32; 3];
        for _ in 0..200_000 {
            let key = alias.pick(&mut rng);
            assert!(key < count);
            if let Some(n) = counts.get_mut(usize::try_from(key).unwrap()) {
                *n += 1;
            }
        }
        let harmonic: f64 = (1..=count).map(|r| 1.0 / r as f64).sum();
        for (rank, &n) in (1_u32..).zip(&counts) {
            let expected = 200_000.0 / (harmonic * f64::from(rank));
            let error = (f64::from(n) - expected).abs() / expected;
            assert!(
                error < 0.05,
                "{count} keys, rank {rank}: {n} for {expected}"
            );
        }
    }
}

#[test]
fn hot_share_goes_to_the_first_key() {
    let keys = Keys::new(1_000, 0.0, 0.25);
    let mut rng = Rng::new(2, "hot");
    let hot = (0..40_000).filter(|_| keys.pick(&mut rng) == 0).count();
    assert!((9_700..10_400).contains(&hot), "{hot}");
}
