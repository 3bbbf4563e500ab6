//! Parameters of an endpoint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_detect::{Algorithm, Settings};

/// What an endpoint hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hosted {
    /// Random Cut Forest, learning as it goes.
    #[default]
    RandomCutForest,
    /// The detector without tuning, learning as it goes.
    BestOf,
    /// Isolation Forest over a window.
    IsolationForest,
    /// Distance from the mean of a window.
    ZScore,
    /// A model that a training job left in the bucket on the wire.
    Stored,
}

impl Hosted {
    /// The algorithm; `None` for a stored model.
    pub(super) const fn algorithm(self) -> Option<Algorithm> {
        match self {
            Self::RandomCutForest => Some(Algorithm::RandomCutForest),
            Self::BestOf => Some(Algorithm::BestOf),
            Self::IsolationForest => Some(Algorithm::IsolationForest),
            Self::ZScore => Some(Algorithm::ZScore),
            Self::Stored => None,
        }
    }
}

/// How invocations are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Serving {
    /// Instances that run all the time.
    #[default]
    RealTime,
    /// Environments that start when they are needed and are billed by the millisecond.
    Serverless,
}

/// The machine, which decides the price of an hour and how many invocations it works on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum InstanceType {
    /// 2 vCPU, 8 GiB.
    #[default]
    #[serde(rename = "ml.m5.large")]
    M5Large,
    /// 4 vCPU, 16 GiB.
    #[serde(rename = "ml.m5.xlarge")]
    M5Xlarge,
    /// 8 vCPU, 32 GiB.
    #[serde(rename = "ml.m5.2xlarge")]
    M5Xlarge2,
    /// 2 vCPU, 4 GiB.
    #[serde(rename = "ml.c5.large")]
    C5Large,
    /// 4 vCPU, 8 GiB.
    #[serde(rename = "ml.c5.xlarge")]
    C5Xlarge,
    /// 4 vCPU, 16 GiB, a T4 GPU.
    #[serde(rename = "ml.g4dn.xlarge")]
    G4dnXlarge,
}

impl InstanceType {
    pub(super) const fn vcpus(self) -> u32 {
        match self {
            Self::M5Large | Self::C5Large => 2,
            Self::M5Xlarge | Self::C5Xlarge | Self::G4dnXlarge => 4,
            Self::M5Xlarge2 => 8,
        }
    }
    pub(super) const fn memory_mb(self) -> u32 {
        match self {
            Self::M5Large | Self::C5Xlarge => 8_192,
            Self::M5Xlarge | Self::G4dnXlarge => 16_384,
            Self::M5Xlarge2 => 32_768,
            Self::C5Large => 4_096,
        }
    }
}

/// How the model's time varies from invocation to invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelTime {
    /// Not at all.
    #[default]
    Constant,
    /// Exponentially, as queueing theory likes it.
    Exponential,
}

/// A SageMaker endpoint, fed from a stream or by those that put records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is hosted.
    #[schemars(extend("x-group" = "Model"))]
    pub model: Hosted,
    /// The file of a stored model in the bucket on the wire, or a folder whose newest file counts.
    #[schemars(extend("x-group" = "Model"))]
    pub model_key: String,
    /// The numeric fields that a detector looks at, or features of them such as `vibration_std_16`, separated by commas; empty for every
    /// numeric field. A stored model knows its own.
    #[schemars(extend("x-group" = "Model"))]
    pub fields: String,
    /// The field whose every value is a series of its own (a machine): with its own history and its own detector.
    #[schemars(extend("x-group" = "Model"))]
    pub key_field: String,
    /// Values of `key_field` that are remembered; the longest unused is forgotten for a new one.
    #[schemars(range(min = 1, max = 100_000), extend("x-group" = "Model", "x-unit" = "keys", "x-soft-max" = 1000))]
    pub max_keys: u32,
    /// Trees of a forest.
    #[schemars(range(min = 50, max = 1000), extend("x-group" = "Model", "x-soft-max" = 200))]
    pub num_trees: u32,
    /// Records that each tree keeps.
    #[schemars(range(min = 8, max = 2048), extend("x-group" = "Model", "x-unit" = "records"))]
    pub num_samples_per_tree: u32,
    /// A classifier raises an alert when it says so many times in a row of a key that it is not in its usual class.
    #[schemars(range(min = 1, max = 1000), extend("x-group" = "Model", "x-unit" = "records", "x-soft-max" = 20))]
    pub alert_after: u32,
    /// The field with the truth: a class, or whether the record is an anomaly. Never seen by the model, only used to judge it.
    #[schemars(extend("x-group" = "Labels"))]
    pub label_field: String,
    /// A file with the windows of time that truly are anomalous (CSV or JSON), in the document's folder.
    #[schemars(extend("x-group" = "Labels"))]
    pub label_windows: String,
    /// How invocations are served.
    #[schemars(extend("x-group" = "Serving"))]
    pub serving: Serving,
    /// The machine.
    #[schemars(extend("x-group" = "Serving"))]
    pub instance_type: InstanceType,
    /// Instances at the beginning.
    #[schemars(range(min = 1, max = 100), extend("x-group" = "Serving", "x-unit" = "instances", "x-soft-max" = 10))]
    pub initial_instance_count: u32,
    /// Memory of a serverless environment.
    #[schemars(range(min = 1024, max = 6144), extend("x-group" = "Serverless", "x-unit" = "MB", "x-step" = 1024))]
    pub serverless_memory_mb: u32,
    /// Serverless environments at work at once.
    #[schemars(range(min = 1, max = 200), extend("x-group" = "Serverless", "x-unit" = "environments"))]
    pub serverless_max_concurrency: u32,
    /// Change the number of instances by target tracking.
    #[schemars(extend("x-group" = "Auto scaling"))]
    pub autoscaling: bool,
    /// Instances at the least.
    #[schemars(range(min = 1, max = 100), extend("x-group" = "Auto scaling", "x-unit" = "instances", "x-soft-max" = 10))]
    pub min_capacity: u32,
    /// Instances at the most.
    #[schemars(range(min = 1, max = 100), extend("x-group" = "Auto scaling", "x-unit" = "instances", "x-soft-max" = 10))]
    pub max_capacity: u32,
    /// Invocations a minute that one instance should have (`SageMakerVariantInvocationsPerInstance`).
    #[schemars(range(min = 0.1, max = 1_000_000.0), extend("x-group" = "Auto scaling", "x-unit" = "invocations/min", "x-soft-max" = 2000.0))]
    pub target_invocations_per_instance: f64,
    /// Least time from one growth to the next.
    #[schemars(range(min = 0, max = 86_400), extend("x-group" = "Auto scaling", "x-unit" = "s", "x-soft-max" = 900))]
    pub scale_out_cooldown_seconds: u32,
    /// Least time from any change to a reduction.
    #[schemars(range(min = 0, max = 86_400), extend("x-group" = "Auto scaling", "x-unit" = "s", "x-soft-max" = 900))]
    pub scale_in_cooldown_seconds: u32,
    /// Traffic of the second production variant, against 1 of the first; 0: there is none.
    #[schemars(range(min = 0.0, max = 100.0), extend("x-group" = "Second variant (A/B)", "x-soft-max" = 1.0))]
    pub second_weight: f64,
    /// What the second variant hosts.
    #[schemars(extend("x-group" = "Second variant (A/B)"))]
    pub second_model: Hosted,
    /// File or folder of its stored model.
    #[schemars(extend("x-group" = "Second variant (A/B)"))]
    pub second_model_key: String,
    /// Its instances at the beginning.
    #[schemars(range(min = 1, max = 100), extend("x-group" = "Second variant (A/B)", "x-unit" = "instances", "x-soft-max" = 10))]
    pub second_instance_count: u32,
    /// Multi-model endpoint: each value of `key_field` is a model that an instance loads when it is first called for.
    #[schemars(extend("x-group" = "Multi-model"))]
    pub multi_model: bool,
    /// Memory of one such model. Assumed: look at yours.
    #[schemars(range(min = 1, max = 16_384), extend("x-group" = "Multi-model", "x-unit" = "MB", "x-soft-max" = 2048, "x-assumed" = true))]
    pub model_mb: u32,
    /// Records of one invocation.
    #[schemars(range(min = 1, max = 10_000), extend("x-group" = "Invocations", "x-unit" = "records", "x-soft-max" = 1000))]
    pub batch_records: u32,
    /// The model's time for an invocation before any record. Assumed: measure your model.
    #[schemars(range(min = 0.0, max = 60_000.0), extend("x-group" = "Invocations", "x-unit" = "ms", "x-soft-max" = 100.0, "x-assumed" = true))]
    pub base_ms: f64,
    /// The model's time for each record. Assumed: measure your model.
    #[schemars(range(min = 0.0, max = 1_000_000.0), extend("x-group" = "Invocations", "x-unit" = "us", "x-soft-max" = 1000.0, "x-assumed" = true))]
    pub per_record_us: f64,
    /// How the model's time varies.
    #[schemars(extend("x-group" = "Invocations"))]
    pub model_time: ModelTime,
    /// Further tries of an invocation that failed, before its records are given up.
    #[schemars(range(min = 0, max = 100), extend("x-group" = "Invocations", "x-unit" = "tries", "x-soft-max" = 10))]
    pub max_retries: u32,
}

impl Default for Config {
    fn default() -> Self {
        let model = Settings::default();
        Self {
            model: Hosted::default(),
            model_key: "models/".to_owned(),
            fields: String::new(),
            key_field: String::new(),
            max_keys: 200,
            num_trees: model.num_trees,
            num_samples_per_tree: model.num_samples_per_tree,
            alert_after: 3,
            label_field: String::new(),
            label_windows: String::new(),
            serving: Serving::default(),
            instance_type: InstanceType::default(),
            initial_instance_count: 1,
            serverless_memory_mb: 2048,
            serverless_max_concurrency: 20,
            autoscaling: false,
            min_capacity: 1,
            max_capacity: 4,
            target_invocations_per_instance: 600.0,
            scale_out_cooldown_seconds: 300,
            scale_in_cooldown_seconds: 600,
            second_weight: 0.0,
            second_model: Hosted::BestOf,
            second_model_key: String::new(),
            second_instance_count: 1,
            multi_model: false,
            model_mb: 200,
            batch_records: 100,
            base_ms: 5.0,
            per_record_us: 100.0,
            model_time: ModelTime::default(),
            max_retries: 3,
        }
    }
}

impl Config {
    /// The names in `fields`.
    pub(super) fn field_names(&self) -> Vec<String> {
        let names = self.fields.split(',').map(str::trim);
        names.filter(|f| !f.is_empty()).map(str::to_owned).collect()
    }
    /// The variants: what each hosts, where its file is, its share of the traffic, its instances.
    pub(super) fn variants(&self) -> Vec<(Hosted, &str, f64, u32)> {
        let first = (
            self.model,
            self.model_key.as_str(),
            1.0,
            self.initial_instance_count,
        );
        let mut all = vec![first];
        if self.second_weight > 0.0 {
            all.push((
                self.second_model,
                self.second_model_key.as_str(),
                self.second_weight,
                self.second_instance_count,
            ));
        }
        all
    }
    pub(super) fn settings(&self, algorithm: Algorithm, fields: u32, seed: u64) -> Settings {
        Settings {
            algorithm,
            fields,
            seed,
            num_trees: self.num_trees,
            num_samples_per_tree: self.num_samples_per_tree,
            ..Settings::default()
        }
    }
    /// The same but for what may change while the run goes on.
    pub(super) fn fixed(&self) -> Self {
        let free = Self::default();
        Self {
            autoscaling: free.autoscaling,
            min_capacity: free.min_capacity,
            max_capacity: free.max_capacity,
            target_invocations_per_instance: free.target_invocations_per_instance,
            scale_out_cooldown_seconds: free.scale_out_cooldown_seconds,
            scale_in_cooldown_seconds: free.scale_in_cooldown_seconds,
            serverless_max_concurrency: free.serverless_max_concurrency,
            initial_instance_count: free.initial_instance_count,
            second_instance_count: free.second_instance_count,
            second_weight: if self.second_weight > 0.0 { 1.0 } else { 0.0 },
            alert_after: free.alert_after,
            batch_records: free.batch_records,
            base_ms: free.base_ms,
            per_record_us: free.per_record_us,
            model_time: free.model_time,
            max_retries: free.max_retries,
            ..self.clone()
        }
    }
}
