//! What goes out beside the subscribers: messages posted to a program of this machine, messages kept as files. Neither changes
//! where records go.

use super::HTTP_DELIVERY;
use super::config::Config;
use super::notification::{self, Envelope};
use crate::code::Webhook;
use crate::data::{Batch, json_texts};
use crate::node::{BuildCx, Cx, NodeError, NodeResult};

/// Bytes of messages that are gathered before they are written, however new they are.
const GATHERED: usize = 4 << 20;
/// Longest bucket name. Source: S3 user guide, bucket naming rules.
const BUCKET_CHARS: usize = 63;

/// The two.
#[derive(Debug, Default)]
pub(super) struct Tee {
    webhook: Option<Webhook>,
    /// The bucket of the files.
    bucket: Option<String>,
    lines: Vec<u8>,
    gathered: u64,
    files: u64,
}

impl Tee {
    pub(super) fn new(config: &Config, cx: &BuildCx) -> Result<Self, String> {
        let url = config.webhook.trim();
        let webhook = if url.is_empty() {
            None
        } else {
            Some(Webhook::open(url, &cx.world.code)?)
        };
        let bucket = config.keep_messages.then(|| bucket_of(&cx.node));
        if let Some(bucket) = &bucket {
            let made = cx.world.lake.create_bucket(bucket);
            made.map_err(|e| e.to_string())?;
        }
        Ok(Self {
            webhook,
            bucket,
            ..Self::default()
        })
    }
    /// Takes the messages of a call.
    pub(super) fn take(
        &mut self,
        batch: &Batch,
        envelope: &Envelope,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        if self.webhook.is_none() && self.bucket.is_none() {
            return Ok(());
        }
        let texts = json_texts(&notification::notifications(batch, envelope)?)?;
        if let Some(webhook) = &self.webhook {
            cx.meter(&HTTP_DELIVERY, u128::from(batch.records()));
            for text in &texts {
                webhook.post(String::from_utf8_lossy(text).into_owned());
            }
        }
        if self.bucket.is_some() {
            for text in texts {
                self.lines.extend_from_slice(&text);
                self.lines.push(b'\n');
                self.gathered += 1;
            }
            if self.lines.len() >= GATHERED {
                self.write(cx)?;
            }
        }
        Ok(())
    }
    /// Writes what was gathered as a file.
    pub(super) fn write(&mut self, cx: &Cx<'_>) -> NodeResult {
        let Some(bucket) = self.bucket.as_ref().filter(|_| self.gathered > 0) else {
            return Ok(());
        };
        self.files += 1;
        let key = format!("messages-{:06}.json", self.files);
        let lines = std::mem::take(&mut self.lines);
        let records = std::mem::take(&mut self.gathered);
        cx.world()
            .lake
            .put(bucket, &key, &lines, cx.now(), records)
            .map_err(|e| NodeError::Fatal(e.to_string()))?;
        Ok(())
    }
}

/// The bucket of a topic's files.
fn bucket_of(node: &str) -> String {
    let most = BUCKET_CHARS - "weir--messages".len();
    let name: String = node.chars().take(most).collect();
    format!("weir-{}-messages", name.trim_end_matches('-'))
}
