/** Reads the configuration of a command, or prints every error in it. */

import { type Config, type ConfigResult, parseConfig } from "../config/config.ts";
import { type Environment, mergeEnvFile } from "../config/env_file.ts";
import type { Host } from "./host.ts";
import { withLocalVllm } from "./local_vllm.ts";

/** The file beside which the service runs; missing is fine. */
const ENV_FILE = ".env";

/** Why the `.env` file cannot be read; undefined for an unexpected error. */
function envFileProblem(error: unknown): string | undefined {
  // Docker makes a folder where a file that is to be mounted does not exist.
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  if (error instanceof Deno.errors.PermissionDenied) return "the service may not read it";
  if (error instanceof Deno.errors.NotCapable) return "the service may not read it";
  return undefined;
}

/** Puts the environment over the `.env` file. */
export function readEnvironment(host: Host): Environment | undefined {
  let text = "";
  try {
    text = host.readTextFile(ENV_FILE);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      const problem = envFileProblem(error);
      if (problem === undefined) throw error;
      host.printError(`vllm-metrics: cannot read "${ENV_FILE}": ${problem}.\n`);
      return undefined;
    }
  }
  return mergeEnvFile(host.env, text);
}

/** Reads the configuration of the service; without `VLLM_METRICS_URL`, looks for a local vLLM. */
export async function configure(
  host: Host,
): Promise<{ readonly config: Config; readonly warnings: readonly string[] } | undefined> {
  const env = readEnvironment(host);
  if (env === undefined) return undefined;
  const local = await withLocalVllm(env);
  const result = parseConfig(local.env, (path) => host.readTextFile(path));
  const warnings = [...local.note === undefined ? [] : [local.note], ...result.warnings];
  const config = configOrMistakes(host, { ...result, warnings });
  return config && { config, warnings };
}

/** Reads the configuration of a command, and prints its warnings if the command does not. */
export function configureWith<C>(
  host: Host,
  parse: (env: Environment, readFile: (path: string) => string) => ConfigResult<C>,
  printWarnings = false,
): C | undefined {
  const env = readEnvironment(host);
  if (env === undefined) return undefined;
  const result = parse(env, (path) => host.readTextFile(path));
  for (const warning of result.ok && printWarnings ? result.warnings : []) {
    host.printError(`vllm-metrics: warning: ${warning}\n`);
  }
  return configOrMistakes(host, result);
}

/** Returns the configuration, or prints its mistakes. */
function configOrMistakes<C>(host: Host, result: ConfigResult<C>): C | undefined {
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
