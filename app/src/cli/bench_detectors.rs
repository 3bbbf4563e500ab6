//! Figures of the detectors: speed and memory of the Random Cut Forest, beside the reference implementation when that is built in, and
//! the score on the Numenta Anomaly Benchmark.

use std::path::Path;
use std::time::Instant;

use weir_detect::nab::{PROFILES, evaluate};
use weir_detect::{Algorithm, Detector, Settings, nab_files};
use weir_engine::report::number;

use super::output::Output;
use crate::failure::Failure;

/// Records of one measurement.
const ROWS: usize = 20_000;

/// CPU seconds of this thread; where the system does not tell, seconds on the clock.
fn cpu(begun: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|t| t.split_whitespace().next()?.parse::<f64>().ok());
    nanos.map_or_else(|| begun.elapsed().as_secs_f64(), |n| n / 1e9)
}

/// Points per CPU second of every detector, and the forest beside the reference.
pub(crate) fn detectors(output: &mut Output) -> Result<(), Failure> {
    let begun = Instant::now();
    let series: Vec<f64> = (0..ROWS)
        .map(|i| 20.0 + (i as f64 / 40.0).sin() + (i * 7919 % 101) as f64 / 50.0)
        .collect();
    for algorithm in Algorithm::ALL {
        for shingle_size in [1, 8] {
            if shingle_size > 1 && algorithm != Algorithm::RandomCutForest {
                continue;
            }
            let mut detector = Detector::new(Settings {
                algorithm,
                shingle_size,
                ..Settings::default()
            });
            let from = cpu(begun);
            for x in &series {
                detector.update(&[*x]);
            }
            let rate = ROWS as f64 / (cpu(begun) - from).max(1e-9);
            let bytes = detector.to_bytes().map_or(0, |b| b.len());
            output.print(&format!(
                "{:<18} shingle {shingle_size}: {:>10} records per CPU second; its model takes {} KiB as a file\n",
                format!("{algorithm:?}"),
                number(rate),
                bytes / 1024
            ));
        }
    }
    reference(begun, output)
}

#[cfg(feature = "peers")]
fn reference(begun: Instant, output: &mut Output) -> Result<(), Failure> {
    for shingle in [1, 8] {
        let c = weir_detect::peers::compare(ROWS, shingle, || cpu(begun)).map_err(Failure::new)?;
        output.print(&format!(
            "forest, 100 trees x 256, shingle {shingle}: {} points per CPU second, the reference {}: {:.2} times as many; scores correlate {:.4}\n",
            number(c.own_per_second),
            number(c.peer_per_second),
            c.own_per_second / c.peer_per_second,
            c.correlation
        ));
    }
    Ok(())
}

#[cfg(not(feature = "peers"))]
#[expect(clippy::unnecessary_wraps, reason = "the other build can fail")]
fn reference(_begun: Instant, output: &mut Output) -> Result<(), Failure> {
    output.print(
        "the reference is not built in: cargo run --release --features peers -- bench detectors\n",
    );
    Ok(())
}

/// Every detector at its defaults on a folder of the benchmark: one setting for all files, the threshold as the benchmark chooses it.
pub(crate) fn nab(folder: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let Some(folder) = folder else {
        output.print("nab: name a folder with data/ and windows.json of the Numenta Anomaly Benchmark: weir bench nab DIR\n");
        return Ok(());
    };
    let files = nab_files::load(folder).map_err(Failure::new)?;
    for algorithm in Algorithm::ALL {
        let settings = Settings {
            algorithm,
            ..Settings::default()
        };
        let series = nab_files::run(&files, &settings).map_err(Failure::new)?;
        let scores: Vec<String> = PROFILES
            .iter()
            .map(|(name, profile)| {
                let o = evaluate(&series, profile, None);
                format!(
                    "{name} {:.2} ({} of {} windows, {} false)",
                    o.score, o.found, o.windows, o.false_positives
                )
            })
            .collect();
        output.print(&format!(
            "{:<18} {}\n",
            format!("{algorithm:?}"),
            scores.join("; ")
        ));
    }
    Ok(())
}
