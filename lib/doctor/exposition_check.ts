/** What readers would make of an exposition, before and after it is sanitised. */

import type { Format } from "../exposition/header.ts";
import { DROP_REASONS } from "../exposition/dropped.ts";
import { Sanitizer } from "../exposition/sanitizer.ts";
import type { Verdict } from "./walk.ts";

/** What stops Fluent Bit 5.1.1 in an exposition as vLLM sends it (read in its decoder, and run). */
const BREAKERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^[A-Za-z_]\w*:[^\s{]*[\s{]/gm, "samples with a colon in their name"],
  [/^# TYPE \S+ (?:info|unknown|stateset|gaugehistogram)\b/gm, "types that it does not know"],
  [/\r(?!\n)/g, "lone carriage returns"],
  [/\\(?![\\n"])/g, "stray backslashes"],
];

/** Requests that vLLM works on. */
const RUNNING = "vllm:num_requests_running";
/** Requests that it has answered; the Rust front end lists none before the first. */
const FINISHED = "vllm:request_success_total";

/** An exposition as it came. */
export interface Exposition {
  /** The bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Their format. */
  readonly format: Format;
}

/**
 * Looks for the statistics of vLLM, and for requests in them.
 *
 * @param exposition The exposition.
 * @returns A failure where there are none, a warning where vLLM has had no request yet.
 */
export function examineStatistics({ bytes }: Exposition): Verdict<void> {
  const text = new TextDecoder().decode(bytes);
  const families = new Set([...text.matchAll(/^# TYPE (vllm[:_]\S+)/gm)].map(([, name]) => name));
  if (families.size === 0) {
    return {
      status: "failed",
      found: "the exposition has no vllm: family",
      action: "Start vLLM without --disable-log-stats. If it is not vLLM, mend VLLM_METRICS_URL.",
    };
  }
  const running = sumOf(text, RUNNING);
  const finished = sumOf(text, FINISHED) ?? 0;
  const found = `${families.size} families of vLLM` +
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

/** Adds up the samples of a name; undefined when there are none. */
function sumOf(text: string, name: string): number | undefined {
  const values = text.split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => Number(/ (\S+)(?: \d+)?\s*$/.exec(line)?.[1]));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

/**
 * Sanitises an exposition as `/metrics` does, and says what was mended and what was left out.
 *
 * @param exposition The bytes, which are edited in place, and their format.
 * @returns A warning when lines were left out.
 */
export function examineExposition(
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
  const mended = broken.length === 0
    ? "nothing in it stops Fluent Bit"
    : `mended for Fluent Bit: ${broken.join(", ")}`;
  const found = `${sanitizer.samples} samples for all readers; ${mended}`;
  if (sanitizer.dropped.total === 0) return { found };
  const reasons = [...sanitizer.dropped.entries()]
    .map(([reason, lines]) => `${lines} of them ${DROP_REASONS[reason]} (${reason})`);
  return {
    status: "warn",
    found: `${found}; ${sanitizer.dropped.total} lines left out`,
    action: `Look at these lines of vLLM: ${reasons.join(", ")}.`,
  };
}
