/**
 * How requests end, client disconnects included. vLLM's Python front end counts a request that its client gave up neither
 * as aborted nor as ended (vLLM's issues 31503 and 55634). Such a request had its first token
 * counted, has no end-to-end latency and is not running any more, so the three counts give its number:
 * `time_to_first_token_seconds_count` - `e2e_request_latency_seconds_count` - `num_requests_running`.
 * The Rust front end counts aborts itself.
 */

import { add, divide, type Line } from "./line.ts";
import type { Scope } from "./scope.ts";

/** The name of these requests beside vLLM's own finish reasons. */
export const CLIENT_DISCONNECT = "client disconnect";

/** Samples a median is taken of. */
const PARTS = 4;
/** The longest range whose median is compared with that of the range before, in milliseconds. */
const MINUTE_MS = 60_000;

/** Requests so far that no count explains, a line for each server with the Python front end. */
function unexplained(scope: Scope): Line[] {
  const lines = (metric: string): ReadonlyMap<string, Line> =>
    new Map(
      scope.gauges(metric, { by: ["instance"] })
        .map(({ labels, values }) => [labels.instance ?? "", values]),
    );
  const started = lines("time_to_first_token_seconds_count");
  const ended = lines("e2e_request_latency_seconds_count");
  const running = lines("num_requests_running");
  // The Rust front end does not have this family.
  return [...lines("cache_config_info").keys()].map((instance) => {
    const valueAt = (of: ReadonlyMap<string, Line>, index: number): number =>
      of.get(instance)?.[index] ?? NaN;
    return (started.get(instance) ?? []).map((_, index) =>
      valueAt(started, index) - valueAt(ended, index) - valueAt(running, index)
    );
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}

/**
 * Finds how many clients disconnected. Requests in their prefill and preempted ones make the number
 * waver, so its median over one range is compared with that over the range before; for one value of
 * a longer range its last minute with its first. It falls when a server restarts, which is no
 * disconnect.
 */
export function clientDisconnects(scope: Scope): Line | undefined {
  const { grid, rangeMs } = scope.range;
  const isInside = scope.times.length === 1 && rangeMs > MINUTE_MS;
  const levelMs = isInside ? Math.min(MINUTE_MS, rangeMs / 2) : rangeMs;
  const perStep = Math.ceil(PARTS * grid.stepMs / levelMs);
  const stepMs = grid.stepMs / perStep;
  const part = Math.round(levelMs / PARTS / stepMs);
  const lag = isInside ? Math.round((rangeMs - levelMs) / stepMs) : PARTS * part;
  const first = PARTS * part + lag;
  const startMs = grid.startMs - first * stepMs;
  const lines = unexplained(scope.over({ ...grid, startMs, stepMs }));
  if (lines.length === 0) return undefined;
  const levelAt = (line: Line, end: number): number =>
    median(Array.from({ length: PARTS + 1 }, (_, index) => line[end - index * part] ?? NaN));
  const seconds = lag * stepMs / 1_000;
  return scope.times.map((_, index) => {
    const end = first + index * perStep;
    const growths = lines.map((line) => levelAt(line, end) - levelAt(line, end - lag))
      .filter((growth) => !Number.isNaN(growth));
    if (growths.length === 0) return null;
    return growths.reduce((sum, growth) => sum + Math.max(0, growth), 0) / seconds;
  });
}

/** Ends that nobody wants; all others are the answer's own (`stop`, `length`, `repetition`). */
const FAILED_REASONS = ["error", "abort"];

/** The share of ended requests that neither failed nor were given up. */
export function successShare(scope: Scope): Line | undefined {
  const ends = scope.rates("request_success_total", ["finished_reason"]);
  const good = ends.filter(({ labels }) => !FAILED_REASONS.includes(labels.finished_reason ?? ""));
  if (ends.length === 0) return undefined;
  const disconnects = clientDisconnects(scope);
  const all = [
    ...ends.map(({ values }) => values),
    ...disconnects === undefined ? [] : [disconnects],
  ];
  return divide(add(good.map(({ values }) => values)), add(all));
}

/** The increases of a counter over the range of a scope with one time, by a label. */
export function increases(scope: Scope, metric: string, label: string): Record<string, number> {
  const seconds = scope.range.rangeMs / 1_000;
  return Object.fromEntries(
    scope.rates(metric, [label])
      .map(({ labels, values }) => [labels[label] ?? "", (values[0] ?? 0) * seconds]),
  );
}

/** Counts the requests that ended, by reason. */
export function endedRequests(whole: Scope, parts: Scope): Record<string, number> {
  const disconnects = clientDisconnects(parts) ?? [];
  const seconds = parts.range.rangeMs / 1_000;
  return {
    ...increases(whole, "request_success_total", "finished_reason"),
    [CLIENT_DISCONNECT]: disconnects.reduce((sum: number, rate) => sum + (rate ?? 0) * seconds, 0),
  };
}
