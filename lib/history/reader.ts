/** Reads the values of an exposition, as vLLM writes it or sanitized. */

import { type FamilyMemo, parseFamilies } from "../exposition/family.ts";
import type { Place, SeriesTable } from "./series.ts";

/** The values of one scrape. */
export interface Reading {
  /** The ids of the series, each at most once. */
  readonly ids: number[];
  /** One value per series. */
  readonly values: number[];
  /** Samples of kept families that were left out: too many series, or too long a name. */
  readonly dropped: number;
}

/** vLLM never forgets a set of adapters that was running; the value is when it was. */
const LORA = "lora_requests_info";

/**
 * Reads an exposition. Of a family exposed under its old and its new name, the new one counts; of
 * `lora_requests_info`, the newest series. A NaN counts as absent, and so does an infinite counter,
 * which would hide all later increases.
 *
 * @param bytes The whole text.
 * @param table The series of the server; new ones are added.
 * @param mayAdd Whether one more series may be added.
 * @param memo What earlier texts looked like.
 */
export function readExposition(
  bytes: Uint8Array,
  table: SeriesTable,
  mayAdd: () => boolean,
  memo?: FamilyMemo,
): Reading {
  const found = new Map<number, number>();
  const old: [Place, number][] = [];
  const families = new Set<string>();
  let dropped = 0;
  for (const { name, series, values } of parseFamilies(bytes, memo)) {
    if (!name.startsWith("vllm")) continue;
    const newest = name.endsWith(LORA) ? indexOfHighest(values) : -1;
    const kept = newest < 0 ? series : series.slice(newest, newest + 1);
    for (const [index, place] of table.placesOf(kept, mayAdd).entries()) {
      const value = values[newest < 0 ? index : newest] ?? NaN;
      if (place === "dropped") dropped++;
      else if (place !== undefined && isUsable(value, place)) {
        if (newest >= 0) table.retain((each) => each.family !== LORA || each === place.series);
        if (place.isOld) old.push([place, value]);
        else {
          families.add(place.series.family);
          found.set(place.series.id, value);
        }
      }
    }
  }
  for (const [{ series }, value] of old) {
    if (!families.has(series.family)) found.set(series.id, value);
  }
  return { ids: [...found.keys()], values: [...found.values()], dropped };
}

function indexOfHighest(values: Float64Array): number {
  return values.reduce((best, value, at) => value > (values[best] ?? -Infinity) ? at : best, 0);
}

function isUsable(value: number, { series }: Place): boolean {
  return series.isCounter ? Number.isFinite(value) : !Number.isNaN(value);
}
