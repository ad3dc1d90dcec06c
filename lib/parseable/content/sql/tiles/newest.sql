WITH {{samples}}, {{newest}}
SELECT {{value}} AS value FROM newest HAVING COUNT(*) > 0
