//! What a plot shows, made from a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use egui::Color32;
use egui_plot::{LineStyle, PlotPoint};
use weir_engine::document::Document;
use weir_engine::metrics::Meter;
use weir_engine::node::Category;
use weir_engine::report::Bands;
use weir_engine::runtime::{NodeSnapshot, RunSnapshot};
use weir_engine::services;
use weir_engine::units::GIB;

use super::decimate::Decimated;
use super::reading::{Reading, logarithms, samples, stack, total};
use crate::designer::i18n::{kind_title, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{format, node_colours, node_name, shade};

/// Lines in one plot; those of selected nodes and the greatest come first.
const LINES_MAX: usize = 16;

/// What a plot is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// Records or bytes a second, in and out of each node.
    Throughput { bytes: bool },
    /// Percentiles from birth to delivery.
    Latency,
    /// Where the time of a record goes, node by node.
    Parts,
    /// Dollars an hour, by service.
    RunRate,
    /// Dollars for each GB that was produced.
    CostPerGb,
    /// A metric of a node.
    Metric {
        node: String,
        metric: String,
        reading: Reading,
    },
    /// Samples that no run has made: what drawing them costs is measured.
    Samples,
}

impl Subject {
    /// Its title.
    pub(super) fn title(&self, doc: &Document) -> String {
        match self {
            Self::Throughput { .. } => tr("plots.throughput").to_owned(),
            Self::Latency => tr("plots.latency").to_owned(),
            Self::Parts => tr("plots.parts").to_owned(),
            Self::RunRate => tr("plots.run_rate").to_owned(),
            Self::CostPerGb => tr("plots.cost_per_gb").to_owned(),
            Self::Samples => String::new(),
            Self::Metric {
                node,
                metric,
                reading,
            } => {
                format!("{} · {metric} · {}", node_name(doc, node), reading.name())
            }
        }
    }
}

/// The unit of a plot's values: how figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Records,
    Bytes,
    Millis,
    UsdPerHour,
    UsdPerGb,
    /// A CloudWatch unit; `true` a second.
    CloudWatch(&'static str, bool),
}

impl Unit {
    /// The value with its unit.
    pub(super) fn write(self, value: f64) -> String {
        match self {
            Self::Records => format::records_rate(value),
            Self::Bytes | Self::CloudWatch("Bytes", true) => format::bytes_rate(value),
            Self::Millis | Self::CloudWatch("Milliseconds", false) => format::millis(value),
            Self::UsdPerHour | Self::UsdPerGb | Self::CloudWatch("USD", false) => {
                format::usd(value)
            }
            Self::CloudWatch("Bytes", false) => format::bytes(value),
            Self::CloudWatch("Seconds", false) => format::millis(value * 1e3),
            Self::CloudWatch("Percent", false) => format!("{} %", format::digits(value)),
            Self::CloudWatch(_, true) => format::records_rate(value),
            Self::CloudWatch(..) => format::si(value),
        }
    }
    /// What stands beside the title.
    pub(super) fn words(self) -> String {
        match self {
            Self::Records => tr("plots.unit_records").to_owned(),
            Self::Bytes => "B/s".to_owned(),
            Self::Millis => tr("plots.unit_latency").to_owned(),
            Self::UsdPerHour => tr("plots.unit_per_hour").to_owned(),
            Self::UsdPerGb => "USD/GB".to_owned(),
            Self::CloudWatch(unit, false) => unit.to_owned(),
            Self::CloudWatch(unit, true) => format!("{unit}/s"),
        }
    }
}

/// One line, or one layer of a stack.
pub(super) struct Trace {
    /// As in the legend.
    pub(super) name: String,
    /// The node that it belongs to.
    pub(super) node: Option<String>,
    pub(super) colour: Color32,
    pub(super) style: LineStyle,
    pub(super) width: f32,
    /// Belongs to an earlier run.
    pub(super) is_past: bool,
    /// Instant, lower and upper end of the interval of a mean over repeats.
    pub(super) band: Vec<[f64; 3]>,
    pub(super) data: Decimated,
}

/// A plot's contents.
pub(super) struct Chart {
    pub(super) unit: Unit,
    /// Values are logarithms to the base 10.
    pub(super) is_log: bool,
    /// Traces stand on each other.
    pub(super) is_stacked: bool,
    pub(super) traces: Vec<Trace>,
    /// The stack: instants, and the height after each trace.
    pub(super) layers: (Vec<f64>, Vec<Vec<f64>>),
}

impl Chart {
    /// Before it was made.
    pub(super) const fn nothing() -> Self {
        let layers = (Vec::new(), Vec::new());
        Self {
            unit: Unit::Records,
            is_log: false,
            is_stacked: false,
            traces: Vec::new(),
            layers,
        }
    }
    /// Lines through these samples.
    pub(super) fn of_samples(series: Vec<Vec<PlotPoint>>) -> Self {
        let line = |(i, points)| Trace {
            name: format!("{i}"),
            node: None,
            colour: shade(theme().accent, i),
            style: LineStyle::Solid,
            width: 1.5,
            is_past: false,
            band: Vec::new(),
            data: Decimated::new(points),
        };
        Self {
            traces: series.into_iter().enumerate().map(line).collect(),
            ..Self::nothing()
        }
    }
    /// Makes it from a run. `selected` are the selected nodes, `past` says that the run is an earlier one.
    pub(super) fn of(
        subject: &Subject,
        doc: &Document,
        run: &RunSnapshot,
        selected: &BTreeSet<String>,
        past: Option<u64>,
        bands: Option<&Bands>,
    ) -> Self {
        let maker = Maker {
            doc,
            run,
            selected,
            bands,
            colours: node_colours(doc),
        };
        let mut chart = match subject {
            Subject::Throughput { bytes } => maker.throughput(*bytes),
            Subject::Latency => maker.latency(),
            Subject::RunRate => maker.run_rate(),
            // Drawn from the snapshot itself, see `parts`.
            Subject::Parts | Subject::Samples => Self::nothing(),
            Subject::CostPerGb => maker.cost_per_gb(),
            Subject::Metric {
                node,
                metric,
                reading,
            } => maker.metric(node, metric, *reading),
        };
        if let Some(number) = past {
            for trace in &mut chart.traces {
                trace.name = trf(
                    "plots.of_run",
                    &[("name", &trace.name), ("number", &number)],
                );
                trace.style = LineStyle::Dashed { length: 6.0 };
                trace.width = 1.25;
                trace.is_past = true;
                trace.colour = trace.colour.lerp_to_gamma(theme().panel, 0.25);
            }
        }
        chart
    }
    /// Puts the traces of an earlier run behind those of this one.
    pub(super) fn overlay(&mut self, past: Self) {
        if self.is_stacked {
            // Of a stack only the total is comparable.
            let (xs, tops) = past.layers;
            let (Some(total), Some(first)) = (tops.last(), past.traces.first()) else {
                return;
            };
            let points = xs
                .iter()
                .zip(total)
                .map(|(x, y)| PlotPoint::new(*x, *y))
                .collect();
            self.traces.push(Trace {
                name: first.name.clone(),
                node: None,
                colour: theme().secondary,
                style: LineStyle::Dashed { length: 6.0 },
                width: 1.25,
                is_past: true,
                band: Vec::new(),
                data: Decimated::new(points),
            });
        } else {
            self.traces.extend(past.traces);
        }
    }
    /// Stacks the traces that are shown.
    pub(super) fn restack(&mut self, is_shown: impl Fn(&Trace) -> bool) {
        if self.is_stacked {
            let curves: Vec<&[PlotPoint]> = self
                .traces
                .iter()
                .filter(|t| !t.is_past && is_shown(t))
                .map(|t| t.data.points())
                .collect();
            self.layers = stack(&curves);
        }
    }
    /// The value as it is, not its logarithm.
    pub(super) fn value(&self, y: f64) -> f64 {
        if self.is_log { 10_f64.powf(y) } else { y }
    }
}

struct Maker<'a> {
    doc: &'a Document,
    run: &'a RunSnapshot,
    selected: &'a BTreeSet<String>,
    /// Means over time of a run that was repeated.
    bands: Option<&'a Bands>,
    colours: BTreeMap<String, Color32>,
}

impl Maker<'_> {
    fn colour(&self, node: &str) -> Color32 {
        self.colours.get(node).copied().unwrap_or(theme().secondary)
    }
    fn meter<'n>(node: &'n NodeSnapshot, name: &str) -> Option<&'n Meter> {
        node.meters.all.iter().find(|m| m.spec.name == name)
    }
    /// A line in the node's colour, raised when the node is selected and lowered when another is.
    fn trace(&self, name: String, node: &str, points: Vec<PlotPoint>) -> Trace {
        let colour = self.colour(node);
        let (colour, width) = match () {
            () if self.selected.is_empty() => (colour, 1.5),
            () if self.selected.contains(node) => (colour, 2.25),
            () => (colour.lerp_to_gamma(theme().panel, 0.65), 1.25),
        };
        Trace {
            name,
            node: Some(node.to_owned()),
            colour,
            style: LineStyle::Solid,
            width,
            is_past: false,
            band: Vec::new(),
            data: Decimated::new(points),
        }
    }
    /// In the place of one run's line the mean of all, with its interval, when it was repeated. `scale` is that of the axis.
    fn banded(&self, trace: &mut Trace, node: &str, metric: &str, scale: fn(f64) -> f64) {
        let Some(band) = self.bands.and_then(|b| b.of(node, metric)) else {
            return;
        };
        let points = band.points.iter();
        let means = points
            .clone()
            .map(|[x, mean, ..]| PlotPoint::new(*x, scale(*mean)));
        trace.data = Decimated::new(means.filter(|p| p.y.is_finite()).collect());
        let ends = points.map(|[x, mean, low, high]| {
            // Below 0 nothing is measured; a logarithm ends at a tenth of the mean.
            let low = low.max(if scale(0.0).is_finite() {
                0.0
            } else {
                mean / 10.0
            });
            [*x, scale(low), scale(*high)]
        });
        trace.band = ends
            .filter(|e| e[1].is_finite() && e[2].is_finite())
            .collect();
    }
    fn lines(unit: Unit, is_log: bool, traces: Vec<Trace>) -> Chart {
        Chart {
            unit,
            is_log,
            is_stacked: false,
            traces,
            layers: Default::default(),
        }
    }

    fn throughput(&self, bytes: bool) -> Chart {
        let names = if bytes {
            ["BytesIn", "BytesOut"]
        } else {
            ["RecordsIn", "RecordsOut"]
        };
        let mut wanted = Vec::new();
        for node in self.run.nodes.iter().map(|n| &**n) {
            for (i, name) in names.iter().enumerate() {
                // What a source makes is shown once, as it leaves.
                let is_made = i == 0 && self.is_source(node);
                if let Some(meter) =
                    Self::meter(node, name).filter(|m| m.total.sum > 0.0 && !is_made)
                {
                    wanted.push((node, i, meter));
                }
            }
        }
        // A selection is looked at alone: other nodes may be so busy that it would be a line at the bottom.
        if wanted
            .iter()
            .any(|(node, ..)| self.selected.contains(&node.id))
        {
            wanted.retain(|(node, ..)| self.selected.contains(&node.id));
        }
        if wanted.len() > LINES_MAX {
            wanted.sort_by(|a, b| b.2.total.sum.total_cmp(&a.2.total.sum));
            wanted.truncate(LINES_MAX);
        }
        let make = |(node, i, meter): (&NodeSnapshot, usize, &Meter)| {
            let points = samples(&meter.series, Reading::Rate, self.run.now);
            let name = node_name(self.doc, &node.id);
            let key = if i == 0 {
                "plots.name_in"
            } else {
                "plots.name_out"
            };
            let mut trace = self.trace(trf(key, &[("name", &name)]), &node.id, points);
            self.banded(&mut trace, &node.id, names[i], |v| v);
            if i == 0 {
                // What comes in is thinner and paler than what goes out.
                trace.colour = trace.colour.lerp_to_gamma(theme().panel, 0.3);
                trace.width *= 0.7;
            }
            trace
        };
        let unit = if bytes { Unit::Bytes } else { Unit::Records };
        Self::lines(unit, false, wanted.into_iter().map(make).collect())
    }
    fn is_source(&self, node: &NodeSnapshot) -> bool {
        services::kind(node.kind).is_some_and(|k| k.spec().category == Category::Source)
    }

    /// End to end where records come to rest; of a selected node that only passes them on, its own.
    fn latency(&self) -> Chart {
        let mut traces = Vec::new();
        for node in self.run.nodes.iter().map(|n| &**n) {
            let is_selected = self.selected.contains(&node.id);
            let series = match () {
                () if node.end_to_end.is_some() => &node.end_to_end_series,
                () if is_selected && node.latency.is_some() => &node.latency_series,
                () => continue,
            };
            let name = node_name(self.doc, &node.id);
            for (i, (series, percentile)) in series.iter().zip(["p50", "p90", "p99"]).enumerate() {
                let points = logarithms(samples(series, Reading::Average, self.run.now));
                let key = if node.end_to_end.is_some() {
                    "plots.name_to"
                } else {
                    "plots.name_inside"
                };
                let mut trace = self.trace(
                    trf(key, &[("name", &name), ("percentile", &percentile)]),
                    &node.id,
                    points,
                );
                let metric = match node.end_to_end {
                    Some(_) => format!("EndToEndLatency.{percentile}"),
                    None => format!("Latency.{percentile}"),
                };
                self.banded(&mut trace, &node.id, &metric, f64::log10);
                // Of one hue: the slowest strongest.
                trace.colour = trace.colour.lerp_to_gamma(theme().text, [0.6, 0.3, 0.0][i]);
                trace.width *= [0.8, 1.0, 1.25][i];
                traces.push(trace);
            }
        }
        traces.truncate(LINES_MAX);
        Self::lines(Unit::Millis, true, traces)
    }

    /// One layer for each kind of node that costs something.
    fn run_rate(&self) -> Chart {
        let mut kinds: BTreeMap<&'static str, Vec<&NodeSnapshot>> = BTreeMap::new();
        for node in self.run.nodes.iter().map(|n| &**n) {
            if Self::meter(node, "CostPerHour").is_some_and(|m| m.total.sum > 0.0) {
                kinds.entry(node.kind).or_default().push(node);
            }
        }
        let mut layers: Vec<(f64, Trace)> = Vec::new();
        let mut used: BTreeMap<Category, usize> = BTreeMap::new();
        for (kind, nodes) in kinds {
            let Some(spec) = services::kind(kind).map(weir_engine::node::AnyKind::spec) else {
                continue;
            };
            let nth = used.entry(spec.category).or_default();
            let colour = shade(theme().category(spec.category), *nth);
            *nth += 1;
            let points = total(nodes.iter().map(|n| self.cost_rate(n)).collect());
            let size: f64 = points.iter().map(|p| p.y).sum();
            let trace = Trace {
                name: kind_title(spec).to_owned(),
                node: nodes
                    .first()
                    .filter(|_| nodes.len() == 1)
                    .map(|n| n.id.clone()),
                colour,
                style: LineStyle::Solid,
                width: 1.0,
                is_past: false,
                band: Vec::new(),
                data: Decimated::new(points),
            };
            layers.push((size, trace));
        }
        // The greatest at the bottom.
        layers.sort_by(|a, b| b.0.total_cmp(&a.0));
        let traces = layers.into_iter().map(|(_, t)| t).collect();
        Chart {
            unit: Unit::UsdPerHour,
            is_log: false,
            is_stacked: true,
            traces,
            layers: Default::default(),
        }
    }
    /// Dollars an hour of one node as steps: each minute is settled at its end, so its value belongs to what was before.
    fn cost_rate(&self, node: &NodeSnapshot) -> Vec<PlotPoint> {
        let Some(meter) = Self::meter(node, "CostPerHour") else {
            return Vec::new();
        };
        let mut out = Vec::new();
        let mut before = 0.0;
        for p in samples(&meter.series, Reading::Average, self.run.now) {
            out.push(PlotPoint::new(before, p.y));
            before = p.x;
        }
        if let Some(last) = out.last().copied() {
            out.push(PlotPoint::new(
                self.run.now.as_secs_f64().max(before),
                last.y,
            ));
        }
        out
    }

    /// What was spent up to each instant for each GB that was produced up to it.
    fn cost_per_gb(&self) -> Chart {
        let rates = total(self.run.nodes.iter().map(|n| self.cost_rate(n)).collect());
        let sources = self.run.nodes.iter().filter(|n| self.is_source(n));
        let made: Vec<Vec<PlotPoint>> = sources
            .filter_map(|n| Self::meter(n, "BytesOut"))
            .map(|m| samples(&m.series, Reading::Rate, self.run.now))
            .collect();
        let mut points = Vec::new();
        let mut produced: Vec<Integral<'_>> = made.iter().map(|m| Integral::new(m)).collect();
        let mut spent = 0.0;
        for pair in rates.windows(2) {
            spent += pair[0].y * (pair[1].x - pair[0].x) / 3600.0;
            let bytes: f64 = produced.iter_mut().map(|p| p.up_to(pair[1].x)).sum();
            if bytes > 0.0 {
                points.push(PlotPoint::new(pair[1].x, spent * GIB as f64 / bytes));
            }
        }
        let trace = Trace {
            name: tr("plots.cost_per_gb").to_owned(),
            node: None,
            colour: theme().accent,
            style: LineStyle::Solid,
            width: 1.75,
            is_past: false,
            band: Vec::new(),
            data: Decimated::new(points),
        };
        Self::lines(Unit::UsdPerGb, false, vec![trace])
    }

    fn metric(&self, id: &str, metric: &str, reading: Reading) -> Chart {
        let node = self.run.nodes.iter().find(|n| n.id == id);
        let meter = node.and_then(|n| Self::meter(n, metric));
        let unit = meter.map_or("None", |m| m.spec.unit);
        let is_counted = reading == Reading::SampleCount;
        let unit = Unit::CloudWatch(
            if is_counted { "Count" } else { unit },
            reading == Reading::Rate,
        );
        let traces = meter.map(|m| {
            let points = samples(&m.series, reading, self.run.now);
            let mut trace = self.trace(node_name(self.doc, id), id, points);
            if matches!(reading, Reading::Rate | Reading::Average) {
                self.banded(&mut trace, id, metric, |v| v);
            }
            trace
        });
        Self::lines(unit, false, traces.into_iter().collect())
    }
}

/// The area under a step curve, up to instants that only grow.
struct Integral<'a> {
    curve: &'a [PlotPoint],
    next: usize,
    sum: f64,
}

impl<'a> Integral<'a> {
    const fn new(curve: &'a [PlotPoint]) -> Self {
        Self {
            curve,
            next: 1,
            sum: 0.0,
        }
    }
    fn up_to(&mut self, x: f64) -> f64 {
        while self.curve.get(self.next).is_some_and(|p| p.x <= x) {
            let (a, b) = (&self.curve[self.next - 1], &self.curve[self.next]);
            self.sum += a.y * (b.x - a.x);
            self.next += 1;
        }
        let last = self.curve.get(self.next - 1);
        self.sum + last.map_or(0.0, |p| p.y * (x - p.x).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_under_a_step_curve() {
        let curve = [PlotPoint::new(0.0, 2.0), PlotPoint::new(10.0, 5.0)];
        let mut area = Integral::new(&curve);
        assert_eq!(area.up_to(5.0), 10.0);
        assert_eq!(area.up_to(10.0), 20.0);
        assert_eq!(area.up_to(12.0), 30.0);
        assert_eq!(Integral::new(&[]).up_to(3.0), 0.0);
    }

    #[test]
    fn figures_are_written_in_their_unit() {
        let cases = [
            (Unit::Records, 3000.0, "3 k/s"),
            (Unit::Millis, 1500.0, "1.50 s"),
            (Unit::UsdPerGb, 0.0123, "$0.0123"),
            (Unit::CloudWatch("Percent", false), 12.34, "12.3 %"),
            (Unit::CloudWatch("Bytes", true), 1024.0, "1 KiB/s"),
            (Unit::CloudWatch("Count", false), 7.0, "7"),
            (Unit::CloudWatch("Seconds", false), 90.0, "90 s"),
        ];
        for (unit, value, wanted) in cases {
            assert_eq!(unit.write(value), wanted);
        }
    }
}
