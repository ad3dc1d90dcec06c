/** The service as a process of its own, with both listeners over TLS. */

import { closedPort } from "../net/fakes.ts";
import { type Running, startServe } from "./process.ts";

/** The path of a file of `tests/testdata/tls/`. */
function pathOf(name: string): string {
  return new URL(`../testdata/tls/${name}`, import.meta.url).pathname;
}

/** The settings that make both listeners show a certificate. */
export function certificate(name: string): Record<string, string> {
  return { TLS_CERT_FILE: pathOf(`${name}.pem`), TLS_KEY_FILE: pathOf(`${name}.key`) };
}

/** The service with both listeners. */
export interface TlsService extends AsyncDisposable {
  /** The process. */
  readonly process: Running;
  /** What commands that ask it need to know. */
  readonly env: Record<string, string>;
  /** The ports: metrics, relay. */
  readonly ports: readonly [string, string];
}

/** Starts it; without a certificate among the settings, it speaks plain HTTP. */
export async function startTls(settings: Record<string, string>): Promise<TlsService> {
  const otlpPort = String(closedPort());
  const env: Record<string, string> = {
    VLLM_METRICS_URL: "http://127.0.0.1:9",
    PARSEABLE_URL: "http://127.0.0.1:9",
    OTLP_LISTEN_ADDRESS: `127.0.0.1:${otlpPort}`,
    ...settings,
  };
  const process = await startServe({ env });
  await process.log.seen('msg="Relaying OTLP"');
  const { port } = new URL(await process.origin());
  return {
    process,
    env: { ...env, LISTEN_ADDRESS: `0.0.0.0:${port}` },
    ports: [port, otlpPort],
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
