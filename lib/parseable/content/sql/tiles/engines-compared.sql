WITH {{samples}}, {{increases}}, rates AS (
  SELECT engine_name, metric_name, sid, SUM(increase) AS increase,
         SUM(increase) / NULLIF(SUM(seconds), 0) AS rate
  FROM increases GROUP BY engine_name, metric_name, sid
), engines AS (
  SELECT engine_name, metric_name, SUM(increase) AS increase, SUM(rate) AS rate
  FROM rates GROUP BY engine_name, metric_name
)
SELECT engine_name,
       MAX(rate) FILTER (WHERE metric_name = 'vllm_request_success_total') AS requests_per_second,
       MAX(rate) FILTER (WHERE metric_name = 'vllm_prompt_tokens_total') AS input_tokens_per_second,
       MAX(rate) FILTER (WHERE metric_name = 'vllm_generation_tokens_total') AS output_tokens_per_second,
       MAX(increase) FILTER (WHERE metric_name = 'vllm_num_preemptions_total') AS preemptions,
       100.0 * MAX(increase) FILTER (WHERE metric_name = 'vllm_prefix_cache_hits_total')
             / NULLIF(MAX(increase) FILTER (WHERE metric_name = 'vllm_prefix_cache_queries_total'), 0)
         AS prefix_hit_percent
FROM engines GROUP BY engine_name ORDER BY engine_name
