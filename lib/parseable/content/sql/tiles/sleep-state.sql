WITH {{samples}}, {{newest}}
SELECT engine_name, sleep_state FROM newest WHERE v = 1 ORDER BY engine_name, sleep_state
