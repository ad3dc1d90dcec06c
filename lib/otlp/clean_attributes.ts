/** Taking out of attributes what Parseable does not read. */

import { countDropped, type RelayCounts } from "./counts.ts";
import { type AnyValue, isKeyValueList, type KeyValue } from "./model.ts";

/**
 * Takes out attributes without a name or value, NaN and infinite ones, also
 * within lists. In Parseable 2.9.5 one of them loses the metric, or the whole
 * request when it belongs to a resource or scope ("Invalid data for Value, no
 * known keys found").
 *
 * @param attributes The attributes; they are not changed.
 * @param counts Gets what was taken out.
 * @returns The attributes that stay; the same array if all do.
 */
export function cleanAttributes(attributes: KeyValue[], counts: RelayCounts): KeyValue[] {
  for (const { key, value } of attributes) {
    if (typeof value !== "string" || key === "") return rebuilt(attributes, counts);
  }
  return attributes;
}

function rebuilt(attributes: KeyValue[], counts: RelayCounts): KeyValue[] {
  const kept: KeyValue[] = [];
  for (const attribute of attributes) {
    const value = cleanValue(attribute.key === "" ? undefined : attribute.value, counts);
    if (value === undefined) continue;
    // The same object again lets the encoder use its text again.
    kept.push(value === attribute.value ? attribute : { key: attribute.key, value });
  }
  return kept;
}

function cleanValue(value: AnyValue, counts: RelayCounts): AnyValue {
  if (value === undefined) {
    countDropped(counts, "attribute_empty");
    return undefined;
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    countDropped(counts, "attribute_not_finite");
    return undefined;
  }
  if (Array.isArray(value)) {
    return value.map((item) => cleanValue(item, counts)).filter((item) => item !== undefined);
  }
  if (isKeyValueList(value)) return { entries: rebuilt(value.entries, counts) };
  return value;
}
