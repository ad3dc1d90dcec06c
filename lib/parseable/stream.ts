/**
 * Creates the stream, by storing one row, and sets its retention. A stream without rows has no
 * columns, not even the one for the time, and Parseable 2.9.5 then answers every query of a
 * dashboard with an error; and one created by `PUT /logstream` with a wrong header refuses metrics
 * for good.
 */

import { type ParseableApi, ParseableError } from "./api.ts";
import { metrics } from "./content/metrics.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import type { ReportLine } from "./report.ts";

/** The log source of a stream of metrics. */
const LOG_SOURCE = "otel-metrics";
/** The column that Parseable adds to every row. */
const TIME_COLUMN = "p_timestamp";
const DAY_MS = 86_400_000;

/** How the stream was found. */
export type StreamState = {
  /** Whether it exists. */
  readonly exists: boolean;
  /** When its first row came, in milliseconds since 1970; undefined without rows. */
  readonly firstRowMs: number | undefined;
};

/** The first row of a stream, as OTLP in JSON. */
export function firstRow(nowMs: number): unknown {
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

/** Creates the stream, or its columns when it has none. */
export async function ensureStream(
  { api, stream, isDryRun, nowMs }: {
    readonly api: ParseableApi;
    readonly stream: string;
    readonly isDryRun: boolean;
    readonly nowMs: number;
  },
): Promise<{ readonly line: ReportLine; readonly state: StreamState }> {
  const what = `stream "${stream}"`;
  const info = await streamInfo(api, stream);
  const firstRowMs = Date.parse(textOf(objectOf(info).firstEventAt));
  const state = {
    exists: info !== undefined,
    firstRowMs: Number.isNaN(firstRowMs) ? undefined : firstRowMs,
  };
  if (state.exists && !takesMetrics(info)) {
    const why = "it is not for metrics, and Parseable cannot change that. Delete it, " +
      "or set PARSEABLE_STREAM to another name";
    return { line: { outcome: "failed", what, why }, state };
  }
  if (state.exists && await hasColumns(api, stream)) {
    return { line: { outcome: "unchanged", what }, state };
  }
  if (!isDryRun) {
    const headers = { "X-P-Stream": stream, "X-P-Log-Source": LOG_SOURCE };
    await api.call("POST", "/v1/metrics", { headers, body: firstRow(nowMs) });
  }
  return { line: { outcome: state.exists ? "updated" : "made", what }, state };
}

/** What {@linkcode ensureRetention} needs. */
export type RetentionOptions = {
  readonly api: ParseableApi;
  readonly stream: string;
  readonly state: StreamState;
  /** How long to keep rows; chosen by the operator, or the default. */
  readonly retention: { readonly days: number; readonly isChosen: boolean };
  /** Whether to replace what somebody set. */
  readonly isForced: boolean;
  readonly isDryRun: boolean;
  readonly nowMs: number;
};

/** Sets how long Parseable keeps the rows of the stream, unless somebody else did. */
export async function ensureRetention(options: RetentionOptions): Promise<ReportLine> {
  const { api, stream, state, retention, isForced, isDryRun } = options;
  const what = `retention of ${retention.days} days`;
  const path = `/api/v1/logstream/${stream}/retention`;
  const [found] = state.exists ? listOf(await api.call("GET", path)) : [];
  const duration = `${retention.days}d`;
  if (textOf(objectOf(found).duration) === duration) return { outcome: "unchanged", what };
  const why = objection(found, options);
  if (why !== undefined && !isForced) return { outcome: "left alone", what, why };
  // The description says that it is ours, and as we set it.
  const task = { description: `vllm-metrics: ${duration}`, action: "delete", duration };
  if (!isDryRun) await api.call("PUT", path, { body: [task] });
  return { outcome: found === undefined ? "made" : "updated", what };
}

/** Why the retention must not be set without `--force`; undefined when it may. */
function objection(found: unknown, options: RetentionOptions): string | undefined {
  const { duration, description } = objectOf(found);
  const { retention, state: { firstRowMs }, nowMs } = options;
  if (duration !== undefined) {
    const isOurs = description === `vllm-metrics: ${textOf(duration)}`;
    return isOurs ? undefined : `it was set to ${textOf(duration)} by hand`;
  }
  if (retention.isChosen || firstRowMs === undefined) return undefined;
  return nowMs - firstRowMs <= retention.days * DAY_MS
    ? undefined
    : "older rows are there, and would be deleted. Set PARSEABLE_RETENTION if that is meant";
}
