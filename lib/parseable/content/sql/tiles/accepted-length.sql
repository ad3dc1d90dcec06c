WITH {{samples}}, {{increases}}, sums AS (
  SELECT time_bin, {{by}},
         SUM(increase) FILTER (WHERE metric_name = 'vllm_spec_decode_num_accepted_tokens_total') AS accepted,
         SUM(increase) FILTER (WHERE metric_name = 'vllm_spec_decode_num_drafts_total') AS drafts
  FROM increases GROUP BY time_bin, {{by}}
)
SELECT time_bin, {{by}}, 1.0 + COALESCE(accepted, 0) / drafts AS value
FROM sums WHERE drafts > 0 ORDER BY time_bin, {{by}}
