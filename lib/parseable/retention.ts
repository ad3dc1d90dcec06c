/** Sets how long Parseable keeps the rows of the stream. */

import type { ProvisionConfig } from "../config/provision_config.ts";
import type { ParseableApi } from "./api.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import type { Outcome } from "./report.ts";
import type { StreamState } from "./stream.ts";

const DAY_MS = 86_400_000;

/** What {@linkcode ensureRetention} needs. */
export interface RetentionOptions {
  /** The name of the stream. */
  readonly stream: string;
  /** How the stream was found. */
  readonly state: StreamState;
  /** How long rows are to be kept. */
  readonly retention: ProvisionConfig["retention"];
  /** Whether to replace what somebody set. */
  readonly isForced: boolean;
  /** Whether nothing is written. */
  readonly isDryRun: boolean;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

/** How Parseable writes a retention; the description tells that it is ours, and as we set it. */
function taskOf(days: number): { description: string; action: "delete"; duration: string } {
  return { description: `vllm-metrics: ${days}d`, action: "delete", duration: `${days}d` };
}

/** Why the retention must not be set without being asked; undefined when it may. */
function objection(found: unknown, options: RetentionOptions): string | undefined {
  const { duration, description } = objectOf(found);
  const { retention, state, nowMs } = options;
  if (duration !== undefined) {
    const isOurs = description === `vllm-metrics: ${textOf(duration)}`;
    return isOurs ? undefined : `it was set to ${textOf(duration)} by hand`;
  }
  const { firstRowMs } = state;
  if (retention.isChosen || firstRowMs === undefined) return undefined;
  return nowMs - firstRowMs <= retention.days * DAY_MS
    ? undefined
    : "older rows are there, and would be deleted. Set PARSEABLE_RETENTION if that is meant";
}

/**
 * Sets the retention of the stream, unless somebody else did.
 *
 * @param api The client.
 * @param options Stream, days, and how the stream was found.
 * @returns What became of it.
 * @throws {ParseableError} When Parseable does not let us.
 */
export async function ensureRetention(
  api: ParseableApi,
  options: RetentionOptions,
): Promise<Outcome> {
  const { stream, state, retention, isForced, isDryRun } = options;
  const what = `retention of ${retention.days} days`;
  const path = `/api/v1/logstream/${stream}/retention`;
  const [found] = state.exists ? listOf(await api.call("GET", path)) : [];
  const task = taskOf(retention.days);
  if (textOf(objectOf(found).duration) === task.duration) return { word: "unchanged", what };
  const why = objection(found, options);
  if (why !== undefined && !isForced) return { word: "left alone", what, why };
  if (!isDryRun) await api.call("PUT", path, { body: [task] });
  return { word: found === undefined ? "made" : "updated", what };
}
