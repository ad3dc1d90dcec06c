/** Taking out exemplars that Parseable does not read. */

import { cleanAttributes } from "./clean_attributes.ts";
import { countDropped, type RelayCounts } from "./counts.ts";
import type { Exemplar } from "./model.ts";

/**
 * Takes out exemplars that are NaN or infinite: one loses the metric.
 *
 * @param exemplars The exemplars; they are not changed.
 * @param counts Gets what was taken out.
 * @returns The exemplars that stay.
 */
export function cleanExemplars(exemplars: Exemplar[], counts: RelayCounts): Exemplar[] {
  if (exemplars.length === 0) return exemplars;
  const kept: Exemplar[] = [];
  for (const exemplar of exemplars) {
    if (typeof exemplar.value === "number" && !Number.isFinite(exemplar.value)) {
      countDropped(counts, "exemplar_not_finite");
      continue;
    }
    const filteredAttributes = cleanAttributes(exemplar.filteredAttributes, counts);
    kept.push({ ...exemplar, filteredAttributes });
  }
  return kept;
}
