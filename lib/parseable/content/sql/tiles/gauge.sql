WITH {{samples}}, {{minutes}}
SELECT time_bin, {{by}}, {{value}} AS value
FROM minutes GROUP BY time_bin, {{by}} ORDER BY time_bin, {{by}}
