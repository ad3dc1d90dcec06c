WITH {{samples}}, engines AS (
  SELECT {{by}}, MIN(data_point_value) AS lowest,
         MAX(time_unix_nano) - MIN(time_unix_nano) AS span
  FROM samples WHERE metric_name IN ({{metrics}}) GROUP BY {{by}}
)
SELECT {{by}}, MAX(lowest) AS waiting
FROM engines WHERE span >= INTERVAL '3 minutes' GROUP BY {{by}}
