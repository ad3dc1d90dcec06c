WITH {{samples}}, servers AS (
  SELECT {{by}}, sid, MIN(1.0 - data_point_value) AS down
  FROM samples WHERE metric_name IN ({{metrics}}) GROUP BY {{by}}, sid
)
SELECT {{by}}, MAX(down) AS down FROM servers GROUP BY {{by}}
