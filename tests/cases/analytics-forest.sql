-- 실시간 이상 탐지
CREATE OR REPLACE STREAM "ANOMALY_STREAM" (
    anomaly_score DOUBLE,
    transaction_amount DOUBLE
);

CREATE OR REPLACE PUMP "ANOMALY_PUMP" AS
INSERT INTO "ANOMALY_STREAM"
SELECT STREAM
    ANOMALY_SCORE,
    transaction_amount
FROM TABLE(
    RANDOM_CUT_FOREST(
        CURSOR(SELECT STREAM transaction_amount FROM "SOURCE_STREAM"),
        100,   -- numberOfTrees
        256,   -- subSampleSize
        100000 -- timeDecay
    )
)
WHERE ANOMALY_SCORE > 2.0;  -- 임계값

