WITH {{samples}}, {{increases}}
SELECT {{by}}, SUM(increase) AS preemptions FROM increases GROUP BY {{by}}
