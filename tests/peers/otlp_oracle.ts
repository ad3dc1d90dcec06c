/** Asking `otlp_oracle.py`, which is built on Google's protobuf library. */

import type { Case } from "../otlp/relay.ts";
import { python } from "./python.ts";

/** A random request as the second implementation writes it. */
export interface Generated {
  /** As protobuf, in base64. */
  readonly binary: string;
  /** As OTLP/JSON. */
  readonly json: string;
}

/** What is wrong with a case, in the words of the second implementation. */
export interface Verdict {
  /** The name of the case. */
  readonly name: string;
  /** What is wrong; nothing when the two agree. */
  readonly problems: string[];
}

/** Makes random requests of all kinds. */
export async function generate(seed: number, count: number): Promise<Generated[]> {
  return lines<Generated>(await ask(["generate", `${seed}`, `${count}`], ""));
}

/** Holds what the relay made of requests against what it should have made. */
export async function compare(cases: Case[]): Promise<Verdict[]> {
  const input = cases.map((one) => `${JSON.stringify(one)}\n`).join("");
  return lines<Verdict>(await ask(["compare"], input));
}

function lines<T>(text: string): T[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

function ask(args: readonly string[], input: string): Promise<string> {
  return python("otlp_oracle.py", input, args);
}
