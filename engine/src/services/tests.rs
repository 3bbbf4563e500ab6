use arrow::array::Int64Array;
use serde_json::json;

use super::alarm::Alarm;
use super::athena::Athena;
use super::dashboard::Dashboard;
use super::firehose::Firehose;
use super::glue_crawler::GlueCrawler;
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
    assert_eq!(ran.ledger("producer").created, 3000 * 600);
    assert!(ran.ledger("lake").delivered > 3000 * 300);
}

#[test]
fn whole_pipeline_answers_a_query_and_rings_an_alarm() {
    let sql = "SELECT count(*) AS n, sum(amount) AS total FROM orders";
    let ran = Bench::new()
        .node("producer", &Producer, json!({"records_per_second": 50.0}))
        .node("stream", &KinesisDataStreams, json!({"shard_count": 1, "partition_key": "user_id"}))
        .node("delivery", &Firehose, json!({"format": "parquet", "compression": "snappy", "prefix": "orders/", "buffer_size_mib": 64, "buffer_interval_seconds": 60}))
        .node("lake", &S3, json!({}))
        .node("crawler", &GlueCrawler, json!({"prefix": "orders/", "schedule_seconds": 0}))
        .node("query", &Athena, json!({"sql": sql, "schedule_seconds": 60}))
        .node("board", &Dashboard, json!({}))
        .node("busy", &Alarm, json!({"metric_name": "PutRequests", "threshold": 0.0}))
        .wire("producer.out", "stream.in")
        .wire("stream.out", "delivery.in")
        .wire("delivery.out", "lake.in")
        .wire("lake.bucket", "crawler.bucket")
        .wire("crawler.catalog", "query.catalog")
        .wire("query.rows", "board.rows")
        .wire("lake.metrics", "busy.watch")
        .wire("busy.state", "board.alarms")
        .run(600);
    assert!(ran.ledger("lake").delivered > 50 * 400);
    let shown = ran.gauges("board").table.clone().unwrap();
    let column = shown.rows[0].column(0);
    let n = column
        .as_any()
        .downcast_ref::<Int64Array>()
        .unwrap()
        .value(0);
    assert!(n > 50 * 300, "{n}");
    assert!(ran.usage("query", "athena.scanned_tb") > 0);
    assert!(
        ran.run.bill().unknown.is_empty(),
        "{:?}",
        ran.run.bill().unknown
    );
    let alarm = ran.gauges("busy").alarm.clone().unwrap();
    assert!(alarm.changes.iter().any(|c| c.to == "ALARM"), "{alarm:?}");
}
