//! Parameters of a queue, by SQS's names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The sort of queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueueType {
    /// At least once, order as good as it gets, no limit on calls.
    #[default]
    Standard,
    /// In order within each message group, exactly once within five minutes, with a limit on calls.
    Fifo,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The sort of queue.
    #[schemars(extend("x-group" = "Queue"))]
    pub queue_type: QueueType,
    /// How long a received message is hidden; one that is not deleted by then becomes visible again.
    #[schemars(range(min = 0, max = 43_200), extend("x-unit" = "s", "x-soft-max" = 900, "x-quota" = "sqs.visibility_timeout_max_s", "x-group" = "Queue"))]
    pub visibility_timeout_seconds: u32,
    /// How long a new message is hidden at first.
    #[schemars(range(min = 0, max = 900), extend("x-unit" = "s", "x-group" = "Queue"))]
    pub delay_seconds: u32,
    /// A message that is older is gone.
    #[schemars(range(min = 60, max = 1_209_600), extend("x-unit" = "s", "x-soft-max" = 345_600, "x-quota" = "sqs.retention_max_s", "x-group" = "Queue"))]
    pub message_retention_period_seconds: u32,
    /// A message that was received so often and comes back goes to the dead-letter queue; without it, never.
    #[schemars(range(min = 1, max = 1000), extend("x-unit" = "receives", "x-soft-max" = 10, "x-group" = "Queue"))]
    pub max_receive_count: Option<u32>,
    /// FIFO: the field that names a message's group; empty: all messages are one group.
    #[schemars(extend("x-editor" = "field", "x-group" = "FIFO"))]
    pub message_group_id: String,
    /// FIFO: the field by which a message is known as a double; empty: its whole body.
    #[schemars(extend("x-editor" = "field", "x-group" = "FIFO"))]
    pub message_deduplication_id: String,
    /// FIFO: the limit on calls holds for each group instead of the whole queue, and the region's is far higher.
    #[schemars(extend("x-group" = "FIFO"))]
    pub high_throughput: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_type: QueueType::Standard,
            visibility_timeout_seconds: 30,
            delay_seconds: 0,
            message_retention_period_seconds: 345_600,
            max_receive_count: None,
            message_group_id: String::new(),
            message_deduplication_id: String::new(),
            high_throughput: false,
        }
    }
}

impl Config {
    pub(super) fn is_fifo(&self) -> bool {
        self.queue_type == QueueType::Fifo
    }
}
