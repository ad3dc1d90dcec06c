WITH {{samples}}, {{buckets}}, found AS (
  SELECT {{by}}, lb + COALESCE(ub - lb, 0.0) * (0.95 * total - (cum - cnt)) / cnt AS p95
  FROM ranked WHERE total > 0 AND cum >= 0.95 * total AND cum - cnt < 0.95 * total
)
SELECT {{by}}, MAX(p95) AS ttft_p95 FROM found GROUP BY {{by}}
