WITH {{samples}}, {{increases}}, sums AS (
  SELECT SUM(increase) FILTER (WHERE {{part}}) AS part, SUM(increase) FILTER (WHERE {{whole}}) AS whole
  FROM increases
)
SELECT 100.0 * COALESCE(part, 0) / whole AS value FROM sums WHERE whole > 0
