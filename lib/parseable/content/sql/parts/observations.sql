histograms AS (
  SELECT *, time_unix_nano AS ts, data_point_count AS n, data_point_sum AS s,
         LAG(data_point_count) OVER w AS pn, LAG(data_point_sum) OVER w AS ps
  FROM samples
  WHERE metric_name IN ({{metrics}}) AND data_point_count IS NOT NULL
  WINDOW w AS (PARTITION BY sid ORDER BY time_unix_nano)
), observations AS (
  /* A histogram whose count fell began again at zero. */
  SELECT *, date_bin(INTERVAL '1 minute', ts) AS time_bin,
         CASE WHEN n >= pn THEN n - pn ELSE n END AS added,
         CASE WHEN n >= pn THEN s - ps ELSE s END AS added_sum
  FROM histograms WHERE n <> pn
)
