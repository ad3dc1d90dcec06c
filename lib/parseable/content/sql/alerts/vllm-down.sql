WITH {{samples}}, servers AS (
  SELECT {{by}}, sid, MIN(1.0 - data_point_value) AS down,
         MAX(time_unix_nano) - MIN(time_unix_nano) AS span
  FROM samples WHERE metric_name IN ({{metrics}}) GROUP BY {{by}}, sid
)
SELECT {{by}}, MAX(down) AS down
FROM servers WHERE span >= INTERVAL '2 minutes' GROUP BY {{by}}
