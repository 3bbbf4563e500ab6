CREATE TABLE ml_features AS
SELECT
    user_id,
    COUNT(*) as transaction_count,
    AVG(amount) as avg_amount,
    STDDEV(amount) as std_amount,
    MAX(amount) as max_amount,
    SUM(CASE WHEN is_fraud THEN 1 ELSE 0 END) / COUNT(*) as fraud_rate
FROM transactions
GROUP BY user_id;
