WITH {{samples}}, {{increases}}, sums AS (
  SELECT position, SUM(increase) AS accepted FROM increases
  WHERE metric_name = 'vllm_spec_decode_num_accepted_tokens_per_pos_total' GROUP BY position
), drafts AS (
  SELECT SUM(increase) AS drafts FROM increases
  WHERE metric_name = 'vllm_spec_decode_num_drafts_total'
)
SELECT position, 100.0 * accepted / drafts AS value
FROM sums CROSS JOIN drafts WHERE drafts > 0 ORDER BY CAST(position AS INT)
