WITH {{samples}}, {{increases}}, rates AS (
  SELECT time_bin, {{by}}, sid, SUM(increase) / NULLIF(SUM(seconds), 0) AS rate
  FROM increases GROUP BY time_bin, {{by}}, sid
)
SELECT time_bin, {{by}}, SUM(rate) AS value
FROM rates GROUP BY time_bin, {{by}} ORDER BY time_bin, {{by}}
