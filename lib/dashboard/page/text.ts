/** Times and values as text. */

import { formatNumber, formatValue } from "../format.ts";
import type { Unit } from "../view.ts";

/** How long something has lasted or is ago, in its largest unit: `4 s`, `12 min`, `3 h`, `2 days`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min`;
  if (whole < 172_800) return `${Math.floor(whole / 3_600)} h`;
  return `${Math.floor(whole / 86_400)} days`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A time of day in the browser's zone, such as `14:03:20`. */
export function formatClock(ms: number): string {
  return CLOCK.format(ms);
}

/** A time with its day when that is not today's, such as `23 Nov 14:03:20`. */
export function formatMoment(ms: number, nowMs: number): string {
  const day = DAY.format(ms);
  return day === DAY.format(nowMs) ? formatClock(ms) : `${day} ${formatClock(ms)}`;
}

/** A time at an axis: as long as the steps of the axis need. */
export function formatAxisTime(seconds: number, stepSeconds: number): string {
  const ms = seconds * 1_000;
  if (stepSeconds >= 86_400) return DAY.format(ms);
  if (stepSeconds < 60) return CLOCK.format(ms);
  const minute = MINUTE.format(ms);
  return minute === "00:00" ? DAY.format(ms) : minute;
}

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
