/**
 * Creates the stream, stores one row in it, and sets its retention. A stream without rows has no
 * columns, not even the one for the time, and Parseable 2.9.5 then answers every query of a
 * dashboard with an error. Of several nodes, the query node creates the stream on all of them, and
 * an ingest node stores the row.
 */

import { type ParseableApi, ParseableError } from "./api.ts";
import { metrics } from "./content/query.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import type { Outcome, Run } from "./run.ts";

/** The log source of a stream of metrics. */
const LOG_SOURCE = "otel-metrics";
/** The column that Parseable adds to every row. */
const TIME_COLUMN = "p_timestamp";
const DAY_MS = 86_400_000;
/** How long after its first row a query node may see no columns; it took 30 s to 2 min. */
const SYNC_MS = 300_000;

/** The first row of a stream, as OTLP in JSON. */
export function firstRow(nowMs: number): object {
  const description = "Made when the stream was made";
  const dataPoints = [{ timeUnixNano: `${nowMs}000000`, asDouble: 1 }];
  const metric = { name: metrics.FIRST_ROW, description, gauge: { dataPoints } };
  return { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] };
}

/** What Parseable knows of a stream; undefined when there is none of that name. */
export async function streamInfo(api: ParseableApi, stream: string): Promise<unknown> {
  try {
    return await api.call("GET", `/api/v1/logstream/${stream}/info`);
  } catch (error) {
    if (error instanceof ParseableError && error.answered === 404) return undefined;
    throw error;
  }
}

/** Whether a stream has columns: one without has no rows, and cannot be queried. */
export async function hasColumns(api: ParseableApi, stream: string): Promise<boolean> {
  const { fields } = objectOf(await api.call("GET", `/api/v1/logstream/${stream}/schema`));
  return listOf(fields).some((field) => textOf(objectOf(field).name) === TIME_COLUMN);
}

/** Whether {@linkcode streamInfo} is that of a stream for metrics, not for logs. */
export function takesMetrics(info: unknown): boolean {
  return listOf(objectOf(info).logSource)
    .some((source) => textOf(objectOf(source).log_source_format) === LOG_SOURCE);
}

/** Creates the stream on all nodes; a concurrent run may have done so already. */
async function putStream(api: ParseableApi, stream: string): Promise<void> {
  const headers = { "X-P-Log-Source": LOG_SOURCE };
  try {
    await api.call("PUT", `/api/v1/logstream/${stream}`, { headers });
  } catch (error) {
    if (!(error instanceof ParseableError) || error.answered !== 400) throw error;
    if (!takesMetrics(await streamInfo(api, stream))) throw error;
  }
}

/** Creates the stream, or its columns when it has none. */
export async function createStream(run: Run): Promise<void> {
  const { api, stream, report, nowMs } = run;
  const what = `stream "${stream}"`;
  const info = await streamInfo(api, stream);
  const exists = info !== undefined;
  if (exists && !takesMetrics(info)) {
    const why = "it is not for metrics, and Parseable cannot change that. Delete it, " +
      "or set PARSEABLE_STREAM to another name";
    return report.add({ outcome: "failed", what, why });
  }
  let outcome: Outcome = "unchanged";
  let why = "";
  if (!exists || !await hasColumns(api, stream)) {
    const ageMs = nowMs - Date.parse(textOf(objectOf(info).createdAt));
    if (api.isDistributed && ageMs < SYNC_MS) {
      why = "its first row has not reached the query node yet";
    } else {
      if (!exists && !report.isDryRun) await putStream(api, stream);
      const headers = { "X-P-Stream": stream, "X-P-Log-Source": LOG_SOURCE };
      const row = { node: "ingest", headers, body: firstRow(nowMs) } as const;
      if (!report.isDryRun) await api.call("POST", "/v1/metrics", row);
      outcome = exists ? "updated" : "made";
    }
  }
  report.add({ outcome, what, why });
  const firstRowMs = Date.parse(textOf(objectOf(info).firstEventAt));
  run.state = { exists, firstRowMs: Number.isNaN(firstRowMs) ? undefined : firstRowMs };
}

/** Sets how long Parseable keeps the rows of the stream, unless somebody else did. */
export async function setRetention(run: Run): Promise<void> {
  const { api, stream, state, config: { retention }, isForced, report } = run;
  const what = `retention of ${retention.days} days`;
  const path = `/api/v1/logstream/${stream}/retention`;
  const [found] = state?.exists ? listOf(await api.call("GET", path)) : [];
  const duration = `${retention.days}d`;
  if (textOf(objectOf(found).duration) === duration) {
    return report.add({ outcome: "unchanged", what });
  }
  const why = objection(found, run);
  if (why !== undefined && !isForced) return report.add({ outcome: "left alone", what, why });
  // The description says that it is ours, and as we set it.
  const task = { description: `vllm-metrics: ${duration}`, action: "delete", duration };
  if (!report.isDryRun) await api.call("PUT", path, { body: [task] });
  report.add({ outcome: found === undefined ? "made" : "updated", what });
}

/** Why the retention must not be set without `--force`; undefined when it may. */
function objection(found: unknown, { config, state, nowMs }: Run): string | undefined {
  const { duration, description } = objectOf(found);
  if (duration !== undefined) {
    const isOurs = description === `vllm-metrics: ${textOf(duration)}`;
    return isOurs ? undefined : `it was set to ${textOf(duration)} by hand`;
  }
  const { retention } = config;
  const firstRowMs = state?.firstRowMs;
  if (retention.isChosen || firstRowMs === undefined) return undefined;
  return nowMs - firstRowMs <= retention.days * DAY_MS
    ? undefined
    : "older rows are there, and would be deleted. Set PARSEABLE_RETENTION if that is meant";
}
