WITH {{samples}}, {{increases}}
SELECT {{by}}, SUM(increase) AS value
FROM increases GROUP BY {{by}} HAVING SUM(increase) > 0 ORDER BY value DESC, {{by}}
