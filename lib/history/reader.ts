/** Reads an exposition into the values of series: text as the service hands it out, or as vLLM writes it. */

import { sampleName } from "./names.ts";
import type { Place, SeriesTable } from "./series.ts";

/** The values of one scrape. */
export interface Reading {
  /** The numbers of the series. */
  readonly ids: number[];
  /** A value each. */
  readonly values: number[];
  /** Samples of kept families that were left out: too many series, or too long a name. */
  readonly dropped: number;
}

/** Where the text before the value ends; -1 for a line that is no sample. */
function headEnd(line: string): number {
  const brace = line.lastIndexOf("}");
  return brace < 0 ? line.indexOf(" ") : brace + 1;
}

/** The number in front of what follows it, a time perhaps; NaN for what is none. */
function valueOf(text: string): number {
  const trimmed = text.trimStart();
  const space = trimmed.indexOf(" ");
  const word = space < 0 ? trimmed : trimmed.slice(0, space);
  if (word === "+Inf") return Infinity;
  if (word === "-Inf") return -Infinity;
  return word === "" ? NaN : Number(word);
}

/** vLLM never forgets a set of adapters that was running; the value is when that was. */
const LORA = /^vllm[:_]lora_requests_info[{ ]/;

/** Whether a line is of a family that is kept. */
function isKept(head: string): boolean {
  const brace = head.indexOf("{");
  return sampleName(brace < 0 ? head : head.slice(0, brace)) !== undefined;
}

/** Only these lines can be of a family that is kept. */
function mayBeKept(text: string, at: number): boolean {
  return text.startsWith("vllm", at);
}

/**
 * Reads an exposition. Lines that are none of vLLM's samples are passed over. Where a family
 * stands under its old and its new name, the new one counts. A value that is no number is
 * taken as absent, and so is a counter that is infinite: it would hide all increases behind it. A time behind the value is not looked at.
 *
 * @param bytes The text, whole.
 * @param table The series of the server; new ones are added.
 * @param mayAdd Whether one more series may be added.
 * @returns The values by series; each series at most once.
 */
export function readExposition(
  bytes: Uint8Array,
  table: SeriesTable,
  mayAdd: () => boolean = () => true,
): Reading {
  const text = new TextDecoder().decode(bytes);
  const values = new Map<number, number>();
  const old: [Place, number][] = [];
  const families = new Set<string>();
  let dropped = 0;
  let lora = { head: "", value: -Infinity };
  const take = (head: string, value: number): void => {
    const place = table.known(head) ?? (mayAdd() ? table.place(head) : undefined);
    if (place === undefined) dropped += isKept(head) ? 1 : 0;
    else if (Number.isFinite(value) || !place.series.isCounter) {
      if (place.isOld) old.push([place, value]);
      else {
        families.add(place.series.family);
        values.set(place.series.id, value);
      }
    }
  };
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    if (mayBeKept(text, at)) {
      const line = text.slice(at, end);
      const split = headEnd(line);
      const head = line.slice(0, Math.max(split, 0));
      const value = valueOf(line.slice(head.length));
      if (head !== "" && !Number.isNaN(value)) {
        if (!LORA.test(head)) take(head, value);
        else if (value > lora.value) lora = { head, value };
      }
    }
    at = end + 1;
  }
  if (lora.head !== "") {
    if (table.known(lora.head) === undefined) {
      table.retain((id) => table.get(id)?.family !== "lora_requests_info");
    }
    take(lora.head, lora.value);
  }
  for (const [{ series }, value] of old) {
    if (!families.has(series.family)) values.set(series.id, value);
  }
  return { ids: [...values.keys()], values: [...values.values()], dropped };
}
