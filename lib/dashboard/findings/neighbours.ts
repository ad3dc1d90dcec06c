/** Engines, or servers, side by side. */

import type { TimeSeries } from "../../history/history.ts";
import { meanOf } from "../line.ts";
import { neighbourNames } from "../neighbour_names.ts";
import type { Named } from "../odd_one_out.ts";
import type { Scope } from "../scope.ts";

/** Engines, or servers, side by side. */
export interface Neighbours {
  /** Mean running requests of each. */
  readonly running: readonly Named[];
  /** KV cache in use of each, 0 to 1. */
  readonly kvCache: readonly Named[];
  /** Mean pause between tokens of each, in seconds; none where models differ, and so their speed. */
  readonly pause: readonly Named[];
}

/** Who is compared, in the last minute. */
export interface Comparison {
  /** The last minute in a few points. */
  readonly minute: Scope;
  /** The last minute as one point. */
  readonly whole: Scope;
  /** Whether all have the same model. */
  readonly sameModel: boolean;
}

/** The means of lines under the names of their engines or servers. */
function named(series: readonly TimeSeries[]): Named[] {
  const names = neighbourNames(series.map(({ labels }) => labels));
  return series.flatMap(({ values }, index) => {
    const value = meanOf(values);
    return value === null ? [] : [{ name: names[index] ?? "", value }];
  });
}

/** Reads what is compared, of each set of values of the labels. */
export function neighbours(
  { minute, whole, sameModel }: Comparison,
  by: readonly string[],
): Neighbours {
  return {
    running: named(minute.gauges("num_requests_running", { by })),
    kvCache: named(minute.gauges("kv_cache_usage_perc", { by, aggregate: "max" })),
    pause: sameModel ? named(whole.means("inter_token_latency_seconds", by)) : [],
  };
}
