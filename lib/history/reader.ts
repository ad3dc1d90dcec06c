/** Reads the values of an exposition, as vLLM writes it or sanitized. */

import { sampleName } from "./names.ts";
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

/** Name and labels of a sample line; undefined for another line. */
function headOf(line: string): string | undefined {
  const brace = line.lastIndexOf("}");
  const end = brace < 0 ? line.indexOf(" ") : brace + 1;
  return end <= 0 ? undefined : line.slice(0, end);
}

/** The number at the beginning of a text, before a timestamp perhaps; NaN when there is none. */
function valueOf(text: string): number {
  const [word = ""] = text.trimStart().split(" ", 1);
  if (word === "+Inf") return Infinity;
  if (word === "-Inf") return -Infinity;
  return word === "" ? NaN : Number(word);
}

/** The name of a sample, without labels. */
function nameOf(head: string): string {
  const brace = head.indexOf("{");
  return brace < 0 ? head : head.slice(0, brace);
}

/** The samples of vLLM with a value that is a number, as name with labels and value. */
function* samplesIn(text: string): Generator<readonly [head: string, value: number]> {
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    if (text.startsWith("vllm", at)) {
      const line = text.slice(at, end);
      const head = headOf(line);
      const value = head === undefined ? NaN : valueOf(line.slice(head.length));
      if (head !== undefined && !Number.isNaN(value)) yield [head, value];
    }
    at = end + 1;
  }
}

/**
 * Reads an exposition. Other lines than samples of vLLM are skipped. Of a family exposed under its
 * old and its new name, the new one counts; of `lora_requests_info`, the newest series. A NaN
 * counts as absent, and so does an infinite counter, which would hide all later increases.
 *
 * @param table The series of the server; new ones are added.
 */
export function readExposition(
  bytes: Uint8Array,
  table: SeriesTable,
  mayAdd: () => boolean = (): boolean => true,
): Reading {
  const values = new Map<number, number>();
  const old: [Place, number][] = [];
  const families = new Set<string>();
  let dropped = 0;
  const take = (head: string, value: number): void => {
    const place = table.known(head) ?? (mayAdd() ? table.place(head) : undefined);
    if (place === undefined) {
      if (sampleName(nameOf(head)) !== undefined) dropped++;
    } else if (Number.isFinite(value) || !place.series.isCounter) {
      if (place.isOld) old.push([place, value]);
      else {
        families.add(place.series.family);
        values.set(place.series.id, value);
      }
    }
  };
  let lora = { head: "", value: -Infinity };
  for (const [head, value] of samplesIn(new TextDecoder().decode(bytes))) {
    if (!head.startsWith(LORA, "vllm_".length)) take(head, value);
    else if (value > lora.value) lora = { head, value };
  }
  if (lora.head !== "") {
    if (table.known(lora.head) === undefined) table.retain(({ family }) => family !== LORA);
    take(lora.head, lora.value);
  }
  for (const [{ series }, value] of old) {
    if (!families.has(series.family)) values.set(series.id, value);
  }
  return { ids: [...values.keys()], values: [...values.values()], dropped };
}
