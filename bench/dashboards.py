"""A day of one engine as Parseable 2.9.5 keeps it, and the dashboards' queries on it.

Asked by dashboards.ts: standard input is one JSON object with the rows of a scrape, the queries, the
interval in seconds and the number of minutes; standard output is one JSON object with the figures.

Files as Parseable writes them (src/parseable/streams.rs of v2.9.5): one a minute, sorted by
metric_name and then by p_timestamp downwards, LZ4_RAW, row groups of 262,144 rows, p_timestamp
delta-packed, statistics a page. The engine is set as Parseable sets it (src/query/mod.rs).
"""

import json
import os
import shutil
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(__file__), "../tests/parseable"))

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from stream_table import TIMES, column_names, column_type, session  # noqa: E402

START_MS = 1_795_478_400_000  # 2026-11-24T00:00:00Z, a whole minute
class Engine:
    """One engine under load: every counter and histogram grows at every scrape."""

    def __init__(self, rows):
        self.rows = sorted(rows, key=lambda row: row["metric_name"])
        self.random = np.random.default_rng(1)
        self.names = column_names(rows)
        self.types = {
            name: column_type(name, [row.get(name) for row in rows]) for name in self.names
        }
        self.constant = {
            name: pa.array([row.get(name) for row in self.rows], self.types[name])
            for name in self.names
            if name not in TIMES
        }
        metrics = np.array([row["metric_name"] for row in self.rows])
        self.group = np.unique(metrics, return_inverse=True)[1]
        self.values = np.array([row.get("data_point_value") or 0.0 for row in self.rows], float)
        self.is_sum = np.array([row["metric_type"] == "sum" for row in self.rows])
        self.is_gauge = np.array([row["metric_type"] == "gauge" for row in self.rows])
        self.counts = [
            np.array(row.get("data_point_bucket_counts") or [], np.int64) for row in self.rows
        ]
        self.sums = np.array([row.get("data_point_sum") or 0.0 for row in self.rows], float)

    def minute(self, number, interval):
        """The rows of one minute, in the order of the file."""
        scrapes = 60 // interval
        size = len(self.rows)
        row = np.tile(np.arange(size), scrapes)
        scrape = np.repeat(np.arange(scrapes), size)
        values, counts, sums = [], [], []
        for _ in range(scrapes):
            self.values[self.is_sum] += self.random.poisson(3.0, self.is_sum.sum())
            noise = np.where(self.is_gauge & (self.values > 1), self.random.random(size), 0.0)
            values.append(self.values + noise)
            grown = []
            for index, before in enumerate(self.counts):
                if len(before) > 0:
                    added = self.random.poisson(4.0 / len(before), len(before))
                    self.counts[index] = before + added
                    self.sums[index] += added.sum() * 0.37
                grown.append(self.counts[index])
            counts.append(grown)
            sums.append(self.sums.copy())
        order = np.lexsort((-scrape, self.group[row]))
        row, scrape = row[order], scrape[order]
        when = pa.array(START_MS + number * 60_000 + scrape * interval * 1_000, pa.timestamp("ms"))
        valued = ~np.isin(row, [i for i, one in enumerate(self.rows) if "data_point_value" not in one])
        columns = {name: array.take(pa.array(row)) for name, array in self.constant.items()}
        columns["p_timestamp"] = when
        columns["time_unix_nano"] = when
        columns["start_time_unix_nano"] = pa.array(np.zeros(len(row), np.int64), pa.timestamp("ms"))
        flat = np.concatenate(values)[order]
        columns["data_point_value"] = pa.array(flat, pa.float64(), mask=~valued)
        grown = [counts[s][r] for s, r in zip(scrape, row)]
        has = np.array([len(one) > 0 for one in grown])
        columns["data_point_bucket_counts"] = pa.array(
            [one if len(one) else None for one in grown], pa.list_(pa.int64())
        )
        totals = np.array([one.sum() for one in grown], float)
        fixed_count = columns["data_point_count"].to_numpy(zero_copy_only=False)
        columns["data_point_count"] = pa.array(
            np.where(has, totals, fixed_count), pa.float64(), from_pandas=True
        )
        fixed_sum = columns["data_point_sum"].to_numpy(zero_copy_only=False)
        columns["data_point_sum"] = pa.array(
            np.where(has, np.concatenate(sums)[order], fixed_sum), pa.float64(), from_pandas=True
        )
        return pa.table({name: columns[name].cast(self.types[name]) for name in self.names})


def write_day(folder, rows, interval, minutes):
    """Writes the files; returns how many rows and bytes they hold."""
    engine = Engine(rows)
    row_count = 0
    for number in range(minutes):
        table = engine.minute(number, interval)
        row_count += table.num_rows
        pq.write_table(
            table,
            f"{folder}/{number:04}.parquet",
            compression="lz4",
            row_group_size=262_144,
            use_dictionary=[name for name in engine.names if name != "p_timestamp"],
            column_encoding={"p_timestamp": "DELTA_BINARY_PACKED"},
            sorting_columns=[
                pq.SortingColumn(engine.names.index("metric_name")),
                pq.SortingColumn(0, descending=True),
            ],
            write_page_index=True,
        )
    size = sum(os.path.getsize(f"{folder}/{name}") for name in os.listdir(folder))
    return row_count, size


def main():
    job = json.load(sys.stdin)
    folder = tempfile.mkdtemp(prefix="dashboards-bench-", dir=job.get("folder"))
    try:
        began = time.monotonic()
        rows, size = write_day(folder, job["rows"], job["interval"], job["minutes"])
        figures = {
            "rows": rows,
            "bytes": size,
            "files": job["minutes"],
            "writeSeconds": time.monotonic() - began,
            "queries": [],
        }
        context = session(job["partitions"])
        context.register_parquet(f'"{job["stream"]}"', folder)
        for query in job["queries"]:
            times, cpu = [], []
            for _ in range(job["rounds"]):
                began, began_cpu = time.monotonic(), time.process_time()
                answer = context.sql(query["sql"]).collect()
                times.append(time.monotonic() - began)
                cpu.append(time.process_time() - began_cpu)
            figures["queries"].append({
                "title": query["title"],
                "seconds": times,
                "cpuSeconds": cpu,
                "answerRows": sum(batch.num_rows for batch in answer),
            })
        json.dump(figures, sys.stdout)
    finally:
        shutil.rmtree(folder)


main()
