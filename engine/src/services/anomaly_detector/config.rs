//! Parameters of a detector node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_detect::{Algorithm, Cutoff, Settings};

/// Which algorithm scores the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detector {
    /// How far a value lies from everything seen before, as a probability. Needs no tuning.
    #[default]
    BestOf,
    /// Random Cut Forest, as SageMaker and Kinesis SQL have it.
    RandomCutForest,
    /// Distance from the mean of a window, in standard deviations.
    ZScore,
    /// Distance beyond the quartiles of a window, in quartile distances.
    Iqr,
    /// Distance from the median of a window, in median absolute deviations.
    Mad,
    /// Distance from an exponentially weighted mean.
    Ewma,
    /// Isolation Forest over a window.
    IsolationForest,
    /// One-class support vector machine, trained online.
    OneClassSvm,
    /// Residual of Holt-Winters smoothing with a season.
    Seasonal,
    /// Residual of an ARIMA(p, d, 0) model fitted online.
    Arima,
}

impl Detector {
    pub(super) const fn algorithm(self) -> Algorithm {
        match self {
            Self::BestOf => Algorithm::BestOf,
            Self::RandomCutForest => Algorithm::RandomCutForest,
            Self::ZScore => Algorithm::ZScore,
            Self::Iqr => Algorithm::Iqr,
            Self::Mad => Algorithm::Mad,
            Self::Ewma => Algorithm::Ewma,
            Self::IsolationForest => Algorithm::IsolationForest,
            Self::OneClassSvm => Algorithm::OneClassSvm,
            Self::Seasonal => Algorithm::Seasonal,
            Self::Arima => Algorithm::Arima,
        }
    }
}

/// From which score on a record is an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CutoffBy {
    /// What is usual for the detector.
    #[default]
    Usual,
    /// At the score `cutoff_value`.
    Score,
    /// At the mean of all scores and `cutoff_value` of their standard deviations.
    Deviations,
}

/// Which records go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Emit {
    /// All, each with its score.
    #[default]
    All,
    /// Anomalies only.
    Anomalies,
}

/// The machine behind the endpoint, which decides the price of an hour and how many batches are scored at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum InstanceType {
    /// 2 vCPU, 8 GiB.
    #[default]
    #[serde(rename = "ml.m5.large")]
    M5Large,
    /// 4 vCPU, 16 GiB.
    #[serde(rename = "ml.m5.xlarge")]
    M5Xlarge,
}

impl InstanceType {
    pub(super) const fn vcpus(self) -> u32 {
        match self {
            Self::M5Large => 2,
            Self::M5Xlarge => 4,
        }
    }
}

/// A detector behind an endpoint, fed from a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which algorithm scores the records.
    pub detector: Detector,
    /// The numeric fields that are looked at, separated by commas; empty for every numeric field.
    pub fields: String,
    /// The field whose every value has a model of its own (a machine, a user); empty for one model of all.
    pub key_field: String,
    /// The field that says whether a record truly is an anomaly (true, or a number that is not 0); never seen by the detector, only
    /// used to judge it. Empty: no labels.
    pub label_field: String,
    /// A file with the windows of time that truly are anomalous (CSV with start,end,key or JSON), in the document's folder; used where
    /// there is no `label_field`.
    pub label_windows: String,
    /// The field with each record's own time, by which windows of labels and delays go. Empty: the first field of times where there is a
    /// file of windows, else when the record was made.
    pub time_field: String,
    /// From which score on a record is an anomaly.
    pub cutoff: CutoffBy,
    /// The score, or the number of standard deviations; not used for `usual`.
    #[schemars(range(min = 0.0, max = 1_000_000.0), extend("x-soft-max" = 10.0))]
    pub cutoff_value: f64,
    /// Records of a key that are learnt before the first alert.
    #[schemars(range(min = 0, max = 1_000_000), extend("x-unit" = "records", "x-soft-max" = 2000))]
    pub warm_up_records: u32,
    /// An alert is raised only when its score exceeds every score of this many records of its key before it; 0: always.
    #[schemars(range(min = 0, max = 100_000), extend("x-unit" = "records", "x-soft-max" = 1000))]
    pub quiet_records: u32,
    /// Which records go out.
    pub emit: Emit,
    /// Trees of a forest.
    #[schemars(range(min = 1, max = 1000), extend("x-group" = "Model", "x-soft-max" = 200))]
    pub num_trees: u32,
    /// Records that each tree keeps.
    #[schemars(range(min = 8, max = 2048), extend("x-group" = "Model", "x-unit" = "records"))]
    pub num_samples_per_tree: u32,
    /// Records that make one point of the Random Cut Forest: the newest and those before it.
    #[schemars(range(min = 1, max = 128), extend("x-group" = "Model", "x-unit" = "records", "x-soft-max" = 32))]
    pub shingle_size: u32,
    /// The Random Cut Forest forgets a record at the rate 1 in this many; 0: never.
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-group" = "Model", "x-unit" = "records", "x-soft-max" = 1_000_000))]
    pub time_decay: u64,
    /// Records of the window of z-score, IQR and MAD.
    #[schemars(range(min = 10, max = 100_000), extend("x-group" = "Model", "x-unit" = "records", "x-soft-max" = 2000))]
    pub window_records: u32,
    /// Records of one season of `seasonal`; 0: none.
    #[schemars(range(min = 0, max = 100_000), extend("x-group" = "Model", "x-unit" = "records", "x-soft-max" = 2000))]
    pub season_records: u32,
    /// Weight of the newest record in the smoothed mean of `ewma` and `seasonal`.
    #[schemars(range(min = 0.001, max = 1.0), extend("x-group" = "Model"))]
    pub smoothing: f64,
    /// Past values that `arima` looks at (p).
    #[schemars(range(min = 1, max = 32), extend("x-group" = "Model"))]
    pub arima_order: u32,
    /// How often `arima` takes differences (d).
    #[schemars(range(min = 0, max = 2), extend("x-group" = "Model"))]
    pub arima_differences: u32,
    /// Keys that have a model at once; the key that was longest without a record is forgotten for a new one.
    #[schemars(range(min = 1, max = 100_000), extend("x-group" = "Endpoint", "x-unit" = "keys", "x-soft-max" = 1000))]
    pub max_keys: u32,
    /// Records of one invocation.
    #[schemars(range(min = 1, max = 10_000), extend("x-group" = "Endpoint", "x-unit" = "records"))]
    pub batch_records: u32,
    /// The machine behind the endpoint.
    pub instance_type: InstanceType,
    /// How many of them.
    #[schemars(range(min = 1, max = 100), extend("x-group" = "Endpoint", "x-soft-max" = 10))]
    pub instance_count: u32,
    /// Time to score one record, beside the fixed time of an invocation. Assumed: measure your model.
    #[schemars(range(min = 0.0, max = 1_000_000.0), extend("x-group" = "Endpoint", "x-unit" = "us", "x-soft-max" = 1000.0, "x-assumed" = true))]
    pub per_record_us: f64,
}

impl Default for Config {
    fn default() -> Self {
        let model = Settings::default();
        Self {
            detector: Detector::default(),
            fields: String::new(),
            key_field: String::new(),
            label_field: String::new(),
            label_windows: String::new(),
            time_field: String::new(),
            cutoff: CutoffBy::default(),
            cutoff_value: 3.0,
            warm_up_records: model.warm_up,
            quiet_records: model.quiet,
            emit: Emit::default(),
            num_trees: model.num_trees,
            num_samples_per_tree: model.num_samples_per_tree,
            shingle_size: model.shingle_size,
            time_decay: model.time_decay,
            window_records: model.window,
            season_records: model.season,
            smoothing: model.smoothing,
            arima_order: model.order,
            arima_differences: model.differences,
            max_keys: 200,
            batch_records: 500,
            instance_type: InstanceType::default(),
            instance_count: 1,
            per_record_us: 100.0,
        }
    }
}

impl Config {
    /// The names in `fields`.
    pub(super) fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields
            .split(',')
            .map(str::trim)
            .filter(|f| !f.is_empty())
    }
    pub(super) const fn cutoff(&self) -> Option<Cutoff> {
        match self.cutoff {
            CutoffBy::Usual => None,
            CutoffBy::Score => Some(Cutoff::Fixed(self.cutoff_value)),
            CutoffBy::Deviations => Some(Cutoff::Deviations(self.cutoff_value)),
        }
    }
    pub(super) const fn settings(&self, fields: u32, seed: u64) -> Settings {
        Settings {
            algorithm: self.detector.algorithm(),
            fields,
            cutoff: self.cutoff(),
            warm_up: self.warm_up_records,
            quiet: self.quiet_records,
            seed,
            num_trees: self.num_trees,
            num_samples_per_tree: self.num_samples_per_tree,
            shingle_size: self.shingle_size,
            time_decay: self.time_decay,
            window: self.window_records,
            season: self.season_records,
            smoothing: self.smoothing,
            order: self.arima_order,
            differences: self.arima_differences,
        }
    }
    /// The same but for what may change while the run goes on.
    pub(super) fn fixed(&self) -> Self {
        let free = Self::default();
        Self {
            cutoff: free.cutoff,
            cutoff_value: free.cutoff_value,
            warm_up_records: free.warm_up_records,
            quiet_records: free.quiet_records,
            emit: free.emit,
            batch_records: free.batch_records,
            instance_count: free.instance_count,
            per_record_us: free.per_record_us,
            ..self.clone()
        }
    }
}
