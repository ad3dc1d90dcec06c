/** Histories made of a few plain lines. */

import { HistoryStore } from "../../lib/history/store.ts";
import type { Grid, TimeSeries } from "../../lib/history/history.ts";
import type { HistoryOptions } from "../../lib/history/store.ts";

/** The one server of most tests. */
export const SERVER = "vllm:8000";
/** A time to begin at that is a multiple of all intervals, in milliseconds since 1970. */
export const START_MS = 1_800_000_000_000;

/** An exposition, or the sentence of a failure. */
export type Answer = string | { readonly error: string };

/** Bytes of an exposition. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Makes a history. */
export function historyOf(options: Partial<HistoryOptions> = {}): HistoryStore {
  return new HistoryStore({ instances: [SERVER], ...options });
}

/** Adds a scrape at so many seconds behind the start; one before the last sets the clock back. */
export function addAt(
  store: HistoryStore,
  seconds: number,
  answer: Answer,
  instance = SERVER,
): void {
  const scrape = { instance, timeMs: START_MS + seconds * 1_000 };
  if (scrape.timeMs < store.newestOf(instance) - 600_000) store.cutOff(instance, scrape.timeMs);
  if (typeof answer === "string") store.add({ ...scrape, body: bytesOf(answer) });
  else store.fail({ ...scrape, error: answer.error });
}

/** A history of one server, answers by the seconds at which they came. */
export function history(answers: Readonly<Record<number, Answer>>): HistoryStore {
  const store = historyOf();
  for (const [seconds, answer] of Object.entries(answers)) addAt(store, Number(seconds), answer);
  return store;
}

/** A grid in seconds behind the start. */
export function grid(start: number, end = start, step = 1): Grid {
  return {
    startMs: START_MS + start * 1_000,
    endMs: START_MS + end * 1_000,
    stepMs: step * 1_000,
  };
}

/** The values of the only line; none without a line. */
export function values(lines: readonly TimeSeries[]): readonly (number | null)[] {
  if (lines.length > 1) throw new Error(`There are ${lines.length} lines`);
  return lines[0]?.values ?? [];
}

/** Lines of a histogram: cumulative counts by bound, `Infinity` among them. */
export function buckets(
  family: string,
  counts: readonly (readonly [number, number])[],
  labels = "",
): string {
  return counts.map(([bound, count]) => {
    const le = bound === Infinity ? "+Inf" : String(bound);
    return `vllm_${family}_bucket{${labels}le="${le}"} ${count}\n`;
  }).join("");
}
