newest AS (
  /* The newest sample of each series; series that have been silent for over a minute are left out. */
  SELECT * FROM (
    SELECT *, data_point_value AS v,
           ROW_NUMBER() OVER (PARTITION BY sid ORDER BY time_unix_nano DESC) AS age,
           MAX(time_unix_nano) OVER () AS last
    FROM samples
    WHERE metric_name IN ({{metrics}}) AND data_point_value IS NOT NULL
  ) AS aged
  WHERE age = 1 AND time_unix_nano >= last - INTERVAL '1 minute'
)
