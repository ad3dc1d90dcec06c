WITH {{samples}}, {{minutes}}, engines AS (
  SELECT {{by}}, MIN(v) AS lowest, MAX(time_bin) - MIN(time_bin) AS span FROM minutes GROUP BY {{by}}
)
SELECT {{by}}, MAX(lowest) AS kv_cache_usage
FROM engines WHERE span >= INTERVAL '8 minutes' GROUP BY {{by}}
