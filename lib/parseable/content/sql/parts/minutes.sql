taken AS (
  /* A row that came twice counts once. */
  SELECT {{by}}, sid, time_unix_nano AS ts, MAX(data_point_value) AS v FROM samples
  WHERE metric_name IN ({{metrics}}) AND data_point_value IS NOT NULL
  GROUP BY {{by}}, sid, time_unix_nano
), minutes AS (
  SELECT {{by}}, sid, date_bin(INTERVAL '1 minute', ts) AS time_bin, AVG(v) AS v
  FROM taken GROUP BY {{by}}, sid, date_bin(INTERVAL '1 minute', ts)
)
