/** Expositions without regard to order and spelling, so that they can be compared. */

import { outputName, type Point } from "./fluent_bit_families.ts";
import type { ReadFamily } from "./reader.ts";

/** A sample with what its family says about it. */
export interface Series {
  /** The sample's name. */
  readonly name: string;
  /** The name of its family. */
  readonly family: string;
  /** Labels but the empty ones, which are absent ones to Prometheus. */
  readonly labels: Record<string, string>;
  /** The value. */
  readonly value: number;
  /** Milliseconds since 1970, if given. */
  readonly timestamp: number | undefined;
  /** The type of the family; `untyped` without one. */
  readonly type: string;
  /** The help text of the family; empty without one. */
  readonly help: string;
}

/** An exposition. */
export interface Content {
  /** Type and help by name, of the families with a TYPE or HELP line. */
  readonly families: Record<string, readonly [type: string, help: string]>;
  /** All samples, sorted. */
  readonly series: readonly Series[];
}

function present(labels: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries([...labels].filter(([, value]) => value !== "").toSorted());
}

function sorted(series: readonly Series[]): Series[] {
  const keyed = series.map((one) => [JSON.stringify([one.name, one.labels]), one] as const);
  return keyed.toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, one]) => one);
}

/** The content of families that {@linkcode readExposition} has read. */
export function contentOf(families: readonly ReadFamily[]): Content {
  const headers: Record<string, readonly [string, string]> = {};
  const series: Series[] = [];
  for (const family of families) {
    const { type = "untyped", help = "" } = family;
    // An empty help text says as much as none.
    const isDeclared = family.type !== undefined || help !== "";
    if (isDeclared) headers[family.name] = [type, help];
    for (const { name, labels, value, timestamp } of family.samples) {
      const rest = { labels: present(labels), value, timestamp, type, help };
      series.push({ name, family: family.name, ...rest });
    }
  }
  return { families: headers, series: sorted(series) };
}

/** A bound or quantile as a number, in one spelling. */
function partText(text: string): string {
  const part = Number(text.replace(/inf$/i, "Infinity"));
  return String(part === 0 ? 0 : part);
}

/** What Fluent Bit is to read of a content: its names, its times, bounds as numbers. */
export function asFluentBitReads(content: Content): Series[] {
  return sorted(content.series.map((one) => {
    const isGrouped = one.type === "histogram" || one.type === "summary";
    const part = one.type === "histogram" ? "le" : "quantile";
    const text = isGrouped ? one.labels[part] : undefined;
    const labels = text === undefined ? one.labels : { ...one.labels, [part]: partText(text) };
    const family = outputName(one.family);
    // Times before 1970 are taken for 1970; a histogram or summary of 1970 has no time.
    const time = one.timestamp === undefined ? undefined : Math.max(one.timestamp, 0);
    return {
      ...one,
      name: family + one.name.slice(one.family.length),
      family,
      labels: present(Object.entries(labels)),
      timestamp: isGrouped && time === 0 ? undefined : time,
    };
  }));
}

function fromBytes(text: string): string {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** What Fluent Bit has read, sample by sample. */
export function seriesOf(points: readonly Point[]): Series[] {
  const series: Series[] = [];
  for (const point of points) {
    const { name: family, type, timestamp } = point;
    const part = type === "histogram" ? "le" : "quantile";
    const help = fromBytes(point.help);
    const labels = [...point.labels].map(([name, text]) => [name, fromBytes(text)] as const);
    const add = (
      suffix: string,
      value: number,
      more: ReadonlyArray<[string, string]> = [],
    ): void => {
      const rest = { labels: present([...labels, ...more]), value, timestamp, type, help };
      series.push({ name: family + suffix, family, ...rest });
    };
    for (const [bound, value] of point.parts ?? []) {
      add(type === "histogram" ? "_bucket" : "", value, [[part, partText(String(bound))]]);
    }
    if (point.value !== undefined) add("", point.value);
    if (point.sum !== undefined) add("_sum", point.sum);
    if (point.count !== undefined) add("_count", point.count);
  }
  return sorted(series);
}
