WITH {{samples}}, {{observations}}, means AS (
  SELECT time_bin, metric_name, SUM(added_sum) / NULLIF(SUM(added), 0) AS mean
  FROM observations GROUP BY time_bin, metric_name
)
SELECT time_bin, MAX(mean) FILTER (WHERE metric_name = 'vllm_request_queue_time_seconds') AS queue,
       MAX(mean) FILTER (WHERE metric_name = 'vllm_request_prefill_time_seconds') AS prefill,
       MAX(mean) FILTER (WHERE metric_name = 'vllm_request_decode_time_seconds') AS decode
FROM means GROUP BY time_bin ORDER BY time_bin
