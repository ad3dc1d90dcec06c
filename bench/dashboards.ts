/**
 * Measures the queries of the dashboards on a day of rows of one engine, in Parseable's query engine
 * and on files as Parseable writes them, and how many bytes a day takes at several intervals. Needs
 * Python with `datafusion`, `pyarrow` and `numpy` (`PEER_PYTHON`, else `python3`), and 150 MB of disk.
 *
 *     deno task bench:dashboards
 *     deno task bench:dashboards --hours 1 --rounds 1
 *
 * A query of the overview above its bar is printed with a mark; nothing fails.
 */

import { parseArgs } from "node:util";
import { dashboards } from "../lib/parseable/content/dashboards.ts";
import { relayed } from "../tests/otlp/relay.ts";
import { readCapture, sanitized } from "../tests/exposition/sanitized.ts";
import { fluentBitRequest } from "../tests/parseable/fluent_bit_request.ts";
import { type Row, streamRows } from "../tests/parseable/stream_rows.ts";
import { python } from "../tests/peers/python.ts";
import { formatTable, mebibytes } from "./kit.ts";

const STREAM = "vLLMmetrics";
/** One engine under load. */
const CAPTURE = "during-load-c40.txt";
/** Intervals at which vLLM is scraped, in seconds; the queries run on the first. */
const INTERVALS = [2, 10, 30];
/** What a query of the overview may take, in seconds. */
const BAR_SECONDS = 2;

interface Query {
  readonly title: string;
  readonly sql: string;
}

/** What `dashboards.py` found out. */
interface Figures {
  readonly rows: number;
  readonly bytes: number;
  readonly files: number;
  readonly queries: readonly {
    readonly title: string;
    readonly seconds: readonly number[];
    readonly cpuSeconds: readonly number[];
  }[];
}

/** What `dashboards.py` is asked. */
interface Job {
  readonly rows: readonly Row[];
  readonly queries: readonly Query[];
  readonly interval: number;
  readonly minutes: number;
  readonly rounds: number;
  readonly partitions: number;
  readonly stream: string;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

async function measure(job: Job): Promise<Figures> {
  return JSON.parse(await python("../../bench/dashboards.py", JSON.stringify(job)));
}

/** The rows of one scrape, by way of sanitiser, Fluent Bit's account and relay. */
function scrapeRows(): Row[] {
  const { text } = sanitized(readCapture(CAPTURE));
  return relayed(fluentBitRequest(text, 0)).bodies.flatMap((body) => streamRows(body, 0));
}

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "24" },
    rounds: { type: "string", default: "3" },
    partitions: { type: "string", default: "1" },
  },
});
const minutes = Number(values.hours) * 60;
const queries = dashboards({
  stream: STREAM,
  goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
  kvLimit: 0.9,
}).flatMap(({ title, tiles }) =>
  tiles.map((tile) => ({
    title: `${title}: ${tile.title}, ${tile.chartType}`,
    sql: tile.chartQuery,
  }))
);
const rows = scrapeRows();

const sizes: string[][] = [];
for (const interval of INTERVALS) {
  const isFirst = interval === INTERVALS[0];
  const figures = await measure({
    rows,
    queries: isFirst ? queries : [],
    interval,
    minutes,
    rounds: Number(values.rounds),
    partitions: Number(values.partitions),
    stream: STREAM,
  });
  sizes.push([
    `${interval} s`,
    `${figures.rows}`,
    mebibytes(figures.bytes / 1024),
    `${(figures.bytes / figures.rows).toFixed(1)}`,
    `${figures.files}`,
  ]);
  if (!isFirst) continue;
  print(formatTable([
    ["query", "fastest, s", "slowest, s", "CPU, s", ""],
    ...figures.queries.map(({ title, seconds, cpuSeconds }) => [
      title,
      Math.min(...seconds).toFixed(2),
      Math.max(...seconds).toFixed(2),
      Math.min(...cpuSeconds).toFixed(2),
      title.startsWith("vLLM overview") && Math.min(...seconds) > BAR_SECONDS
        ? "above the bar"
        : "",
    ]),
  ]));
}
print(formatTable([["interval", "rows", "MiB", "bytes a row", "files"], ...sizes]));
