//! What a bucket tells of a new file: as EventBridge has it, and as queues, topics and functions get it.

use chrono::DateTime;
use serde_json::json;

use crate::node::{Cx, Event};

/// The event of a file that was put; `number` counts them.
pub(super) fn created(bucket: &str, key: &str, bytes: u64, number: u64, cx: &Cx<'_>) -> Event {
    let at = DateTime::from_timestamp_millis(cx.now_epoch_ms()).unwrap_or_default();
    let at = at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let sequencer = format!("{number:018X}");
    let region = cx.world().books.region();
    let arn = format!("arn:aws:s3:::{bucket}");
    Event {
        source: "aws.s3",
        detail_type: "Object Created".to_owned(),
        detail: json!({
            "version": "0",
            "bucket": { "name": bucket },
            "object": { "key": key, "size": bytes, "sequencer": sequencer },
            "request-id": sequencer,
            "requester": "123456789012",
            "reason": "PutObject",
        }),
        message: json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": region,
            "eventTime": at,
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "weir",
                "bucket": { "name": bucket, "arn": arn },
                "object": { "key": url_encoded(key), "size": bytes, "sequencer": sequencer },
            },
        }] }),
    }
}

/// Keys come encoded as in a form: a blank is a plus sign.
fn url_encoded(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'/' | b'-' | b'_' | b'.' | b'*' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
