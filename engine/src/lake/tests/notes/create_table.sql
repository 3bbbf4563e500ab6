CREATE EXTERNAL TABLE IF NOT EXISTS transactions (
    transaction_id STRING,
    user_id STRING,
    amount DOUBLE,
    category STRING,
    is_fraud BOOLEAN
)
PARTITIONED BY (year STRING, month STRING, day STRING)
STORED AS PARQUET
LOCATION 's3://bucket/processed/transactions/'
TBLPROPERTIES ('parquet.compression'='SNAPPY');
