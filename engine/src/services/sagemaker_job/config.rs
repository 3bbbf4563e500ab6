//! Parameters of a job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_detect::boost::BoostSettings;
use weir_detect::{Algorithm, Settings};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobType {
    /// Trains a model on the rows and writes it to the bucket.
    #[default]
    Training,
    /// Batch transform: writes the rows with what a stored model says of them.
    Transform,
    /// Processing: writes the rows with the features of `fields`.
    Processing,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trains {
    /// Gradient-boosted trees that tell classes apart, after `XGBoost`.
    #[default]
    Xgboost,
    /// Random Cut Forest, which needs no labels.
    RandomCutForest,
}

/// The machine, which decides the price of an hour and how fast the job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum InstanceType {
    /// 2 vCPU, 8 GiB.
    #[serde(rename = "ml.m5.large")]
    M5Large,
    /// 4 vCPU, 16 GiB.
    #[default]
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
}

/// A SageMaker training, batch transform or processing job over a table of the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the job does.
    pub job_type: JobType,
    /// The rows, oldest first: the newest part of them judges a classifier.
    #[schemars(extend("x-editor" = "sql", "x-group" = "Rows"))]
    pub sql: String,
    /// Database of names without one. Empty: the one that the catalog on the wire tells.
    #[schemars(extend("x-group" = "Rows"))]
    pub database: String,
    /// The inputs: numeric columns, or features of them such as `vibration_std_16`, separated by commas; empty for every numeric column.
    #[schemars(extend("x-group" = "Rows"))]
    pub fields: String,
    /// The column whose every value is a series of its own, over which features are computed. It is no input.
    #[schemars(extend("x-group" = "Rows"))]
    pub key_field: String,
    /// The column with the class of each row. Rows without one are left out.
    #[schemars(extend("x-group" = "Rows"))]
    pub label_field: String,
    /// What is trained.
    #[schemars(extend("x-group" = "Training"))]
    pub algorithm: Trains,
    /// Share of the rows, the newest, that are kept to judge the classifier.
    #[schemars(range(min = 0.0, max = 0.9), extend("x-group" = "Training"))]
    pub validation_share: f64,
    /// Rounds of boosting.
    #[schemars(range(min = 1, max = 2000), extend("x-group" = "Training", "x-soft-max" = 200))]
    pub num_round: u32,
    /// How much of each tree counts.
    #[schemars(range(min = 0.001, max = 1.0), extend("x-group" = "Training"))]
    pub eta: f64,
    /// Cuts from root to leaf at the most.
    #[schemars(range(min = 1, max = 12), extend("x-group" = "Training"))]
    pub max_depth: u32,
    /// Least gain of a cut.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-group" = "Training", "x-soft-max" = 10.0))]
    pub gamma: f64,
    /// Penalty on the squares of leaves.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-group" = "Training", "x-soft-max" = 10.0))]
    pub lambda: f64,
    /// Least weight of the rows in a leaf.
    #[schemars(range(min = 0.0, max = 1000.0), extend("x-group" = "Training", "x-soft-max" = 10.0))]
    pub min_child_weight: f64,
    /// Trees of the Random Cut Forest.
    #[schemars(range(min = 50, max = 1000), extend("x-group" = "Training", "x-soft-max" = 200))]
    pub num_trees: u32,
    /// Rows that each of them keeps.
    #[schemars(range(min = 8, max = 2048), extend("x-group" = "Training", "x-unit" = "records"))]
    pub num_samples_per_tree: u32,
    /// Transform: the stored model in the bucket on the wire, or a folder whose newest file counts.
    #[schemars(extend("x-group" = "Transform"))]
    pub model_key: String,
    /// Folder of the target bucket that is written to.
    #[schemars(extend("x-group" = "Target"))]
    pub target_prefix: String,
    /// The machine.
    #[schemars(extend("x-group" = "Instances"))]
    pub instance_type: InstanceType,
    /// How many of them.
    #[schemars(range(min = 1, max = 100), extend("x-group" = "Instances", "x-unit" = "instances", "x-soft-max" = 10))]
    pub instance_count: u32,
    /// Time of one vCPU for one row and round (of boosting) or tree; of a transform or processing: for one row. Assumed: measure your job.
    #[schemars(range(min = 0.0, max = 1_000_000.0), extend("x-group" = "Instances", "x-unit" = "us", "x-soft-max" = 1000.0, "x-assumed" = true))]
    pub per_row_us: f64,
    /// Stopping condition: a job that takes longer is stopped.
    #[schemars(range(min = 60, max = 432_000), extend("x-group" = "Instances", "x-unit" = "s", "x-soft-max" = 86_400))]
    pub max_runtime_seconds: u32,
    /// When the first job begins.
    #[schemars(range(min = 0, max = 31_536_000), extend("x-group" = "Schedule", "x-unit" = "s", "x-soft-max" = 86_400))]
    pub start_after_seconds: u32,
    /// Time from one job to the next. 0: only when a person or a trigger asks.
    #[schemars(range(min = 0, max = 31_536_000), extend("x-group" = "Schedule", "x-unit" = "s", "x-soft-max" = 86_400))]
    pub schedule_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        let (boost, forest) = (BoostSettings::default(), Settings::default());
        Self {
            job_type: JobType::default(),
            sql: "SELECT * FROM readings ORDER BY event_time".to_owned(),
            database: String::new(),
            fields: String::new(),
            key_field: String::new(),
            label_field: String::new(),
            algorithm: Trains::default(),
            validation_share: 0.2,
            num_round: boost.num_round,
            eta: boost.eta,
            max_depth: boost.max_depth,
            gamma: boost.gamma,
            lambda: boost.lambda,
            min_child_weight: boost.min_child_weight,
            num_trees: forest.num_trees,
            num_samples_per_tree: forest.num_samples_per_tree,
            model_key: "models/".to_owned(),
            target_prefix: "models/".to_owned(),
            instance_type: InstanceType::default(),
            instance_count: 1,
            per_row_us: 10.0,
            max_runtime_seconds: 86_400,
            start_after_seconds: 600,
            schedule_seconds: 86_400,
        }
    }
}

impl Config {
    /// The names in `fields`.
    pub(super) fn field_names(&self) -> Vec<String> {
        let names = self.fields.split(',').map(str::trim);
        names.filter(|f| !f.is_empty()).map(str::to_owned).collect()
    }
    pub(super) const fn boost(&self) -> BoostSettings {
        BoostSettings {
            num_round: self.num_round,
            eta: self.eta,
            max_depth: self.max_depth,
            gamma: self.gamma,
            lambda: self.lambda,
            min_child_weight: self.min_child_weight,
        }
    }
    pub(super) fn forest(&self, fields: u32, seed: u64) -> Settings {
        Settings {
            algorithm: Algorithm::RandomCutForest,
            fields,
            seed,
            num_trees: self.num_trees,
            num_samples_per_tree: self.num_samples_per_tree,
            ..Settings::default()
        }
    }
    /// The target folder with its last slash.
    pub(super) fn target_folder(&self) -> String {
        let folder = self.target_prefix.trim_matches('/');
        if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        }
    }
    /// Virtual time of the work on so many rows.
    pub(super) fn seconds(&self, rows: u64) -> f64 {
        let passes = match (self.job_type, self.algorithm) {
            (JobType::Transform | JobType::Processing, _) => 1,
            (JobType::Training, Trains::Xgboost) => self.num_round,
            (JobType::Training, Trains::RandomCutForest) => self.num_trees,
        };
        let vcpus = f64::from(self.instance_type.vcpus() * self.instance_count);
        rows as f64 * f64::from(passes) * self.per_row_us * 1e-6 / vcpus
    }
}
