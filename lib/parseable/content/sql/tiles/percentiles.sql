WITH {{samples}}, {{buckets}}
SELECT time_bin, {{by}}, label AS percentile,
       lb + COALESCE(ub - lb, 0.0) * (q * total - (cum - cnt)) / cnt AS value
FROM ranked CROSS JOIN (VALUES (0.5, 'p50'), (0.95, 'p95'), (0.99, 'p99')) AS quantiles (q, label)
WHERE total > 0 AND cum >= q * total AND cum - cnt < q * total
ORDER BY time_bin, {{by}}, percentile
