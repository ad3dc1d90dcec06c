/** The words behind `vllm-metrics demo`. */

import { parseArgs } from "node:util";
import { SCENARIO_NAMES, type ScenarioName } from "../demo/scenario.ts";
import type { Frontend } from "../demo/simulated_vllm.ts";
import { nearest } from "../nearest.ts";

/** More engines than that do not fit on a page, nor into the time between two ticks. */
const MAX_ENGINES = 32;
/** Each server takes the time of its engines. */
const MAX_SERVERS = 8;
/** The seed is 32 bits. */
const MAX_SEED = 2 ** 32 - 1;

/** What the demo shows. */
export interface DemoOptions {
  /** Load over time. */
  readonly scenario: ScenarioName;
  /** Simulated servers. */
  readonly servers: number;
  /** Engines of each of them. */
  readonly engines: number;
  /** Which front end's text it answers. */
  readonly frontend: Frontend;
  /** Equal seeds give equal numbers. */
  readonly seed: number;
}

const OPTIONS = {
  scenario: { type: "string" },
  servers: { type: "string" },
  engines: { type: "string" },
  openmetrics: { type: "boolean" },
  seed: { type: "string" },
} as const;

/** Reads words and collects what is wrong with them. */
class DemoArguments {
  readonly mistakes: string[] = [];
  readonly #values = new Map<string, string>();

  constructor(args: readonly string[]) {
    const { tokens } = parseArgs({
      args: [...args],
      options: OPTIONS,
      strict: false,
      allowPositionals: true,
      tokens: true,
    });
    for (const token of tokens) {
      if (token.kind === "positional") this.#refuse(token.value);
      else if (token.kind === "option") this.#take(token.name, token.rawName, token.value);
    }
  }

  #take(name: string, rawName: string, value: string | undefined): void {
    if (!Object.hasOwn(OPTIONS, name)) this.#refuse(rawName);
    else if (name === "openmetrics" && value !== undefined) {
      this.mistakes.push(`--openmetrics takes no value: "${value}".`);
    } else this.#values.set(name, value ?? "");
  }

  #refuse(word: string): void {
    const names = Object.keys(OPTIONS).map((name) => `--${name}`);
    const meant = nearest(word, names);
    const hint = meant === undefined
      ? `There are ${names.slice(0, -1).join(", ")} and ${names.at(-1)}.`
      : `Did you mean "${meant}"?`;
    this.mistakes.push(`there is no option "${word}". ${hint}`);
  }

  has(name: keyof typeof OPTIONS): boolean {
    return this.#values.has(name);
  }

  /** A whole number within bounds, or the usual one. */
  whole(name: keyof typeof OPTIONS, min: number, max: number, usual: number): number {
    const text = this.#values.get(name);
    if (text === undefined) return usual;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    this.mistakes.push(`--${name} must be a whole number from ${min} to ${max}: "${text}".`);
    return usual;
  }

  scenario(): ScenarioName {
    const text = this.#values.get("scenario") ?? SCENARIO_NAMES[0];
    const found = SCENARIO_NAMES.find((name) => name === text);
    if (found === undefined) {
      const names = `${SCENARIO_NAMES.slice(0, -1).join(", ")} or ${SCENARIO_NAMES.at(-1)}`;
      this.mistakes.push(`--scenario must be ${names}: "${text}".`);
    }
    return found ?? SCENARIO_NAMES[0];
  }
}

/**
 * Reads the options.
 *
 * @param args The words.
 * @returns The options, or a sentence for each mistake.
 */
export function parseDemoOptions(args: readonly string[]): DemoOptions | readonly string[] {
  const words = new DemoArguments(args);
  const options: DemoOptions = {
    scenario: words.scenario(),
    servers: words.whole("servers", 1, MAX_SERVERS, 1),
    engines: words.whole("engines", 1, MAX_ENGINES, 1),
    frontend: words.has("openmetrics") ? "rust" : "python",
    seed: words.whole("seed", 0, MAX_SEED, 1),
  };
  return words.mistakes.length === 0 ? options : words.mistakes;
}
