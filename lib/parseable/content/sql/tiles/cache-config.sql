WITH {{samples}}, {{newest}}
SELECT engine_name, kv_cache_size_tokens, num_gpu_blocks, block_size, cache_dtype,
       gpu_memory_utilization, enable_prefix_caching, kv_cache_max_concurrency
FROM newest ORDER BY engine_name
