WITH {{samples}}, {{increases}}, sums AS (
  SELECT time_bin, {{by}}, SUM(increase) FILTER (WHERE {{part}}) AS part,
         SUM(increase) FILTER (WHERE {{whole}}) AS whole
  FROM increases GROUP BY time_bin, {{by}}
)
SELECT time_bin, {{by}}, 100.0 * COALESCE(part, 0) / whole AS value
FROM sums WHERE whole > 0 ORDER BY time_bin, {{by}}
