/** The checks of Parseable: reachable, credentials, dashboards, stream, and the rows in it. */

import type { ParseableConfig } from "../config/config.ts";
import type { Header } from "../config/values.ts";
import { ParseableApi } from "../parseable/api.ts";
import { DASHBOARDS, listAll } from "../parseable/collection.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import { hasColumns, streamInfo, takesMetrics } from "../parseable/stream.ts";
import { CHECK_MS, type CheckRun, failed, ok, type Verdict, warn } from "./check_run.ts";
import { checkCertificate } from "./connection.ts";

/** Longest wait for a response, in milliseconds: shorter than a check, so that the error says what failed. */
const RESPONSE_MS = CHECK_MS - 1_000;
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

/** What {@linkcode checkParseable} works with. */
export type ParseableCheckOptions = {
  readonly parseable: ParseableConfig;
  readonly credentials: Header | undefined;
  /** Whether requests go through a proxy, so that this machine may not reach it directly. */
  readonly isProxied: boolean;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
};

/** Checks Parseable and what it has stored; without credentials, only that it answers. */
export async function checkParseable(run: CheckRun, options: ParseableCheckOptions): Promise<void> {
  const { parseable, credentials, isProxied, now } = options;
  const { stream, url, queryUrl } = parseable;
  const secrets = credentials === undefined ? [] : [credentials[1]];
  const timeoutMs = Math.min(parseable.timeoutMs, RESPONSE_MS);
  using api = new ParseableApi({ parseable: { ...parseable, timeoutMs }, credentials, secrets });
  const urls = api.isDistributed ? [url, queryUrl] : [url];
  await run.check("liveness", async () => {
    if (api.isDistributed) await api.call("GET", "/api/v1/liveness", { node: "ingest" });
    await api.call("GET", "/api/v1/liveness");
    const origins = urls.map(({ origin }) => `"${origin}"`).join(" and ");
    return ok(`${origins} ${urls.length > 1 ? "answer" : "answers"}`);
  });
  for (const each of urls) {
    if (isProxied || each.protocol !== "https:") continue;
    // The request before has verified it, as configured.
    await checkCertificate(run, each, now(), "Renew the certificate of Parseable.");
  }
  if (credentials === undefined) {
    const why = "neither P_USERNAME and P_PASSWORD nor PARSEABLE_API_KEY is set";
    run.skip("credentials", `not tried, since ${why}`);
    for (const name of ["dashboards", "stream", "newest row", "gaps"]) {
      run.skip(name, "not tried without credentials");
    }
    return;
  }
  await run.check("credentials", async () => ok(`Parseable ${await api.version()}`));
  await run.checkAside("dashboards", () => dashboardsVerdict(api, stream));
  await run.check("stream", () => streamVerdict(api, stream));
  const times = await run.check("newest row", () => rowsVerdict(api, stream, now()));
  await run.check("gaps", () => gapsIn(times ?? []));
}

async function dashboardsVerdict(api: ParseableApi, stream: string): Promise<Verdict> {
  const all = await listAll(api, DASHBOARDS);
  const ours = all.filter(({ tag }) => tag?.stream === stream);
  if (ours.length > 0) return ok(ours.map(({ title }) => `"${title}"`).join(", "));
  return warn(
    `no dashboards of vllm-metrics for the stream "${stream}"`,
    "Run vllm-metrics provision.",
  );
}

async function streamVerdict(api: ParseableApi, stream: string): Promise<Verdict> {
  const info = await streamInfo(api, stream);
  const feed = "Does Fluent Bit run, and does it send to the relay? Its log has the responses.";
  if (info === undefined) {
    return failed(`there is no stream "${stream}": nothing has been stored yet`, feed);
  }
  if (!takesMetrics(info)) {
    return failed(
      `The stream "${stream}" was created for logs and cannot store metrics`,
      "Delete it in Parseable, or set PARSEABLE_STREAM to another name.",
    );
  }
  if (await hasColumns(api, stream)) return ok(`"${stream}" is there`);
  return failed(
    `the stream "${stream}" is there, but nothing has been stored in it yet`,
    feed,
  );
}

/** Checks the age of the newest scrape of the last hour; gives the times, the newest first. */
async function rowsVerdict(
  api: ParseableApi,
  stream: string,
  nowMs: number,
): Promise<Verdict<readonly number[]>> {
  const query = `SELECT DISTINCT time_unix_nano, metric_name FROM "${stream}" ` +
    `WHERE metric_name IN ('${METRIC}', '${RAW_METRIC}') ` +
    `ORDER BY time_unix_nano DESC LIMIT ${ROWS}`;
  const body = { query, startTime: "1h", endTime: "now" };
  const rows = listOf(await api.call("POST", "/api/v1/query", { body })).map(objectOf);
  // Parseable writes times in UTC, without a zone.
  const times = rows.map((row) => Date.parse(`${textOf(row.time_unix_nano)}Z`))
    .filter((time) => !Number.isNaN(time));
  const [newest] = times;
  if (newest === undefined) {
    const { ingestion } = objectOf(await api.call("GET", `/api/v1/logstream/${stream}/stats`));
    const all = Number(objectOf(ingestion).lifetime_count);
    return failed(
      all <= PROVISION_ROWS
        ? "no row has been stored yet, except the one that provision creates a stream with"
        : `no row of ${METRIC} within the last hour, of ${all} rows in all`,
      "Unless an earlier check says why: does Fluent Bit run, and scrape this service?" +
        (api.isDistributed
          ? " The query node sees rows of the ingest nodes after two minutes."
          : ""),
    );
  }
  const ageMs = nowMs - newest;
  if (ageMs < -AHEAD_MS) {
    return warn(
      `the newest row is ${span(-ageMs)} ahead of the clock of this machine`,
      "Correct the clock of this machine or of the one that Fluent Bit runs on.",
      times,
    );
  }
  const found = `the newest row is ${span(Math.max(0, ageMs))} old`;
  const oldMs = api.isDistributed ? OLD_AT_QUERY_NODE_MS : OLD_MS;
  if (ageMs > Math.max(oldMs, GAP_FACTOR * usualGap(times))) {
    return failed(
      found,
      "Rows no longer arrive. Unless an earlier check says why, see Fluent Bit's log.",
    );
  }
  if (!rows.some((row) => row.metric_name === RAW_METRIC)) return ok(found, times);
  return warn(
    `${found}, but there are rows of "${RAW_METRIC}": something scrapes vLLM itself`,
    "Let Fluent Bit, or whatever sends to the relay, scrape this service instead of vLLM.",
    times,
  );
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
export function gapsIn(times: readonly number[]): Verdict {
  const gaps = distances(times);
  if (gaps.length < 2) return ok("too few scrapes for gaps");
  const usual = usualGap(times);
  const longest = Math.max(...gaps);
  const found = `a scrape every ${span(usual)}, longest gap ${span(longest)} ` +
    `in the last ${times.length}`;
  if (longest <= Math.max(SHORT_MS, usual * GAP_FACTOR)) return ok(found);
  return warn(
    found,
    "Scrapes are missing. Was vLLM or Fluent Bit down, or does a scrape take longer than its timeout?",
  );
}

/** A span of time for people. */
function span(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 600_000) return `${Math.round(ms / 1_000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
