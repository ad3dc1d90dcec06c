/** What clients get out of an exposition, before and after it is sanitized. */

import type { Format } from "../exposition/types.ts";
import { DROP_REASONS } from "../exposition/dropped.ts";
import { parseFamilies } from "../exposition/family.ts";
import { Sanitizer } from "../exposition/sanitizer.ts";
import type { Verdict } from "./check_run.ts";

/** What Fluent Bit 5.1.1 fails on in vLLM's expositions (seen in its decoder, and tested). */
const BREAKERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^[A-Za-z_]\w*:[^\s{]*[\s{]/gm, "samples with a colon in their name"],
  [/^# TYPE \S+ (?:info|unknown|stateset|gaugehistogram)\b/gm, "unknown types"],
  [/\r(?!\n)/g, "lone carriage returns"],
  [/\\(?![\\n"])/g, "stray backslashes"],
];

/** An exposition as vLLM sent it. */
export interface Exposition {
  /** The bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Their format. */
  readonly format: Format;
}

/** Checks for vLLM's statistics, and for requests in them. */
export function checkStatistics({ bytes, format }: Exposition): Verdict<void> {
  const families = parseFamilies(bytes, undefined, format)
    .filter(({ name, type }) => name.startsWith("vllm_") && type !== "untyped");
  if (families.length === 0) {
    return {
      status: "failed",
      found: "the exposition has no vllm: family",
      action:
        "Start vLLM without --disable-log-stats. If this is not vLLM, correct VLLM_METRICS_URL.",
    };
  }
  const sumOf = (wanted: string): number | undefined =>
    families.find(({ name }) => name === wanted)?.values.reduce((sum, value) => sum + value, 0);
  const running = sumOf("vllm_num_requests_running");
  // The Rust front end lists no finished requests before the first.
  const finished = sumOf("vllm_request_success_total") ?? 0;
  const found = `${families.length} families of vLLM` +
    (running === undefined
      ? ""
      : `; ${running} requests running, ${finished} finished since it started`);
  if (running !== 0 || finished !== 0) return { found };
  return {
    status: "warn",
    found: `${found}: no traffic`,
    action: "Send vLLM a request: until then rates and percentiles are empty.",
  };
}

/**
 * Sanitizes an exposition as `/metrics` does, and reports what was repaired and what was dropped.
 */
export function checkExposition(
  { bytes, format }: Exposition,
): Verdict<void> {
  const text = new TextDecoder().decode(bytes);
  const broken = BREAKERS.map(([pattern, what]) =>
    [text.match(pattern)?.length ?? 0, what] as const
  )
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`);
  const sanitizer = new Sanitizer({ format });
  sanitizer.push(bytes, true);
  const repaired = broken.length === 0
    ? "Fluent Bit accepts it as it is"
    : `repaired for Fluent Bit: ${broken.join(", ")}`;
  const found = `${sanitizer.samples} samples for all clients; ${repaired}`;
  if (sanitizer.dropped.total === 0) return { found };
  const reasons = [...sanitizer.dropped.entries()]
    .map(([reason, lines]) => `${lines} of them ${DROP_REASONS[reason]} (${reason})`);
  return {
    status: "warn",
    found: `${found}; ${sanitizer.dropped.total} lines dropped`,
    action: `Look at these lines of vLLM: ${reasons.join(", ")}.`,
  };
}
