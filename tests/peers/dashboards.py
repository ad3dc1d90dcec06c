"""Runs SQL on rows in Parseable's query engine.

Standard input: {"tables": {name: [row, ...]}, "queries": [sql, ...]} as JSON. Standard output: a line
for each query, with its rows or with the engine's words.
"""

import json
import os
import sys
from datetime import datetime

sys.path.append(os.path.join(os.path.dirname(__file__), "../parseable"))

import pyarrow as pa  # noqa: E402
from stream_table import TIMES, column_names, column_type, session  # noqa: E402


def record_batch(rows):
    """Rows as a batch with Parseable's columns and types."""
    arrays, names = [], column_names(rows)
    for name in names:
        values = [row.get(name) for row in rows]
        if name in TIMES:
            values = [None if value is None else datetime.fromisoformat(value) for value in values]
        kind = column_type(name, values)
        if pa.types.is_uint64(kind):
            values = [None if value is None else int(value) for value in values]
        arrays.append(pa.array(values, kind))
    return pa.record_batch(arrays, names=names)


def plain(value):
    """A value as JSON has it."""
    return value.isoformat() if isinstance(value, datetime) else value


def main():
    job = json.load(sys.stdin)
    context = session()
    for name, rows in job["tables"].items():
        context.register_record_batches(f'"{name}"', [[record_batch(rows)]])
    for sql in job["queries"]:
        try:
            rows = context.sql(sql).to_pylist()
            answer = {"rows": [{key: plain(value) for key, value in row.items()} for row in rows]}
        except Exception as error:  # The engine's errors have no class of their own.
            answer = {"error": str(error)}
        print(json.dumps(answer))


main()
