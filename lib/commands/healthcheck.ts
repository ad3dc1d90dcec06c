/** `vllm-metrics healthcheck`: asks the running service, for containers without a shell. */

import { STATUS_CODE } from "@std/http/status";
import { defaultOf, type SettingName } from "../config/setting_list.ts";
import { parseAddress } from "../config/values.ts";
import type { ReadyAnswer } from "./ask_tls.ts";
import { readEnvironment } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";
import { reachableAddress } from "./service_address.ts";

/** How long the service may take to answer, in milliseconds. */
const TIMEOUT_MS = 3_000;

/** How the service is asked. */
type Scheme = "http" | "https";

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
  const scheme = (env.TLS_CERT_FILE ?? "").trim() === "" ? "http" : "https";
  const problems = await Promise.all(
    names.map((name) => problemOf(name, env[name]?.trim() || defaultOf(name), scheme)),
  );
  const found = problems.filter((problem) => problem !== undefined);
  for (const problem of found) host.printError(`vllm-metrics healthcheck: ${problem}\n`);
  return found.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Asks one address; gives what is wrong with the service there, or with the setting. */
async function problemOf(
  name: SettingName,
  address: string,
  scheme: Scheme,
): Promise<string | undefined> {
  const parsed = parseAddress(address);
  if (!parsed.ok) return `${name}: ${parsed.problem}`;
  const { hostname, port } = reachableAddress(parsed.value);
  const url = `${scheme}://${hostname}:${port}/-/ready`;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const { status, text } = scheme === "https"
      ? await (await import("./ask_tls.ts")).askTls(url, signal)
      : await askPlain(url, { hostname, port, signal });
    return status === STATUS_CODE.OK ? undefined : `"${url}" answered ${status}: ${text.trim()}`;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `cannot reach "${url}": ${signal.aborted ? "no answer in time" : "no connection"}`;
  }
}

async function askPlain(
  url: string,
  { hostname, port, signal }: { hostname: string; port: number; signal: AbortSignal },
): Promise<ReadyAnswer> {
  // Straight to the service: HTTP_PROXY, which containers often have, is for other machines.
  using client = Deno.createHttpClient({ proxy: { transport: "tcp", hostname, port } });
  const response = await fetch(url, { client, signal });
  return { status: response.status, text: await response.text() };
}
