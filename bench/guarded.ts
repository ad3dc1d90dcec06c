/** The service with its doors guarded in one of several ways, in front of what stands for vLLM and Parseable. */

import type { Run as BenchRun } from "./run.ts";
import { freePort, type Started, startProcess } from "./servers.ts";

const ROOT = new URL("..", import.meta.url).pathname;
/** Where the certificates of the tests are. */
export const TLS = `${ROOT}tests/testdata/tls`;
const TOKEN = "a-token-of-sufficient-length";
const SCRAPE = JSON.stringify({
  resourceMetrics: [{
    scopeMetrics: [{ metrics: [{ name: "a", gauge: { dataPoints: [{ asDouble: 1 }] } }] }],
  }],
});

/** How the doors are guarded. */
export interface Guard {
  name: string;
  isTls: boolean;
  hasToken: boolean;
}

export const GUARDS: readonly Guard[] = [
  { name: "plain", isTls: false, hasToken: false },
  { name: "token", isTls: false, hasToken: true },
  { name: "TLS", isTls: true, hasToken: false },
  { name: "TLS and token", isTls: true, hasToken: true },
];

/** What the whole run shares. */
export interface Run extends BenchRun {
  rounds: number;
  seconds: number;
}

/** The service, and how to ask it. */
export interface Doors extends AsyncDisposable {
  started: Started;
  metricsPort: number;
  relayPort: number;
  /** Scrapes once. */
  scrape(client: Deno.HttpClient): Promise<number>;
  /** Sends the relay one scrape. */
  post(client: Deno.HttpClient): Promise<number>;
}

/** A client that keeps its connections, or makes one for each request. */
export function createClient(keepsConnections: boolean): Deno.HttpClient {
  return Deno.createHttpClient({
    caCerts: [Deno.readTextFileSync(`${TLS}/ca.pem`)],
    http2: false,
    ...(keepsConnections ? {} : { poolMaxIdlePerHost: 0 }),
  });
}

/** Starts what stands for vLLM and Parseable, and the service in front of both. */
export async function startDoors(run: Run, guard: Guard): Promise<Doors> {
  const { dir, signal, denoArgs } = run;
  await using stack = new AsyncDisposableStack();
  const deno = ["run", "-q", "--config", `${ROOT}deno.json`, ...denoArgs];
  const [originPort, sinkPort, metricsPort, relayPort] = [
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ];
  const command = Deno.execPath();
  const scripts: [string, number, string[]][] = [
    ["origin", originPort, [`${ROOT}tests/testdata/vllm/during-load-c40.txt`]],
    ["sink", sinkPort, []],
  ];
  for (const [name, port, more] of scripts) {
    const bare = ["--allow-net=127.0.0.1", "--allow-read", `${ROOT}bench/${name}.ts`];
    const url = `http://127.0.0.1:${port}/metrics`;
    const args = [...deno, ...bare, "--port", String(port), ...more];
    stack.use(await startProcess({ command, args }, { name, url, dir, signal }));
  }
  const scheme = guard.isTls ? "https" : "http";
  const service: Record<string, string> = {
    VLLM_METRICS_URL: `http://127.0.0.1:${originPort}/metrics`,
    PARSEABLE_URL: `http://127.0.0.1:${sinkPort}`,
    LISTEN_ADDRESS: `127.0.0.1:${metricsPort}`,
    OTLP_LISTEN_ADDRESS: `127.0.0.1:${relayPort}`,
    MAX_SCRAPES_PER_SECOND: "100000",
    LOG_LEVEL: "warn",
    ...(guard.hasToken ? { METRICS_BEARER_TOKEN: TOKEN } : {}),
    ...(guard.isTls
      ? { TLS_CERT_FILE: `${TLS}/server.pem`, TLS_KEY_FILE: `${TLS}/server.key` }
      : {}),
  };
  using trusting = createClient(true);
  const started = stack.use(
    await startProcess({
      command,
      args: [...deno, "-P=serve", `${ROOT}main.ts`, "serve"],
      env: service,
    }, {
      name: guard.name,
      url: `${scheme}://localhost:${relayPort}/-/ready`,
      dir,
      signal,
      client: trusting,
    }),
  );
  const held = stack.move();
  async function statusOf(
    url: string,
    init: RequestInit & { client: Deno.HttpClient },
  ): Promise<number> {
    const response = await fetch(url, init);
    await response.bytes();
    return response.status;
  }
  const authorization = guard.hasToken ? { authorization: `Bearer ${TOKEN}` } : undefined;
  return {
    started,
    metricsPort,
    relayPort,
    scrape: (client) =>
      statusOf(`${scheme}://localhost:${metricsPort}/metrics`, {
        client,
        ...(authorization === undefined ? {} : { headers: authorization }),
      }),
    post: (client) =>
      statusOf(`${scheme}://localhost:${relayPort}/v1/metrics`, {
        client,
        method: "POST",
        body: SCRAPE,
        headers: { "content-type": "application/json", authorization: "Basic c2hpcHBlcjp4" },
      }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
