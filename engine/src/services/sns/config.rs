//! Parameters of a topic, by SNS's names.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::Pattern;

/// The sort of topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TopicType {
    /// At least once, order as good as it gets, to queues, functions and delivery streams.
    #[default]
    Standard,
    /// In order within each message group, each message once within five minutes, to queues only.
    Fifo,
}

/// What the limit on messages of a FIFO topic holds for (`FifoThroughputScope`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ThroughputScope {
    /// The whole topic: 3,000 messages and 20 MB a second.
    #[default]
    Topic,
    /// Each message group; the topic may have what the region has.
    MessageGroup,
}

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The sort of topic.
    #[schemars(extend("x-group" = "Topic"))]
    pub topic_type: TopicType,
    /// FIFO: the field that names a message's group; empty: all messages are one group.
    #[schemars(extend("x-editor" = "field", "x-group" = "FIFO"))]
    pub message_group_id: String,
    /// FIFO: the field by which a message is known as a double; empty: its whole body (`ContentBasedDeduplication`).
    #[schemars(extend("x-editor" = "field", "x-group" = "FIFO"))]
    pub message_deduplication_id: String,
    /// FIFO: what the limit on messages holds for, beside the 300 a second of each group.
    #[schemars(extend("x-group" = "FIFO"))]
    pub fifo_throughput_scope: ThroughputScope,
    /// Which messages a subscriber gets: JSON with the subscriber's node id and its filter policy (on the message body). Who is not
    /// named gets all.
    #[schemars(extend("x-editor" = "json"))]
    pub filter_policies: String,
    /// Queues and streams get the message itself instead of the notification around it.
    pub raw_message_delivery: bool,
    /// What the subject line of notifications says.
    pub subject: String,
    /// Keeps every message as a line of JSON in a bucket `weir-<node>-messages` of the run.
    pub keep_messages: bool,
    /// Address of a program on this machine to which each message is posted, such as `http://127.0.0.1:8080/messages`. You are
    /// asked before anything is sent.
    #[schemars(extend("x-ask" = true))]
    pub webhook: String,
}

impl Config {
    pub(super) fn is_fifo(&self) -> bool {
        self.topic_type == TopicType::Fifo
    }
    /// The policies by subscriber.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn policies(&self) -> Result<BTreeMap<String, Pattern>, String> {
        if self.filter_policies.trim().is_empty() {
            return Ok(BTreeMap::new());
        }
        let read: Value = serde_json::from_str(&self.filter_policies)
            .map_err(|e| format!("the filter policies are no JSON: {e}"))?;
        let Value::Object(all) = read else {
            return Err("the filter policies are an object of node ids".to_owned());
        };
        all.into_iter()
            .map(|(node, policy)| {
                let pattern = Pattern::parse(&policy).map_err(|e| format!("{node}: {e}"))?;
                Ok((node, pattern))
            })
            .collect()
    }
}
