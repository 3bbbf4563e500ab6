SELECT
    category,
    COUNT(*) as total_transactions,
    SUM(amount) as total_amount,
    AVG(amount) as avg_amount,
    SUM(CASE WHEN is_fraud THEN 1 ELSE 0 END) as fraud_count
FROM transactions
WHERE year = '2024' AND month = '01'
GROUP BY category
ORDER BY total_amount DESC;
