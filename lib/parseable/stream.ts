/**
 * Makes the stream, by storing one row. A stream without rows has no columns, not even the one for
 * the time, and Parseable 2.9.5 then answers every query of a dashboard with an error; and one that
 * is made by `PUT /logstream` with a wrong header refuses metrics for good.
 */

import type { ParseableApi } from "./api.ts";
import { FIRST_ROW } from "./content/metrics.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import { ParseableError } from "./parseable_error.ts";
import type { Outcome } from "./report.ts";

/** What a stream of metrics has as its source. */
const LOG_SOURCE = "otel-metrics";

/** The column that Parseable gives every row. */
const TIME_COLUMN = "p_timestamp";

/** The stream in Parseable. */
export interface StreamState {
  /** Whether it is there. */
  readonly exists: boolean;
  /** When its first row came, in milliseconds since 1970; undefined without rows. */
  readonly firstRowMs: number | undefined;
}

/** What {@linkcode ensureStream} needs. */
export interface StreamOptions {
  /** The name of the stream. */
  readonly stream: string;
  /** Whether nothing is written. */
  readonly isDryRun: boolean;
  /** The time in milliseconds since 1970, for the row. */
  readonly nowMs: number;
}

/**
 * Writes the first row of a stream.
 *
 * @param nowMs Its time in milliseconds since 1970.
 * @returns The row, as OTLP in JSON.
 */
export function firstRow(nowMs: number): unknown {
  const description = "Made when the stream was made";
  const dataPoints = [{ timeUnixNano: `${nowMs}000000`, asDouble: 1 }];
  const metrics = [{ name: FIRST_ROW, description, gauge: { dataPoints } }];
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] };
}

/** Where Parseable tells of a stream. */
function pathOf(stream: string): string {
  return `/api/v1/logstream/${stream}`;
}

/**
 * Asks what Parseable knows of a stream.
 *
 * @param api The client.
 * @param stream Its name.
 * @returns What it knows; undefined when there is no such stream.
 * @throws {ParseableError} When Parseable does not let us.
 */
export async function streamInfo(api: ParseableApi, stream: string): Promise<unknown> {
  try {
    return await api.call("GET", `${pathOf(stream)}/info`);
  } catch (error) {
    if (error instanceof ParseableError && error.answered === 404) return undefined;
    throw error;
  }
}

/**
 * Asks whether a stream has columns: one without has no rows, and cannot be queried.
 *
 * @param api The client.
 * @param stream Its name.
 * @returns Whether it has.
 * @throws {ParseableError} When Parseable does not let us.
 */
export async function hasColumns(api: ParseableApi, stream: string): Promise<boolean> {
  const { fields } = objectOf(await api.call("GET", `${pathOf(stream)}/schema`));
  return listOf(fields).some((field) => textOf(objectOf(field).name) === TIME_COLUMN);
}

/**
 * Tells whether a stream takes metrics.
 *
 * @param info What {@linkcode streamInfo} gave.
 * @returns False for one that was made for logs.
 */
export function takesMetrics(info: unknown): boolean {
  return listOf(objectOf(info).logSource)
    .some((source) => textOf(objectOf(source).log_source_format) === LOG_SOURCE);
}

/**
 * Makes the stream, or its columns when it has none.
 *
 * @param api The client.
 * @param options Stream and time.
 * @returns What became of it, and how it was found.
 * @throws {ParseableError} When Parseable does not let us.
 */
export async function ensureStream(
  api: ParseableApi,
  { stream, isDryRun, nowMs }: StreamOptions,
): Promise<{ outcome: Outcome; state: StreamState }> {
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
    return { outcome: { word: "failed", what, why }, state };
  }
  if (state.exists && await hasColumns(api, stream)) {
    return { outcome: { word: "unchanged", what }, state };
  }
  if (!isDryRun) {
    const headers = { "X-P-Stream": stream, "X-P-Log-Source": LOG_SOURCE };
    await api.call("POST", "/v1/metrics", { headers, body: firstRow(nowMs) });
  }
  return { outcome: { word: state.exists ? "updated" : "made", what }, state };
}
