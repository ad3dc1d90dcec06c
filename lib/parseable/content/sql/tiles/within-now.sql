WITH {{samples}}, {{buckets}}
SELECT 100.0 * SUM(CASE WHEN ub <= {{goal}} THEN cnt
                        WHEN lb < {{goal}} AND ub IS NOT NULL THEN cnt * ({{goal}} - lb) / (ub - lb)
                        ELSE 0.0 END) / MAX(total) AS value
FROM ranked WHERE total > 0 HAVING COUNT(*) > 0
