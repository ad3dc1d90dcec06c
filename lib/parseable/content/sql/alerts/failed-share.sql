WITH {{samples}}, {{increases}}, sums AS (
  SELECT {{by}}, SUM(increase) FILTER (WHERE {{part}}) AS part, SUM(increase) FILTER (WHERE {{whole}}) AS whole
  FROM increases GROUP BY {{by}}
), shares AS (
  SELECT {{by}}, part / whole AS share FROM sums WHERE whole > 0 AND part > 0
)
SELECT {{by}}, MAX(share) AS failed_share FROM shares GROUP BY {{by}}
