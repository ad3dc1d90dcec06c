/**
 * What Fluent Bit 5.1.1 makes of a text: an independent account of its decoder,
 * oddities included, that shares no code with the sanitiser. `decoder_cases_test.ts`
 * holds it to recorded answers of the real one.
 */

import { FluentBitFamily, type Point, type SampleRole } from "./fluent_bit_families.ts";
import { ProcessExit, Scanner, ScrapeLost, type Token } from "./fluent_bit_tokens.ts";

/** What becomes of a scrape. */
export interface Verdict {
  /** As in `decoder-cases.jsonl`. */
  readonly result: "accepted" | "scrape lost" | "process exits";
  /** Why, when it is not accepted. */
  readonly reason: string;
  /** What is read; empty when nothing is kept. */
  readonly points: readonly Point[];
  /** Bytes of the text that are not looked at, though it is accepted. */
  readonly unread: boolean;
}

/** Reads an exposition as Fluent Bit does. */
export function readAsFluentBit(bytes: Uint8Array): Verdict {
  const decoder = new Decoder(bytes);
  try {
    decoder.decode();
    return { result: "accepted", reason: "", points: decoder.points, unread: decoder.unread };
  } catch (error) {
    const result = error instanceof ProcessExit
      ? "process exits"
      : error instanceof ScrapeLost
      ? "scrape lost"
      : undefined;
    if (result === undefined || !(error instanceof Error)) throw error;
    return { result, reason: error.message, points: [], unread: false };
  }
}

/** The grammar: HELP lines, TYPE lines and samples in any order, at least one of them. */
class Decoder {
  readonly points: Point[] = [];
  readonly #scanner: Scanner;
  #ahead: Token | undefined;
  #family: FluentBitFamily | undefined;
  /** The first failure that does not stop the reading but loses the scrape all the same. */
  #failure: ScrapeLost | undefined;

  constructor(bytes: Uint8Array) {
    this.#scanner = new Scanner(bytes);
  }

  get unread(): boolean {
    return !this.#scanner.atEnd;
  }

  decode(): void {
    if (this.#peek().kind === "end") throw new ScrapeLost("nothing to read");
    while (this.#peek().kind !== "end") this.#item();
    this.#finish();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #item(): void {
    const { kind, text } = this.#take();
    if (kind === "help") {
      const doc = this.#expect("doc");
      this.#name(text).help = doc;
    } else if (kind === "type") {
      const type = this.#expect("metric type");
      this.#name(text).type = type;
    } else if (kind === "word") {
      this.#sample(text);
    } else {
      // The grammar ends the family before it looks what came.
      this.#finish();
      throw new ScrapeLost(`unexpected ${kind}`);
    }
  }

  #sample(name: string): void {
    const sample = this.#name(name).startSample();
    if (this.#peek().kind === "{") {
      this.#take();
      this.#labels(sample.labels);
    }
    const value = this.#expect("number");
    const time = this.#peek().kind === "number" ? this.#take().text : "";
    if (value.length >= 63 || time.length >= 63) throw new ScrapeLost("number too long");
    sample.value = value;
    sample.time = time;
  }

  #labels(values: Map<string, string>): void {
    if (this.#peek().kind === "}") {
      this.#take();
      return;
    }
    for (;;) {
      const name = this.#expect("word");
      this.#expect("=");
      const value = this.#expect("quoted");
      this.#family?.addLabelName(name);
      values.set(name, value);
      if (this.#peek().kind === ",") {
        this.#take();
        if (this.#peek().kind !== "}") continue;
      }
      this.#expect("}");
      return;
    }
  }

  /** The family that a name goes to: the one at hand or a new one. */
  #name(name: string): FluentBitFamily {
    const family = this.#family;
    if (family === undefined) return this.#begin(name);
    if (!family.isGrouped) return family.name === name ? family : this.#begin(name);
    const next = family.roleOf(name);
    if (next === "other family") return this.#begin(name);
    if (next === "same") return family;
    if (!next.startsGroup) {
      family.role = next.role;
      return family;
    }
    const group = new FluentBitFamily(family.name, family);
    this.#close(family);
    group.role = next.role;
    this.#family = group;
    return group;
  }

  #begin(name: string): FluentBitFamily {
    this.#finish();
    this.#family = new FluentBitFamily(name);
    return this.#family;
  }

  #finish(): void {
    if (this.#family !== undefined) this.#close(this.#family);
    this.#family = undefined;
  }

  #close(family: FluentBitFamily): void {
    try {
      family.finish(this.points);
    } catch (error) {
      if (!(error instanceof ScrapeLost)) throw error;
      this.#failure ??= error;
    }
  }

  #peek(): Token {
    this.#ahead ??= this.#scanner.next();
    return this.#ahead;
  }

  #take(): Token {
    const token = this.#peek();
    this.#ahead = undefined;
    return token;
  }

  #expect(kind: string): string {
    const token = this.#take();
    if (token.kind !== kind) throw new ScrapeLost(`unexpected ${token.kind}, not ${kind}`);
    return token.text;
  }
}

export type { Point, SampleRole };
