histograms AS (
  SELECT *, time_unix_nano AS ts, data_point_count AS n, data_point_bucket_counts AS counts,
         data_point_explicit_bounds AS bounds,
         LAG(data_point_count) OVER w AS pn,
         LAG(data_point_bucket_counts) OVER w AS pcounts,
         LAG(data_point_explicit_bounds) OVER w AS pbounds
  FROM samples
  WHERE metric_name IN ({{metrics}}) AND data_point_count IS NOT NULL
  WINDOW w AS (PARTITION BY sid ORDER BY time_unix_nano)
), increases AS (
  /* The last bucket has no bound: unnest pads the shorter list with NULL. A histogram whose count
     fell, or whose bounds changed, began again at zero. */
  SELECT *, date_bin(INTERVAL '1 minute', ts) AS time_bin, unnest(bounds) AS ub,
         unnest(counts) AS c,
         unnest(CASE WHEN n >= pn AND bounds = pbounds THEN pcounts END) AS pc
  FROM histograms WHERE n <> pn
), buckets AS (
  SELECT {{keys}}, ub, CAST(SUM(CASE WHEN c >= pc THEN c - pc ELSE c END) AS DOUBLE) AS cnt
  FROM increases GROUP BY {{keys}}, ub
), ranked AS (
  SELECT {{keys}}, ub, cnt,
         SUM(cnt) OVER (PARTITION BY {{keys}} ORDER BY ub NULLS LAST) AS cum,
         SUM(cnt) OVER (PARTITION BY {{keys}}) AS total,
         COALESCE(LAG(ub) OVER (PARTITION BY {{keys}} ORDER BY ub NULLS LAST), 0.0) AS lb
  FROM buckets
)
