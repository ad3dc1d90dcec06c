/** Reads the configuration of a command, or prints every mistake in it. */

import { type Config, type ConfigResult, parseConfig } from "../config/config.ts";
import { type Environment, mergeEnvFile } from "../config/env_file.ts";
import { createClient } from "../net/client.ts";
import type { Host } from "./host.ts";

/** The file beside which the service runs; missing is fine. */
const ENV_FILE = ".env";
/** Where vLLM serves its metrics by default. */
const LOCAL_URL = "http://localhost:8000/metrics";
/** Limits of the request there: a vLLM on this machine answers soon. */
const LOCAL_LIMITS = { timeoutMs: 2_000, maxBytes: 16 * 1024 * 1024 } as const;

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

/** The environment to use, and a sentence about the vLLM on this machine, if that was tried. */
export interface LocalVllm {
  /** The environment; with `VLLM_METRICS_URL` if a vLLM was found. */
  readonly env: Environment;
  /** What was found; absent when `VLLM_METRICS_URL` is set. */
  readonly note?: string;
}

/** Sets `VLLM_METRICS_URL` to the local vLLM if it is not set and there is one. */
export async function withLocalVllm(env: Environment): Promise<LocalVllm> {
  if ((env.VLLM_METRICS_URL ?? "").trim() !== "") return { env };
  const reason = await whyNoLocalVllm();
  if (reason !== undefined) {
    return { env, note: `VLLM_METRICS_URL: no vLLM found at "${LOCAL_URL}" either: ${reason}.` };
  }
  const note = `VLLM_METRICS_URL: is not set. Using the vLLM found at "${LOCAL_URL}".`;
  return { env: { ...env, VLLM_METRICS_URL: LOCAL_URL }, note };
}

async function whyNoLocalVllm(): Promise<string | undefined> {
  using client = createClient();
  try {
    const { status, body } = await client.request(new URL(LOCAL_URL), LOCAL_LIMITS);
    const text = await body.text();
    if (status !== 200) return `the answer is HTTP ${status}`;
    return /^vllm:/m.test(text) ? undefined : "the answer has no metrics of vLLM";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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

/** Reads the configuration of a command, and prints its warnings if they concern the command. */
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

function configOrMistakes<C>(host: Host, result: ConfigResult<C>): C | undefined {
  if (result.ok) return result.config;
  const lines = [...result.mistakes, ...result.warnings.map((warning) => `warning: ${warning}`)];
  host.printError(
    ["vllm-metrics: the configuration has mistakes:", ...lines.map((line) => `  ${line}`)]
      .concat("See vllm-metrics help.\n").join("\n"),
  );
  return undefined;
}
