/** The words behind `vllm-metrics demo`. */

import { SCENARIO_NAMES, type ScenarioName } from "../demo/scenario.ts";
import type { Frontend } from "../demo/simulated_vllm.ts";
import type { Arguments } from "./arguments.ts";

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

/** A whole number within bounds, or the default. */
function whole(
  args: Arguments<"demo">,
  name: "servers" | "engines" | "seed",
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const text = args.get(name);
  const value = text === undefined ? 1 : /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  args.addMistake(`--${name} must be a whole number from ${min} to ${max}: "${text}".`);
  return 1;
}

function scenarioOf(args: Arguments<"demo">): ScenarioName {
  const text = args.get("scenario") ?? SCENARIO_NAMES[0];
  const found = SCENARIO_NAMES.find((name) => name === text);
  if (found !== undefined) return found;
  const names = `${SCENARIO_NAMES.slice(0, -1).join(", ")} or ${SCENARIO_NAMES.at(-1)}`;
  args.addMistake(`--scenario must be ${names}: "${text}".`);
  return SCENARIO_NAMES[0];
}

/** Reads the options. */
export function readDemoOptions(args: Arguments<"demo">): DemoOptions {
  return {
    scenario: scenarioOf(args),
    servers: whole(args, "servers", { min: 1, max: MAX_SERVERS }),
    engines: whole(args, "engines", { min: 1, max: MAX_ENGINES }),
    frontend: args.has("openmetrics") ? "rust" : "python",
    seed: whole(args, "seed", { min: 0, max: MAX_SEED }),
  };
}
