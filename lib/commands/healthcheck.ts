/** `vllm-metrics healthcheck`: asks the running service, for containers without a shell. */

import type { Environment } from "../config/env_file.ts";
import { type Command, command } from "./command.ts";
import { readEnvironment } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";
import { type ListenerName, localClient } from "./local_client.ts";

/** How long the service may take to answer, in milliseconds. */
const TIMEOUT_MS = 3_000;

/**
 * Asks `/-/ready` on the address that LISTEN_ADDRESS names and, with the relay
 * on, on the one that OTLP_LISTEN_ADDRESS names.
 */
export const healthcheck: Command = command(
  {
    name: "healthcheck",
    summary: "ask the running service whether it is ready",
    details: "For containers without a shell.",
    options: [],
    exit: "0 ready, 1 not ready",
    settings: "LISTEN_ADDRESS, OTLP_LISTEN_ADDRESS, PARSEABLE_URL, TLS_CERT_FILE",
  },
  () => {},
  async (host) => {
    const env = readEnvironment(host);
    if (env === undefined) return EXIT.failed;
    const hasRelay = (env.PARSEABLE_URL ?? "").trim() !== "";
    const names = [
      "LISTEN_ADDRESS",
      ...(hasRelay ? ["OTLP_LISTEN_ADDRESS" as const] : []),
    ] as const;
    const problems = await Promise.all(names.map((name) => problemOf(host, env, name)));
    const found = problems.filter((problem) => problem !== undefined);
    for (const problem of found) host.printError(`vllm-metrics healthcheck: ${problem}\n`);
    return found.length === 0 ? EXIT.ok : EXIT.failed;
  },
);

/** Checks one listener; returns what is wrong with the service or the setting. */
async function problemOf(
  host: Host,
  env: Environment,
  name: ListenerName,
): Promise<string | undefined> {
  const found = localClient(env, name, (path) => host.readTextFile(path));
  if (typeof found === "string") return found;
  using listener = found;
  const url = `${listener.origin}/-/ready`;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await listener.get("/-/ready", signal);
    const text = (await response.text()).trim();
    return response.status === 200 ? undefined : `"${url}" answered ${response.status}: ${text}`;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `cannot reach "${url}": ${signal.aborted ? "no answer in time" : "no connection"}`;
  }
}
