/** `vllm-metrics healthcheck`: asks the running service, for containers without a shell. */

import { defaultOf, type SettingName } from "../config/setting_list.ts";
import { parseAddress } from "../config/values.ts";
import { readEnvironment } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";
import { reachableAddress } from "./service_address.ts";

/** How long the service may take to answer, in milliseconds. */
const TIMEOUT_MS = 3_000;

/**
 * Asks `/-/ready` on the address that LISTEN_ADDRESS names and, with the relay
 * on, on the one that OTLP_LISTEN_ADDRESS names.
 *
 * @param host The process.
 * @returns 0 when the service is ready on both, 1 when it is not.
 */
export async function healthcheck(host: Host): Promise<number> {
  const env = readEnvironment(host);
  if (env === undefined) return EXIT.failed;
  const hasRelay = (env.PARSEABLE_URL ?? "").trim() !== "";
  const names = ["LISTEN_ADDRESS", ...(hasRelay ? ["OTLP_LISTEN_ADDRESS" as const] : [])] as const;
  const problems = await Promise.all(
    names.map((name) => problemOf(name, env[name]?.trim() || defaultOf(name))),
  );
  const found = problems.filter((problem) => problem !== undefined);
  for (const problem of found) host.printError(`vllm-metrics healthcheck: ${problem}\n`);
  return found.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Asks one address; gives what is wrong with the service there, or with the setting. */
async function problemOf(name: SettingName, address: string): Promise<string | undefined> {
  const parsed = parseAddress(address);
  if (!parsed.ok) return `${name}: ${parsed.problem}`;
  const { hostname, port } = reachableAddress(parsed.value);
  const url = `http://${hostname}:${port}/-/ready`;
  // Straight to the service: HTTP_PROXY, which containers often have, is for other machines.
  using client = Deno.createHttpClient({ proxy: { transport: "tcp", hostname, port } });
  try {
    const response = await fetch(url, { client, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = (await response.text()).trim();
    return response.ok ? undefined : `"${url}" answered ${response.status}: ${text}`;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason = error.name === "TimeoutError" ? "no answer in time" : "no connection";
    return `cannot reach "${url}": ${reason}`;
  }
}
