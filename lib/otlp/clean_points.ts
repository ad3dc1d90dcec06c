/** Taking points of gauges, sums and summaries out that Parseable does not read, or parts of them. */

import { cleanAttributes } from "./clean_attributes.ts";
import { cleanExemplars } from "./clean_exemplars.ts";
import { countDropped, type RelayCounts } from "./counts.ts";
import { FLAG_NO_RECORDED_VALUE, type NumberPoint, type SummaryPoint } from "./model.ts";

// A point that is fine is passed on as it is: no copy.

/**
 * Cleans a point of a gauge or sum. NaN and infinite values are dropped:
 * Parseable would store a row without a value. A point that says by its flag
 * that it has none stays.
 *
 * @param point The point; it is not changed.
 * @param counts Gets what was taken out.
 * @returns What is left, `undefined` for nothing.
 */
export function cleanNumberPoint(point: NumberPoint, counts: RelayCounts): NumberPoint | undefined {
  let { value } = point;
  if (typeof value !== "bigint" && !Number.isFinite(value)) {
    if ((point.flags & FLAG_NO_RECORDED_VALUE) === 0) {
      countDropped(counts, value === undefined ? "value_missing" : "value_not_finite");
      return undefined;
    }
    value = undefined;
  }
  const attributes = cleanAttributes(point.attributes, counts);
  const exemplars = cleanExemplars(point.exemplars, counts);
  if (
    value === point.value && attributes === point.attributes && exemplars === point.exemplars
  ) return point;
  return { ...point, value, attributes, exemplars };
}

/**
 * Cleans a point of a summary. Its sum is not optional, so Parseable would read
 * 0 for a missing one: a point whose sum is NaN or infinite is dropped. Quantiles
 * of nothing are NaN; they are taken out alone.
 *
 * @param point The point; it is not changed.
 * @param counts Gets what was taken out.
 * @returns What is left, `undefined` for nothing.
 */
export function cleanSummaryPoint(
  point: SummaryPoint,
  counts: RelayCounts,
): SummaryPoint | undefined {
  if (point.count < 0) {
    countDropped(counts, "count_impossible");
    return undefined;
  }
  if (!Number.isFinite(point.sum)) {
    countDropped(counts, "summary_sum_not_finite");
    return undefined;
  }
  const quantileValues = point.quantileValues.filter(({ quantile, value }) => {
    const isFinite = Number.isFinite(quantile) && Number.isFinite(value);
    if (!isFinite) countDropped(counts, "quantile_not_finite");
    return isFinite;
  });
  return { ...point, attributes: cleanAttributes(point.attributes, counts), quantileValues };
}
