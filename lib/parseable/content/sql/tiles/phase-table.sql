WITH {{samples}}, {{observations}}, means AS (
  SELECT {{by}}, metric_name, SUM(added) AS added, SUM(added_sum) / NULLIF(SUM(added), 0) AS mean
  FROM observations GROUP BY {{by}}, metric_name
)
SELECT {{by}},
       MAX(added) FILTER (WHERE metric_name = 'vllm_e2e_request_latency_seconds') AS requests,
       MAX(mean) FILTER (WHERE metric_name = 'vllm_request_queue_time_seconds') AS queue,
       MAX(mean) FILTER (WHERE metric_name = 'vllm_request_prefill_time_seconds') AS prefill,
       MAX(mean) FILTER (WHERE metric_name = 'vllm_request_decode_time_seconds') AS decode,
       MAX(mean) FILTER (WHERE metric_name = 'vllm_e2e_request_latency_seconds') AS whole_request
FROM means GROUP BY {{by}} ORDER BY {{by}}
