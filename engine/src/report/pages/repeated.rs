//! Lines of a run that was repeated: means over all runs with their intervals as bands.

use super::super::bands::Band;
use super::super::svg::Series;
use super::Page;

impl Page<'_> {
    /// The band of `metric` over these nodes: of the only one, or of the one that is highest when the worst is looked for.
    fn band(&self, nodes: &[&str], metric: &str, worst: bool) -> Option<&Band> {
        let bands = nodes.iter().filter_map(|n| self.run.bands.of(n, metric));
        let bands: Vec<&Band> = bands.filter(|b| !b.points.is_empty()).collect();
        if bands.len() > 1 && !worst {
            // The interval of a sum is not the sum of intervals.
            return None;
        }
        let height = |b: &Band| b.points.iter().map(|p| p[1]).sum::<f64>() / b.points.len() as f64;
        bands
            .into_iter()
            .max_by(|a, b| height(a).total_cmp(&height(b)))
    }

    /// Puts the mean of all runs and its interval in the place of the line of one run. True when there is one.
    pub(super) fn with_band(
        &self,
        series: &mut Series,
        nodes: &[&str],
        metric: &str,
        worst: bool,
    ) -> bool {
        let Some(band) = self.band(nodes, metric, worst) else {
            return false;
        };
        let points = band.points.iter();
        series.points = points.clone().map(|[x, mean, ..]| [*x, *mean]).collect();
        // A rate or a time is not below 0, whatever the interval says.
        let ends = points.map(|[x, _, low, high]| [*x, low.max(0.0), *high]);
        series.band = ends.collect();
        true
    }

    /// What a plot shows, and what its bands are when it has any.
    pub(super) fn banded_caption(&self, title: &str, plot: &super::super::svg::Plot) -> String {
        let title = self.t(title);
        match &self.run.summary.repeats {
            Some(r) if plot.series.iter().any(|s| !s.band.is_empty()) => self.say(
                "bands_caption",
                &[("title", title), ("runs", &r.runs.to_string())],
            ),
            _ => title.to_owned(),
        }
    }
}
