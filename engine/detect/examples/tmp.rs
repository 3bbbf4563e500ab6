use std::collections::BTreeMap;
use weir_detect::labels::Labels;
use weir_detect::{Algorithm, Detector, Settings};
fn main() {
    let text = std::fs::read_to_string("/tmp/ep/sens.csv").unwrap();
    let mut by: BTreeMap<String, Vec<(Vec<f64>, bool, String)>> = BTreeMap::new();
    for l in text.lines() {
        let p: Vec<&str> = l.split(',').collect();
        by.entry(p[0].to_owned()).or_default().push((p[1..5].iter().map(|x| x.parse().unwrap()).collect(), p[5] == "1", p[6].to_owned()));
    }
    for rows in [3000_usize, 100_000] {
        for algorithm in Algorithm::ALL {
            let mut all = Vec::new();
            let mut found: BTreeMap<String, (u32, u32)> = BTreeMap::new();
            for series in by.values() {
                let mut d = Detector::new(Settings { algorithm, fields: 4, season: 480, seed: 42, ..Settings::default() });
                let mut labels = Labels::default();
                let mut open: Option<(String, bool)> = None;
                for (i, (r, odd, kind)) in series.iter().take(rows).enumerate() {
                    let v = d.update(r);
                    labels.add(*odd, v.anomalous, i as f64);
                    match (&mut open, *odd) {
                        (None, true) => open = Some((kind.clone(), v.anomalous)),
                        (Some(o), true) => o.1 |= v.anomalous,
                        (Some(o), false) => { let e = found.entry(o.0.clone()).or_default(); e.0 += u32::from(o.1); e.1 += 1; open = None; }
                        _ => {}
                    }
                }
                all.push(labels);
            }
            let f = Labels::figures(all.iter());
            println!("{rows} {algorithm:?} found {}/{} right {} wrong {} p {:.2?} r {:.2?} f1 {:.2?} nab {:.1?} {:?}", f.found, f.windows, f.right, f.wrong, f.precision.unwrap_or(0.0), f.recall.unwrap_or(0.0), f.f1.unwrap_or(0.0), f.nab.unwrap_or(0.0), found);
        }
    }
}
