WITH {{samples}}
SELECT EXTRACT(EPOCH FROM now()) - EXTRACT(EPOCH FROM MAX(time_unix_nano)) AS value
FROM samples WHERE metric_name IN ({{metrics}}) HAVING COUNT(*) > 0
