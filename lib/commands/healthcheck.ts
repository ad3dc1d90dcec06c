/** `vllm-metrics healthcheck`: asks the running service, for containers without a shell. */

import { parseAddress } from "../config/values.ts";
import { readEnvironment } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";

/** The default of LISTEN_ADDRESS. */
const DEFAULT_ADDRESS = "0.0.0.0:9090";
/** How long the service may take to answer, in milliseconds. */
const TIMEOUT_MS = 3_000;

/** An address that stands for all of them is reached by the loopback one. */
function reachable(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  if (hostname === "::") return "[::1]";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/**
 * Asks `/-/ready` on the address that LISTEN_ADDRESS names.
 *
 * @param host The process.
 * @returns 0 when the service is ready, 1 when it is not.
 */
export async function healthcheck(host: Host): Promise<number> {
  const env = readEnvironment(host);
  if (env === undefined) return EXIT.failed;
  const parsed = parseAddress(env.LISTEN_ADDRESS?.trim() || DEFAULT_ADDRESS);
  if (!parsed.ok) {
    host.printError(`vllm-metrics healthcheck: LISTEN_ADDRESS: ${parsed.problem}\n`);
    return EXIT.failed;
  }
  const hostname = reachable(parsed.value.hostname);
  const { port } = parsed.value;
  const url = `http://${hostname}:${port}/-/ready`;
  // Straight to the service: HTTP_PROXY, which containers often have, is for other machines.
  using client = Deno.createHttpClient({ proxy: { transport: "tcp", hostname, port } });
  try {
    const response = await fetch(url, { client, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = (await response.text()).trim();
    if (response.ok) return EXIT.ok;
    host.printError(`vllm-metrics healthcheck: "${url}" answered ${response.status}: ${text}\n`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason = error.name === "TimeoutError" ? "no answer in time" : "no connection";
    host.printError(`vllm-metrics healthcheck: cannot reach "${url}": ${reason}\n`);
  }
  return EXIT.failed;
}
