WITH {{samples}}, {{observations}}
SELECT time_bin, SUM(added_sum) / NULLIF(SUM(added), 0) AS value
FROM observations GROUP BY time_bin ORDER BY time_bin
