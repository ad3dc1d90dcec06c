WITH {{samples}}, {{newest}}
SELECT engine_name, MAX(time_unix_nano) AS newest_sample,
       SUM(v) FILTER (WHERE metric_name = 'vllm_num_requests_running') AS running,
       SUM(v) FILTER (WHERE metric_name = 'vllm_num_requests_waiting') AS waiting,
       100.0 * MAX(v) FILTER (WHERE metric_name = 'vllm_kv_cache_usage_perc') AS kv_cache_percent
FROM newest GROUP BY engine_name ORDER BY engine_name
