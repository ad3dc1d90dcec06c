WITH {{samples}}, {{buckets}}
SELECT lb + COALESCE(ub - lb, 0.0) * (0.95 * total - (cum - cnt)) / cnt AS value
FROM ranked WHERE total > 0 AND cum >= 0.95 * total AND cum - cnt < 0.95 * total
