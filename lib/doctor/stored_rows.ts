/** The rows in Parseable: the age of the newest, and gaps. */

import type { ParseableApi } from "../parseable/api.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import type { Verdict } from "./check_run.ts";

/** Older rows mean that nothing arrives: vLLM is scraped every 2 s. */
const OLD_MS = 60_000;
/** The same at a query node: ingest nodes hand their rows over once a minute, half a minute late. */
const OLD_AT_QUERY_NODE_MS = 180_000;
/** Rows this far ahead of the clock mean that a clock is wrong. */
const AHEAD_MS = 60_000;
/** A gap of this many usual distances means that scrapes are missing. */
const GAP_FACTOR = 5;
/** A shorter gap does not count: with two clients, distances alternate between short and long. */
const SHORT_MS = 10_000;
/** Rows that are read: five minutes at one every 2 s. */
const ROWS = 150;
/** Rows that `provision` stores to give a stream its columns. */
const PROVISION_ROWS = 1;
/** A metric of every scrape of vLLM, once per engine. */
const METRIC = "vllm_num_requests_running";
/** Its name where vLLM itself was scraped instead of this service. */
const RAW_METRIC = METRIC.replace("_", ":");

/** The latest scrapes that are stored. */
export interface StoredScrapes {
  /** Their times, the newest first, in milliseconds since 1970. */
  readonly times: readonly number[];
  /** Whether some bypassed this service. */
  readonly isBypass: boolean;
  /** Rows of any kind that were ever stored; read only when there is no scrape. */
  readonly allRows: number;
}

/**
 * Queries the latest scrapes of the last hour.
 *
 * @throws {ParseableError} When Parseable does not answer the query.
 */
export async function latestScrapes(api: ParseableApi, stream: string): Promise<StoredScrapes> {
  const query = `SELECT DISTINCT time_unix_nano, metric_name FROM "${stream}" ` +
    `WHERE metric_name IN ('${METRIC}', '${RAW_METRIC}') ` +
    `ORDER BY time_unix_nano DESC LIMIT ${ROWS}`;
  const body = { query, startTime: "1h", endTime: "now" };
  const rows = listOf(await api.call("POST", "/api/v1/query", { body })).map(objectOf);
  // Parseable writes times in UTC, without a zone.
  const times = rows.map((row) => Date.parse(`${textOf(row.time_unix_nano)}Z`))
    .filter((time) => !Number.isNaN(time));
  const isBypass = rows.some((row) => row.metric_name === RAW_METRIC);
  return { times, isBypass, allRows: times.length === 0 ? await countRows(api, stream) : NaN };
}

/** Rows that were ever stored in a stream, deleted ones included. */
async function countRows(api: ParseableApi, stream: string): Promise<number> {
  const { ingestion } = objectOf(await api.call("GET", `/api/v1/logstream/${stream}/stats`));
  return Number(objectOf(ingestion).lifetime_count);
}

/** Checks the age of the newest scrape. */
export function rowsVerdict(
  { times, isBypass, allRows }: StoredScrapes,
  nowMs: number,
  isDistributed = false,
): Verdict<readonly number[]> {
  const [newest] = times;
  if (newest === undefined) {
    return {
      status: "failed",
      found: allRows <= PROVISION_ROWS
        ? "no row has been stored yet, except the one that provision creates a stream with"
        : `no row of ${METRIC} within the last hour, of ${allRows} rows in all`,
      action: "Unless an earlier check says why: does Fluent Bit run, and scrape this service?" +
        (isDistributed ? " The query node sees rows of the ingest nodes after two minutes." : ""),
    };
  }
  const ageMs = nowMs - newest;
  if (ageMs < -AHEAD_MS) {
    return {
      status: "warn",
      found: `the newest row is ${span(-ageMs)} ahead of the clock of this machine`,
      action: "Correct the clock of this machine or of the one that Fluent Bit runs on.",
      value: times,
    };
  }
  const found = `the newest row is ${span(Math.max(0, ageMs))} old`;
  if (
    ageMs > Math.max(isDistributed ? OLD_AT_QUERY_NODE_MS : OLD_MS, GAP_FACTOR * usualGap(times))
  ) {
    return {
      status: "failed",
      found,
      action: "Rows no longer arrive. Unless an earlier check says why, see Fluent Bit's log.",
    };
  }
  if (!isBypass) return { found, value: times };
  return {
    status: "warn",
    found: `${found}, but there are rows of "${RAW_METRIC}": something scrapes vLLM itself`,
    action: "Let Fluent Bit, or whatever sends to the relay, scrape this service instead of vLLM.",
    value: times,
  };
}

/** The distances between times, the newest first. */
function distances(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => (times[index] ?? time) - time);
}

/** The median distance; 0 without one. */
function usualGap(times: readonly number[]): number {
  const sorted = distances(times).toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Looks for missing scrapes. */
export function gapsIn(times: readonly number[]): Verdict<void> {
  const gaps = distances(times);
  if (gaps.length < 2) return { found: "too few scrapes for gaps" };
  const usual = usualGap(times);
  const longest = Math.max(...gaps);
  const found = `a scrape every ${span(usual)}, longest gap ${span(longest)} ` +
    `in the last ${times.length}`;
  if (longest <= Math.max(SHORT_MS, usual * GAP_FACTOR)) return { found };
  return {
    status: "warn",
    found,
    action:
      "Scrapes are missing. Was vLLM or Fluent Bit down, or does a scrape take longer than its timeout?",
  };
}

/** A span of time for people. */
function span(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 600_000) return `${Math.round(ms / 1_000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
