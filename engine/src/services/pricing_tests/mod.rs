//! Published worked examples: the inputs of each row go through the meters of the services and a price book loaded with the
//! row's unit prices, and come to what the row computes, to the cent.
//!
//! A row says how its parts are computed as formulas that are linear in the unit prices: the factor of a price is the quantity
//! of one usage. What a service rounds before it meters (a record's size, a run's time, a query's bytes) is rounded by the
//! service's own code. What the row takes for granted becomes the terms of the bill: hours of its month, bytes of its GB, free
//! tier. So a further row of the same kind needs nothing here; one with a new unit price needs a line in [`METERS`], and one
//! that needs something that is not modelled a line in [`NOT_MODELLED`].

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of examples: small and positive"
)]

mod capacity;
mod formula;
mod variations;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use self::formula::evaluate;
use super::firehose::rounded_bytes;
use super::glue_etl::terms::billed_seconds;
use super::kinesis_data_streams::usage::put_units;
use crate::books::{Bill, Books, Growth, Metered, Price, Terms, Tier, UsageSpec};
use crate::units::{SimDuration, Usd};

/// Service of the row (`*` for any), name of the unit price, price key, and so many units of the key that the price is for.
const METERS: &str = "
kinesis-data-streams usd_per_shard_hour kinesis-data-streams.shard_hour 1
kinesis-data-streams usd_per_million_ppu kinesis-data-streams.put_payload_unit 1e6
kinesis-data-streams usd_per_extended_shard_hour kinesis-data-streams.extended_retention_shard_hour 1
kinesis-data-streams usd_per_long_term_gb_month kinesis-data-streams.long_term_retention_gb_month 1
kinesis-data-streams usd_per_gb_month kinesis-data-streams.long_term_retention_gb_month 1
kinesis-data-streams usd_per_long_term_gb kinesis-data-streams.long_term_retrieval_gb 1
kinesis-data-streams usd_per_efo_shard_hour kinesis-data-streams.enhanced_fan_out_shard_hour 1
kinesis-data-streams usd_per_consumer_shard_hour kinesis-data-streams.enhanced_fan_out_shard_hour 1
kinesis-data-streams usd_per_efo_gb kinesis-data-streams.enhanced_fan_out_gb 1
kinesis-data-streams usd_per_stream_hour kinesis-data-streams.on_demand_stream_hour 1
kinesis-data-streams usd_per_gb_in kinesis-data-streams.on_demand_ingest_gb 1
kinesis-data-streams usd_per_gb_out kinesis-data-streams.on_demand_retrieval_gb 1
kinesis-data-streams usd_per_million_units kinesis-data-streams.put_payload_unit 1e6
kinesis-data-streams usd_per_million_put_payload_units kinesis-data-streams.put_payload_unit 1e6
kinesis-data-streams usd_per_efo_consumer_shard_hour kinesis-data-streams.enhanced_fan_out_shard_hour 1
kinesis-data-streams usd_per_gb_ingested kinesis-data-streams.on_demand_ingest_gb 1
kinesis-data-streams usd_per_gb_retrieved kinesis-data-streams.on_demand_retrieval_gb 1
kinesis-data-streams usd_per_gb_efo kinesis-data-streams.on_demand_enhanced_fan_out_gb 1
kinesis-data-streams usd_per_gb_out_efo kinesis-data-streams.on_demand_enhanced_fan_out_gb 1
kinesis-data-streams usd_per_extended_gb_month kinesis-data-streams.on_demand_extended_retention_gb_month 1
kinesis-data-streams usd_per_long_term_retrieval_gb kinesis-data-streams.long_term_retrieval_gb 1
data-firehose usd_per_gb firehose.ingested_gb 1
data-firehose usd_per_gb_ingest firehose.ingested_gb 1
data-firehose usd_per_gb_ingested firehose.ingested_gb 1
data-firehose usd_per_gb_format firehose.format_conversion_gb 1
data-firehose usd_per_gb_delivered firehose.dynamic_partitioning_gb 1
data-firehose usd_per_gb_conversion firehose.format_conversion_gb 1
data-firehose usd_per_gb_dynamic firehose.dynamic_partitioning_gb 1
data-firehose usd_per_gb_partitioning firehose.dynamic_partitioning_gb 1
data-firehose usd_per_1k_objects firehose.dynamic_partitioning_object 1e3
data-firehose usd_per_jq_hour firehose.jq_processing_hour 1
lambda usd_per_storage_gb_second lambda.ephemeral_storage_gb_second 1
lambda usd_per_ephemeral_gb_second lambda.ephemeral_storage_gb_second 1
* usd_per_gb_second_arm lambda.gb_second_arm 1
* usd_per_arm_gb_second lambda.gb_second_arm 1
* usd_per_gb_second lambda.gb_second_x86 1
* usd_per_gb_ms lambda.gb_second_x86 1e-3
* usd_per_128mb_ms lambda.gb_second_x86 0.125e-3
* usd_per_128mb_100ms lambda.gb_second_x86 0.125e-1
lambda usd_per_million_requests lambda.request 1e6
pipeline usd_per_million_requests lambda.request 1e6
s3 usd_per_million_requests lambda.request 1e6
lambda usd_per_pc_gb_second lambda.provisioned_concurrency_gb_second_x86 1
lambda usd_per_pc_duration_gb_second lambda.provisioned_duration_gb_second_x86 1
* usd_per_1k_put s3.put_request 1e3
* usd_per_1k_get s3.get_request 1e3
s3 usd_per_gb_month s3.storage_standard_gb_month 1
pipeline usd_per_gb_month s3.storage_standard_gb_month 1
s3 usd_per_gb_retrieved s3.retrieval_standard_ia_gb 1
s3 usd_per_1k_transitions s3.lifecycle_transition_to_standard_ia 1e3
s3 usd_per_ia_gb_month s3.storage_standard_ia_gb_month 1
s3 usd_per_glacier_gb_month s3.storage_glacier_flexible_gb_month 1
s3 usd_per_1k_objects s3.intelligent_tiering_monitored_object_month 1e3
glue usd_per_dpu_hour glue.etl_dpu_hour 1
glue usd_per_flex_dpu_hour glue.etl_flex_dpu_hour 1
glue usd_per_crawler_dpu_hour glue.crawler_dpu_hour 1
glue usd_per_100k_objects glue.catalog_object_month 1e5
glue usd_per_million_requests glue.catalog_request 1e6
glue usd_per_million_catalog_requests glue.catalog_request 1e6
athena usd_per_dpu_hour athena.provisioned_dpu_hour 1
athena usd_per_tb athena.scanned_tb 1
athena usd_per_gb athena.scanned_tb 0.0009765625
cloudwatch usd_per_metric cloudwatch.metric_month 1
cloudwatch usd_per_put cloudwatch.api_request 1
cloudwatch usd_per_1k_requests cloudwatch.api_request 1e3
cloudwatch usd_per_1k_api cloudwatch.api_request 1e3
cloudwatch usd_per_high_resolution_alarm cloudwatch.alarm_high_resolution_month 1
cloudwatch usd_per_alarm cloudwatch.alarm_month 1
cloudwatch usd_per_dashboard cloudwatch.dashboard_month 1
sns usd_per_million sns.publish 1e6
sns usd_per_million_publishes sns.publish 1e6
sns usd_per_million_sqs sns.sqs_delivery 1e6
sns usd_per_million_lambda sns.lambda_delivery 1e6
sns usd_per_million_firehose sns.firehose_delivery 1e6
sns usd_per_million_http sns.http_delivery 1e6
sns usd_per_million_fifo sns.fifo_publish 1e6
sns usd_per_million_fifo_publishes sns.fifo_publish 1e6
sns usd_per_gb_fifo sns.fifo_publish_gb 1
sns usd_per_million_fifo_deliveries sns.fifo_subscription_message 1e6
sqs usd_per_million sqs.standard_request 1e6
sqs usd_per_million_fifo sqs.fifo_request 1e6
pipeline usd_per_million_sqs sqs.standard_request 1e6
eventbridge usd_per_million eventbridge.custom_event 1e6
eventbridge usd_per_million_events eventbridge.custom_event 1e6
eventbridge usd_per_million_custom eventbridge.custom_event 1e6
eventbridge usd_per_million_invocations eventbridge.scheduler_invocation 1e6
eventbridge usd_per_million_scheduler eventbridge.scheduler_invocation 1e6
eventbridge usd_per_gb_archive eventbridge.archive_processing_gb 1
eventbridge usd_per_gb_month eventbridge.archive_storage_gb_month 1
managed-flink usd_per_kpu_hour kinesis-analytics.kpu_hour 1
managed-flink usd_per_backup_gb kinesis-analytics.durable_backup_gb_month 1
managed-flink usd_per_gb_month kinesis-analytics.running_storage_gb_month 1
sagemaker usd_per_second_1gb sagemaker.serverless_inference_gb_second 1
sagemaker usd_m5_large sagemaker.ml_m5_large_hosting_hour 1
sagemaker usd_m5_xlarge sagemaker.ml_m5_xlarge_hosting_hour 1
sagemaker usd_g4dn_xlarge sagemaker.ml_g4dn_xlarge_hosting_hour 1
sagemaker usd_processing_m5_xlarge sagemaker.ml_m5_xlarge_processing_hour 1
sagemaker usd_training_m5_large sagemaker.ml_m5_large_training_hour 1
sagemaker usd_training_m5_xlarge sagemaker.ml_m5_xlarge_training_hour 1
sagemaker usd_batch_m5_large sagemaker.ml_m5_large_transform_hour 1
sagemaker usd_batch_m5_xlarge sagemaker.ml_m5_xlarge_transform_hour 1
dynamodb usd_per_million_wru dynamodb.write_request_unit 1e6
dynamodb usd_per_million_rru dynamodb.read_request_unit 1e6
dynamodb usd_per_wcu_hour dynamodb.wcu_hour 1
dynamodb usd_per_rcu_hour dynamodb.rcu_hour 1
";

/// What a row needs, or a unit price of its service, that no kind here does.
const NOT_MODELLED: &[(&str, &str)] = &[
    ("lambda-durable-functions", "durable functions"),
    (
        "lambda-provisioned-esm",
        "pollers of a provisioned event source mapping",
    ),
    ("lambda-snapstart", "SnapStart"),
    ("lambda-managed-instances", "managed instances"),
    ("lambda-edge", "Lambda@Edge"),
    ("s3-express", "S3 Express One Zone"),
    ("s3-vectors", "S3 Vectors"),
    (
        "data-transfer",
        "transfer between regions and to the internet",
    ),
    ("firehose-iceberg", "Iceberg tables"),
    (
        "glue-interactive",
        "interactive sessions and development endpoints",
    ),
    ("vended-logs", "vended logs"),
    ("cloudwatch-logs", "CloudWatch Logs"),
    ("eventbridge-cross-account", "delivery to other accounts"),
    ("fargate", "containers"),
    ("api-gateway", "API Gateway"),
    ("step-functions-standard", "Step Functions"),
    ("redshift-serverless", "Redshift"),
    ("opensearch-ingestion", "OpenSearch"),
    ("opensearch-serverless", "OpenSearch"),
    ("opensearch-ocu", "OpenSearch"),
    ("emr-ec2", "EMR"),
    ("ec2", "instances and load balancers"),
    ("dynamodb usd_per_100k_reads", "streams of tables"),
    ("dynamodb usd_per_node_hour", "DAX"),
    ("s3 usd_per_gb_returned", "S3 Object Lambda"),
    ("s3 usd_per_job", "S3 Batch Operations"),
    ("s3 usd_per_gb", "multi-region access points"),
    (
        "sagemaker usd_g4dn_4xlarge",
        "larger instances with GPUs: their prices are not known",
    ),
];

/// Free amounts that a row states, and the allowance that they are.
const FREE: &[(&str, &str, &str)] = &[
    ("lambda", "free_requests", "lambda.requests"),
    ("lambda", "free_gb_seconds", "lambda.gb_seconds"),
    ("sqs", "free_requests", "sqs.requests"),
    ("sns", "free_publishes", "sns.publishes"),
];

/// A line of a bill that another page computed.
static LINE_ITEM: UsageSpec = UsageSpec {
    key: "example.line_item",
    unit: "line item",
    base_per_unit: 1,
    rounding: "",
    growth: Growth::OneOff,
};

#[derive(Debug, Deserialize)]
struct File {
    example: Vec<Example>,
    capacity_example: Vec<Capacity>,
}
#[derive(Debug, Deserialize)]
struct Example {
    id: String,
    service: String,
    source: String,
    inputs: BTreeMap<String, f64>,
    unit_prices: BTreeMap<String, f64>,
    steps: Vec<Step>,
    computed_usd: f64,
    expected_usd: Option<f64>,
    arithmetic_ok: bool,
    needs: Vec<String>,
}
#[derive(Debug, Deserialize)]
struct Step {
    formula: String,
    computed_usd: f64,
}
#[derive(Debug, Deserialize)]
struct Capacities {
    capacity_example: Vec<Capacity>,
}
#[derive(Debug, Deserialize)]
struct Capacity {
    id: String,
    service: String,
    inputs: BTreeMap<String, f64>,
    results: Vec<Outcome>,
    needs: Vec<String>,
}
#[derive(Debug, Deserialize)]
struct Outcome {
    name: String,
    computed: f64,
}

fn rows() -> File {
    toml::from_str(include_str!("examples.toml")).unwrap()
}

/// What the service makes of `size` KB counted in steps of `step` KB.
fn rounded(service: &str, size: f64, step: f64) -> f64 {
    let bytes = |kb: f64| (kb * 1024.0) as u64;
    match service {
        "kinesis-data-streams" => put_units(bytes(size), bytes(step)) as f64,
        "data-firehose" => rounded_bytes(bytes(size), bytes(step)) as f64 / (step * 1024.0),
        _ => (size / step).ceil(),
    }
}

/// An input as the service meters one of it: what it rounds up, and its minimum.
fn metered(service: &str, name: &str, value: f64) -> f64 {
    match (service, name) {
        ("lambda" | "sagemaker", "duration_ms") => {
            SimDuration::from_secs_f64(value / 1000.0).ceil_millis() as f64
        }
        ("glue", "minutes") => run_seconds(value * 60.0) / 60.0,
        ("glue", "seconds") => run_seconds(value),
        ("athena", "mb") => {
            let books = Books::for_region("us-east-1").unwrap();
            let bytes = (value * 1_048_576.0) as u64;
            let charge = super::athena::scan_charge(&books, "SELECT 1", bytes).unwrap();
            charge.billed_bytes as f64 / 1_048_576.0
        }
        _ => value,
    }
}

/// Seconds that a run of a job is billed.
fn run_seconds(seconds: f64) -> f64 {
    let books = Books::for_region("us-east-1").unwrap();
    let least = books.quota_value("glue-etl.min_billed_s").unwrap();
    billed_seconds(SimDuration::from_secs_f64(seconds), least) as f64
}

/// The usage that a unit price is for, and how many of its units.
fn meter_of(service: &str, price: &str) -> Option<(&'static UsageSpec, f64)> {
    let found = METERS.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let fits = fields.len() == 4 && ["*", service].contains(&fields[0]) && fields[1] == price;
        fits.then(|| (fields[2], fields[3].parse::<f64>().unwrap()))
    });
    let (key, scale) = found?;
    let mut specs = super::ALL
        .iter()
        .flat_map(|k| k.spec().usage.iter().copied());
    let spec = specs.find(|u| u.key == key);
    Some((
        spec.unwrap_or_else(|| panic!("no kind meters {key}")),
        scale,
    ))
}

fn reason(what: &str) -> Option<&'static str> {
    let found = NOT_MODELLED.iter().find(|(need, _)| *need == what);
    found.map(|(_, why)| *why)
}

impl Example {
    /// Why nothing here can meter the row; `None` when it must pass.
    fn not_modelled(&self) -> Option<&'static str> {
        let needs = self.needs.iter().map(String::clone);
        let prices = self.unit_prices.keys();
        let prices = prices.map(|p| format!("{} {p}", self.service));
        needs.chain(prices).find_map(|what| reason(&what))
    }
    /// True for an input that is dollars of a line: where a row has no prices, every one is.
    fn is_item(&self, name: &str) -> bool {
        name.ends_with("_usd") || self.unit_prices.is_empty()
    }
    fn input(&self, name: &str) -> Option<f64> {
        self.inputs.get(name).copied()
    }
    /// The books with the row's prices and what it takes for granted.
    fn books(&self) -> Books {
        let mut books = (*Books::for_region("us-east-1").unwrap()).clone();
        let mut terms = Terms::default();
        let month = self.input("month_hours").or_else(|| self.input("hours"));
        if let Some(hours) = month.filter(|h| (672.0..=744.0).contains(h)) {
            terms.hours_per_month = hours as u64;
        }
        if self.input("kb_per_gb") == Some(1e6) || self.input("mb_per_gb") == Some(1e3) {
            terms.bytes_per_gb = 1_000_000_000;
        }
        for (service, name, allowance) in FREE {
            let units = self.input(name).filter(|_| *service == self.service);
            terms.free_tier |= units.is_some();
            if let Some(units) = units {
                books = books.with_allowance(allowance, units as u64);
            } else {
                books = books.with_allowance(allowance, 0);
            }
        }
        let origin = books.prices().next().unwrap().origin.clone();
        let with = |books: Books, spec: &UsageSpec, usd: f64| {
            books.with_price(Price {
                key: spec.key.to_owned(),
                unit: spec.unit.to_owned(),
                per: 1_000_000,
                tiers: Some(vec![Tier {
                    up_to: None,
                    usd: Usd::parse(&format!("{:.12}", usd * 1e6)).unwrap(),
                }]),
                origin: origin.clone(),
            })
        };
        books = with(books, &LINE_ITEM, 0.01);
        for (name, usd) in &self.unit_prices {
            let (spec, scale) = meter_of(&self.service, name).unwrap();
            books = with(books, spec, usd / scale);
        }
        books.with_terms(terms)
    }
    /// What `step` meters.
    fn usage(&self, step: &Step, terms: Terms) -> Vec<Metered> {
        // Line items of other pages are taken as they are, in cents.
        let items: BTreeSet<&String> = self.inputs.keys().filter(|n| self.is_item(n)).collect();
        let mut out = Vec::new();
        for name in self.unit_prices.keys().chain(items) {
            let names = |n: &str| match (n == name, self.inputs.get(n)) {
                (true, _) => 1.0,
                (false, _) if self.unit_prices.contains_key(n) || self.is_item(n) => 0.0,
                // The bill takes what is free off.
                (false, Some(_)) if FREE.iter().any(|(s, f, _)| *s == self.service && *f == n) => {
                    0.0
                }
                (false, Some(value)) => metered(&self.service, n, *value),
                (false, None) => panic!("{}: {n}", self.id),
            };
            let ceil = |size: f64, step: f64| rounded(&self.service, size, step);
            let units = evaluate(&step.formula, &names, &ceil);
            let (spec, base) = match self.inputs.get(name) {
                Some(usd) => (&LINE_ITEM, usd * 100.0),
                None => {
                    let (spec, scale) = meter_of(&self.service, name).unwrap();
                    (spec, scale * terms.base(spec) as f64)
                }
            };
            out.push(Metered {
                node: "example".into(),
                service: self.service.clone(),
                spec,
                quantity: (units * base).round() as u128,
            });
        }
        out.retain(|m| m.quantity > 0);
        out
    }
    /// Parts that are for a day, where the row's days are in no formula.
    fn times(&self) -> f64 {
        let days = self.input("days").unwrap_or(1.0);
        let counted = self.steps.iter().any(|s| s.formula.contains("days"));
        if counted { 1.0 } else { days }
    }
}

fn near(got: f64, wanted: f64, what: &str) {
    let close = (got - wanted).abs() <= 1e-6 * wanted.max(1.0);
    assert!(close, "{what}: {got} is not {wanted}");
}

/// Runs a row through meters and bill.
fn check(row: &Example) {
    assert!(!row.source.is_empty(), "{} has no source", row.id);
    let books = row.books();
    let mut all = Vec::new();
    for step in &row.steps {
        let usage = row.usage(step, books.terms());
        if !books.terms().free_tier {
            let bill = Bill::price(&books, &usage, SimDuration::ZERO);
            let what = format!("{}: {}", row.id, step.formula);
            near(bill.total.as_f64(), step.computed_usd, &what);
        }
        all.extend(usage);
    }
    let bill = Bill::price(&books, &all, SimDuration::ZERO);
    assert!(bill.unknown.is_empty(), "{}: {:?}", row.id, bill.unknown);
    let total = row.times() * bill.total.as_f64();
    near(total, row.computed_usd, &row.id);
    if let (true, Some(expected)) = (row.arithmetic_ok, row.expected_usd) {
        let text = expected.to_string();
        let decimals = text.split_once('.').map_or(0, |(_, d)| d.len()).min(2);
        // Each printed part is rounded for itself.
        let half = 0.51 * 10_f64.powi(-i32::try_from(decimals).unwrap()) * row.steps.len() as f64;
        assert!(
            (total - expected).abs() <= half,
            "{}: {total} is not {expected}",
            row.id
        );
    }
}

#[test]
fn published_examples_come_to_their_figures_through_the_services_own_meters() {
    let mut passed = 0;
    for row in rows().example {
        if row.not_modelled().is_some() {
            continue;
        }
        let unknown: Vec<&String> = row
            .unit_prices
            .keys()
            .filter(|p| meter_of(&row.service, p).is_none())
            .collect();
        assert!(
            unknown.is_empty(),
            "{}: nothing meters {unknown:?}, and it is not said to be left out",
            row.id
        );
        check(&row);
        passed += 1;
    }
    assert_eq!(passed, 35);
}

#[test]
fn meters_are_those_of_kinds_and_what_is_left_out_has_none() {
    for line in METERS.lines().filter(|l| !l.is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let service = if fields[0] == "*" { "" } else { fields[0] };
        // Panics when no kind meters the key.
        assert!(meter_of(service, fields[1]).is_some(), "{line}");
    }
    for (what, why) in NOT_MODELLED {
        assert!(!why.is_empty());
        if let Some((service, price)) = what.split_once(' ') {
            assert!(meter_of(service, price).is_none(), "{what} has a meter");
        }
    }
}

#[test]
fn free_amounts_of_a_row_are_taken_off_by_the_bill() {
    // AWS's Lambda page: 3 M requests of 120 ms at 1,536 MB, less 1 M requests and 400,000 GB-seconds: $2.73 in all.
    let row: Example = toml::from_str(
        r#"
        id = "lambda-free"
        service = "lambda"
        source = "https://aws.amazon.com/lambda/pricing/"
        inputs = { requests = 3000000, duration_ms = 120, memory_mb = 1536, free_requests = 1000000, free_gb_seconds = 400000 }
        unit_prices = { usd_per_gb_second = 0.0000166667, usd_per_million_requests = 0.2 }
        steps = [
          { formula = "(requests*duration_ms/1000*memory_mb/1024-free_gb_seconds)*usd_per_gb_second", computed_usd = 2.333338 },
          { formula = "(requests-free_requests)/1e6*usd_per_million_requests", computed_usd = 0.4 },
        ]
        expected_usd = 2.73
        computed_usd = 2.733338
        arithmetic_ok = true
        needs = ["lambda-gb-seconds", "free-tier"]
        "#,
    )
    .unwrap();
    assert!(row.books().terms().free_tier);
    check(&row);
}
