WITH {{samples}}, {{buckets}}, found AS (
  SELECT {{by}}, metric_name, q, MAX(total) AS observed,
         MAX(lb + COALESCE(ub - lb, 0.0) * (q * total - (cum - cnt)) / cnt) AS seconds
  FROM ranked CROSS JOIN (VALUES (0.5), (0.95), (0.99)) AS quantiles (q)
  WHERE total > 0 AND cum >= q * total AND cum - cnt < q * total
  GROUP BY {{by}}, metric_name, q
)
SELECT {{by}}, CASE metric_name
         WHEN 'vllm_time_to_first_token_seconds' THEN 'time to first token'
         WHEN 'vllm_inter_token_latency_seconds' THEN 'between tokens'
         WHEN 'vllm_request_time_per_output_token_seconds' THEN 'per output token'
         WHEN 'vllm_e2e_request_latency_seconds' THEN 'whole request'
         WHEN 'vllm_request_queue_time_seconds' THEN 'in the queue'
       END AS measure,
       MAX(observed) AS observed, MAX(seconds) FILTER (WHERE q = 0.5) AS p50,
       MAX(seconds) FILTER (WHERE q = 0.95) AS p95, MAX(seconds) FILTER (WHERE q = 0.99) AS p99
FROM found GROUP BY {{by}}, metric_name ORDER BY measure, {{by}}
