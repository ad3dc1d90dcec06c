steps AS (
  SELECT *, time_unix_nano AS ts, data_point_value AS v,
         LAG(data_point_value) OVER w AS pv, LAG(time_unix_nano) OVER w AS pts
  FROM samples
  WHERE metric_name IN ({{metrics}}) AND data_point_value IS NOT NULL
  WINDOW w AS (PARTITION BY sid ORDER BY time_unix_nano)
), increases AS (
  /* A counter that fell began again at zero. A row that came twice adds nothing. */
  SELECT *, date_bin(INTERVAL '1 minute', ts) AS time_bin,
         CASE WHEN v >= pv THEN v - pv ELSE v END AS increase,
         EXTRACT(EPOCH FROM ts) - EXTRACT(EPOCH FROM pts) AS seconds
  FROM steps WHERE pv IS NOT NULL
)
