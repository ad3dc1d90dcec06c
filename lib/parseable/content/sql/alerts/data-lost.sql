WITH {{samples}}, {{increases}}
SELECT {{by}}, SUM(increase) AS lost FROM increases GROUP BY {{by}}
