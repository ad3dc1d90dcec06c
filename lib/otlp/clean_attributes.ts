/** Taking out of attributes what Parseable does not read. */

import { countDropped, type RelayCounts } from "./counts.ts";
import type { AnyValue, KeyValue } from "./gen/metrics.mts";

/**
 * Removes items from a list, in place.
 *
 * @param list The list.
 * @param keep Says which items stay.
 */
export function retain<T>(list: T[], keep: (item: T) => boolean): void {
  let kept = 0;
  for (const item of list) {
    if (keep(item)) list[kept++] = item;
  }
  list.length = kept;
}

/**
 * Takes out attributes without a name or value, NaN and infinite ones, also
 * within lists. In Parseable 2.9.5 one of them loses the metric, or the whole
 * request when it belongs to a resource or scope ("Invalid data for Value, no
 * known keys found").
 *
 * @param attributes The attributes; the list is changed.
 * @param counts Gets what was taken out.
 */
export function cleanAttributes(attributes: KeyValue[], counts: RelayCounts): void {
  retain(attributes, ({ key, value }) => isStorable(key === "" ? undefined : value, counts));
}

function isStorable(any: AnyValue | undefined, counts: RelayCounts): boolean {
  switch (any?.value?.$case) {
    case undefined:
      countDropped(counts, "attribute_empty");
      return false;
    case "doubleValue":
      if (Number.isFinite(any.value.value)) return true;
      countDropped(counts, "attribute_not_finite");
      return false;
    case "arrayValue":
      retain(any.value.value.values, (item) => isStorable(item, counts));
      return true;
    case "kvlistValue":
      cleanAttributes(any.value.value.values, counts);
  }
  return true;
}
