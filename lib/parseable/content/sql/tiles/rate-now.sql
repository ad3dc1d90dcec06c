WITH {{samples}}, {{increases}}
/* Over the time of all of them: a server that was there for a part of it counts for that part. */
SELECT SUM(increase) / NULLIF(EXTRACT(EPOCH FROM MAX(ts)) - EXTRACT(EPOCH FROM MIN(pts)), 0)
         AS value
FROM increases HAVING COUNT(*) > 0
