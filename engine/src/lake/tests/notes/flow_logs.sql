SELECT srcaddr, dstaddr, SUM(bytes) as total_bytes
FROM vpc_flow_logs
WHERE year='2023' AND month='09' AND day='15'  -- 파티션 프루닝
  AND srcaddr LIKE '10.0.%'                    -- 조건 필터링
GROUP BY srcaddr, dstaddr
