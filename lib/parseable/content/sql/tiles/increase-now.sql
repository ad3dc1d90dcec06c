WITH {{samples}}, {{increases}}
SELECT SUM(increase) AS value FROM increases HAVING COUNT(*) > 0
