samples AS (
  /* Columns that the stream does not have yet are NULL instead of an error. */
  SELECT {{names}},
         concat_ws(' ', instance, model_name, 'engine ' || engine) AS engine_name,
         COALESCE(instance, 'vLLM') AS server,
         COALESCE("__series_hash", CAST("__series_hash_u64" AS TEXT)) AS sid
  FROM (
    SELECT * FROM public."{{stream}}"
    UNION ALL BY NAME
    SELECT {{nulls}}
    WHERE FALSE
  ) AS stream
)
