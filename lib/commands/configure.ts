/** Reads the configuration for a command, or tells the operator all that is wrong with it. */

import { type Config, parseConfig } from "../config/config.ts";
import { type Environment, mergeEnvFile } from "../config/env_file.ts";
import type { Host } from "./host.ts";

/** The file beside which the service runs; missing is fine. */
const ENV_FILE = ".env";

/** The environment with the `.env` file below it. */
export function readEnvironment(host: Host): Environment {
  let text = "";
  try {
    text = host.readTextFile(ENV_FILE);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return mergeEnvFile(host.env, text);
}

/**
 * Reads the configuration.
 *
 * @param host Where the environment and files come from, and where mistakes go.
 * @returns The configuration; undefined when it has mistakes, which are told on standard error.
 */
export function configure(host: Host): Config | undefined {
  const result = parseConfig(readEnvironment(host), (path) => host.readTextFile(path));
  if (result.ok) return result.config;
  const lines = [...result.mistakes, ...result.warnings.map((warning) => `warning: ${warning}`)];
  host.printError(
    `vllm-metrics: the configuration has mistakes:\n${
      lines.map((line) => `  ${line}\n`).join("")
    }` +
      `See vllm-metrics help.\n`,
  );
  return undefined;
}
