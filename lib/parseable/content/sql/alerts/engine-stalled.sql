WITH {{samples}}, series AS (
  /* A histogram has a count; counters and gauges have a value. */
  SELECT {{by}}, sid, metric_name,
         MIN(COALESCE(data_point_value, data_point_count)) AS lowest,
         MAX(COALESCE(data_point_value, data_point_count)) AS highest,
         MAX(time_unix_nano) - MIN(time_unix_nano) AS span
  FROM samples WHERE metric_name IN ({{metrics}}) GROUP BY {{by}}, sid, metric_name
), engines AS (
  SELECT {{by}}, MAX(lowest) FILTER (WHERE metric_name = '{{running}}') AS running,
         MAX(highest - lowest) FILTER (WHERE metric_name <> '{{running}}') AS progress,
         MIN(span) AS span
  FROM series GROUP BY {{by}}
)
SELECT {{by}}, MAX(running) AS running_requests
FROM engines WHERE running > 0 AND progress = 0 AND span >= INTERVAL '1 minute' GROUP BY {{by}}
