use serde_json::json;

use super::firehose::Firehose;
use super::kinesis_data_streams::KinesisDataStreams;
use super::lambda::Lambda;
use super::producer::Producer;
use super::s3::S3;
use super::testing::Bench;

#[test]
fn records_go_from_producer_to_bucket() {
    let ran = Bench::new()
        .node("producer", &Producer, json!({"records_per_second": 3000.0}))
        .node("stream", &KinesisDataStreams, json!({"shard_count": 3, "partition_key": "user_id"}))
        .node("enrich", &Lambda, json!({"sql": "SELECT *, amount * 0.01 AS fee FROM records WHERE amount > 0"}))
        .node("delivery", &Firehose, json!({"format": "parquet", "compression": "snappy", "buffer_size_mib": 64, "buffer_interval_seconds": 60}))
        .node("lake", &S3, json!({}))
        .wire("producer.out", "stream.in")
        .wire("stream.out", "delivery.in")
        .wire("delivery.transform", "enrich.invoke")
        .wire("delivery.out", "lake.in")
        .run(600);
    for node in ["producer", "stream", "enrich", "delivery", "lake"] {
        println!("{node}: {:?}", ran.ledger(node));
    }
    assert_eq!(ran.ledger("producer").created, 3000 * 600 + 1);
    assert!(ran.ledger("lake").delivered > 3000 * 300);
}
