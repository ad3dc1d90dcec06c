WITH {{samples}}, {{increases}}, rates AS (
  SELECT sid, SUM(increase) / NULLIF(SUM(seconds), 0) AS rate FROM increases GROUP BY sid
)
SELECT SUM(rate) AS value FROM rates HAVING COUNT(rate) > 0
