import type { Buckets, History, TargetState, TimeSeries } from "../../lib/history/history.ts";

/** A history of servers that were never scraped. */
export function emptyHistory(targets: readonly TargetState[]): History {
  const nothing = (): TimeSeries[] => [];
  return {
    targets,
    oldestMs: undefined,
    newestMs: undefined,
    labelValues: () => [],
    labelSets: () => [],
    families: () => [],
    gauge: nothing,
    rate: nothing,
    increase: nothing,
    quantiles: (qs) => qs.map(nothing),
    mean: nothing,
    share: nothing,
    buckets: (): Buckets => ({ bounds: [], counts: [] }),
    restarts: () => [],
  };
}
