/** Values of tiles and charts as people read them. */

import { formatNumber, formatValue } from "../format.ts";
import type { Unit } from "../view.ts";

/** What stands for a value that is not there. */
const NO_VALUE = "–";

/** A value with its unit; a dash when there is none. */
export function valueText(value: number | null | undefined, unit: Unit): string {
  return value === null || value === undefined ? NO_VALUE : formatValue(value, unit);
}

/** A value and its unit apart, such as `["1.2", "s"]`. */
export function valueParts(value: number | null, unit: Unit): [number: string, unit: string] {
  const text = valueText(value, unit);
  const space = text.search(/\s/);
  return space === -1 ? [text, ""] : [text.slice(0, space), text.slice(space + 1)];
}

/** A value where there is little room: units that the title of the chart names are left out. */
export function shortText(value: number | null | undefined, unit: Unit): string {
  if (value === 0) return "0";
  return valueText(value, unit === "seconds" || unit === "share" ? unit : "count");
}

/** The upper bound of a bucket, from its name as Prometheus writes it. */
export function boundText(name: string): string {
  const bound = Number(name);
  return Number.isFinite(bound) ? formatNumber(bound) : "∞";
}
