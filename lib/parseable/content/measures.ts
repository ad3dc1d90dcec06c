/** Questions about one metric, as one number over the whole range and as lines over time. */

import type { Query } from "./query.ts";
import GAUGE from "./sql/tiles/gauge.sql" with { type: "text" };
import NEWEST from "./sql/tiles/newest.sql" with { type: "text" };
import PERCENTILE_NOW from "./sql/tiles/percentile-now.sql" with { type: "text" };
import PERCENTILE from "./sql/tiles/percentile.sql" with { type: "text" };
import RATE_NOW from "./sql/tiles/rate-now.sql" with { type: "text" };
import RATE from "./sql/tiles/rate.sql" with { type: "text" };
import RATIO_NOW from "./sql/tiles/ratio-now.sql" with { type: "text" };
import RATIO from "./sql/tiles/ratio.sql" with { type: "text" };
import WITHIN_NOW from "./sql/tiles/within-now.sql" with { type: "text" };
import WITHIN from "./sql/tiles/within.sql" with { type: "text" };

/** The same question about the whole range and over time. */
export type Measure = {
  /** Returns one number, in a column `value`. */
  readonly now: Query;
  /** Returns rows of `time_bin`, the columns it is split by, and `value`. */
  readonly overTime: Query;
};

/** By which columns lines are split by default. */
const MODEL = ["model_name"];

/** The growth of a counter per second. */
export function rate(metric: string, by: readonly string[] = MODEL): Measure {
  return {
    now: { sql: RATE_NOW, metrics: [metric] },
    overTime: { sql: RATE, metrics: [metric], by },
  };
}

/** The value of a gauge: the newest one, and the mean of each minute. */
export function gauge(metric: string, value: string, by: readonly string[] = MODEL): Measure {
  const values = { value };
  return {
    now: { sql: NEWEST, metrics: [metric], values },
    overTime: { sql: GAUGE, metrics: [metric], by, values },
  };
}

/** Which part of an increase is of one kind, in percent. */
export function ratio(metrics: readonly string[], part: string, whole: string): Measure {
  const values = { part, whole };
  return {
    now: { sql: RATIO_NOW, metrics, values },
    overTime: { sql: RATIO, metrics, by: MODEL, values },
  };
}

/** The increase of one counter as a share of that of another, in percent. */
export function share(part: string, whole: string): Measure {
  return ratio([part, whole], `metric_name = '${part}'`, `metric_name = '${whole}'`);
}

/** The 95th percentile of a histogram, in its unit. */
export function percentile(metric: string, by: readonly string[] = MODEL): Measure {
  return {
    now: { sql: PERCENTILE_NOW, metrics: [metric] },
    overTime: { sql: PERCENTILE, metrics: [metric], by, keys: ["time_bin", ...by] },
  };
}

/**
 * Which part of a histogram's observations is within a goal, in percent. Exact where the goal is the
 * bound of a bucket; between two bounds observations count as evenly spread.
 */
export function within(metric: string, goal: number, by: readonly string[] = MODEL): Measure {
  const values = { goal: `CAST(${goal} AS DOUBLE)` };
  return {
    now: { sql: WITHIN_NOW, metrics: [metric], values },
    overTime: { sql: WITHIN, metrics: [metric], by, keys: ["time_bin", ...by], values },
  };
}
