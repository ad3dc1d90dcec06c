WITH {{samples}}
SELECT COUNT(DISTINCT time_unix_nano) AS samples_seen FROM samples WHERE metric_name IN ({{metrics}})
