/** What the steps of the relay cost, and JSON.stringify beside its own encoder. */

import { cleanMetrics } from "../lib/otlp/clean.ts";
import { countPoints } from "../lib/otlp/counts.ts";
import { decodeMetrics } from "../lib/otlp/decode.ts";
import { repairHistograms } from "../lib/otlp/repair.ts";
import { encodeMetrics } from "../lib/otlp/encode.ts";
import { formatTable, median } from "./kit.ts";

/** Calls before the first that counts. */
const WARM_UP_CALLS = 500;
/** Rounds, of which the middle one is told. */
const ROUNDS = 7;
/** Calls a round. */
const CALLS = 500;

/** The milliseconds of one call. */
function timeOf(step: () => void): number {
  for (let call = 0; call < WARM_UP_CALLS; call++) step();
  return median(Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (let call = 0; call < CALLS; call++) step();
    return (performance.now() - start) / CALLS;
  }));
}

/** Times the steps, each by itself. */
export function measureEncoding(payload: Uint8Array): string {
  const request = decodeMetrics(payload);
  const counts = countPoints(request);
  repairHistograms(request, counts);
  cleanMetrics(request, counts);
  const [body] = encodeMetrics(request, counts);
  const tree: unknown = JSON.parse(new TextDecoder().decode(body?.bytes));
  const encoder = new TextEncoder();
  function decodeRepairClean(): void {
    const request = decodeMetrics(payload);
    repairHistograms(request, counts);
    cleanMetrics(request, counts);
  }
  const steps: ReadonlyArray<readonly [string, () => void]> = [
    ["decode the protobuf", () => void decodeMetrics(payload)],
    ["decode, repair and clean", decodeRepairClean],
    ["encode", () => void [...encodeMetrics(request, counts)]],
    ["JSON.stringify of a ready tree", () => void encoder.encode(JSON.stringify(tree))],
  ];
  return formatTable([
    ["", "ms a scrape", ""],
    ...steps.map(([name, step]) => [name, timeOf(step).toFixed(3), ""]),
  ]);
}
