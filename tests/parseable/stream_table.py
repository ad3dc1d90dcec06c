"""Tables as Parseable 2.9.5 has them, and sessions as it makes them, with the same engine."""

import datafusion
import pyarrow as pa

LISTS = {
    "data_point_bucket_counts": pa.int64(),
    "data_point_explicit_bounds": pa.float64(),
    "data_point_quantile_values_quantile": pa.float64(),
    "data_point_quantile_values_value": pa.float64(),
}
TIMES = ("p_timestamp", "time_unix_nano", "start_time_unix_nano")


def column_type(name, values):
    """The Arrow type that Parseable gives a column."""
    if name in LISTS:
        return pa.list_(LISTS[name])
    if name in TIMES:
        return pa.timestamp("ms")
    if name == "__series_hash_u64":  # From the version after 2.9.5 on.
        return pa.uint64()
    if any(isinstance(value, bool) for value in values):
        return pa.bool_()
    if any(isinstance(value, (int, float)) for value in values):
        return pa.float64()
    return pa.string()


def column_names(rows):
    """The columns of rows: p_timestamp, which every stream has, and the others by name."""
    names = sorted({name for row in rows for name in row} - {"p_timestamp"})
    return ["p_timestamp", *names]


def session(partitions=1):
    """A session with Parseable's settings (src/query/mod.rs of v2.9.5), without a cache of footers."""
    config = datafusion.SessionConfig()
    for key, value in {
        "datafusion.execution.batch_size": "20000",
        "datafusion.execution.target_partitions": str(partitions),
        "datafusion.execution.parquet.pruning": "true",
        "datafusion.execution.parquet.pushdown_filters": "true",
        "datafusion.execution.parquet.reorder_filters": "true",
        "datafusion.execution.parquet.binary_as_string": "true",
        "datafusion.execution.parquet.enable_page_index": "true",
        "datafusion.execution.parquet.schema_force_view_types": "true",
        "datafusion.execution.collect_statistics": "false",
        "datafusion.optimizer.prefer_existing_sort": "true",
    }.items():
        config = config.set(key, value)
    context = datafusion.SessionContext(config)
    context.sql("SET datafusion.runtime.metadata_cache_limit = '0M'").collect()
    return context
