//! Of many variants those that none is better than, and the picture of it.

/// The places of those points (cost, latency) that no other beats: none is as good in both and better in one. In order of
/// cost. Points that were not measured do not count.
#[must_use]
pub fn front(points: &[Option<(f64, f64)>]) -> Vec<usize> {
    let mut known: Vec<(usize, (f64, f64))> = points
        .iter()
        .enumerate()
        .filter_map(|(i, p)| {
            p.filter(|(x, y)| x.is_finite() && y.is_finite())
                .map(|p| (i, p))
        })
        .collect();
    known.sort_by(|(i, a), (j, b)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(i.cmp(j)));
    let mut found: Vec<(usize, (f64, f64))> = Vec::new();
    for (i, point) in known {
        let beaten = found
            .last()
            .is_some_and(|(_, best)| point.1 > best.1 || (point.1 >= best.1 && point.0 > best.0));
        if !beaten {
            found.push((i, point));
        }
    }
    found.into_iter().map(|(i, _)| i).collect()
}
