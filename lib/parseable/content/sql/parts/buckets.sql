histograms AS (
  SELECT *, date_bin(INTERVAL '1 minute', time_unix_nano) AS time_bin, data_point_count AS n,
         data_point_bucket_counts AS counts, data_point_explicit_bounds AS bounds,
         LAG(data_point_count) OVER w AS pn, LEAD(data_point_count) OVER w AS nn,
         LEAD(time_unix_nano) OVER w AS nts
  FROM samples
  WHERE metric_name IN ({{metrics}}) AND data_point_count IS NOT NULL
  WINDOW w AS (PARTITION BY sid ORDER BY time_unix_nano)
), ends AS (
  /* What a minute added shows in its last row and the one before the minute. The last row before a
     fall of the count is needed too: the histogram began again at zero behind it. */
  SELECT *, LAG(counts) OVER w AS pcounts, LAG(bounds) OVER w AS pbounds,
         LAG(nn < n) OVER w AS began_again
  FROM histograms
  WHERE pn IS NULL OR nn IS NULL OR nn < n OR date_bin(INTERVAL '1 minute', nts) > time_bin
  WINDOW w AS (PARTITION BY sid ORDER BY time_unix_nano)
), increases AS (
  /* The last bucket has no bound: unnest pads the shorter list with NULL. */
  SELECT *, unnest(bounds) AS ub, unnest(counts) AS c,
         unnest(CASE WHEN NOT began_again AND bounds = pbounds THEN pcounts END) AS pc
  FROM ends WHERE pn IS NOT NULL
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
