/** Pipelines that are fine, for tests that break one thing of them. */

import { startServe } from "../commands/process.ts";
import { capture, startService } from "../fakes.ts";
import { ADMIN, type FakeApi, serveApi } from "../parseable/fake_api.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";

/** Settings. */
export type Env = Readonly<Record<string, string>>;

/** A capture as an answer. */
export function metricsOf(name: string): Response {
  const { bytes, contentType } = capture(name);
  return new Response(bytes, { headers: { "content-type": contentType } });
}

/** The path of a file of `tests/testdata/tls/`. */
export function fileOf(name: string): string {
  return new URL(`../testdata/tls/${name}`, import.meta.url).pathname;
}

/** Host and port of an address. */
export function hostOf(origin: string): string {
  return new URL(origin).host;
}

/** Starts a vLLM and a service, which somebody has read; without Parseable. */
export async function startReading(
  stack: AsyncDisposableStack,
  answer: () => Response = () => metricsOf("during-load-c40"),
): Promise<Env> {
  const vllm = stack.use(serveHttp(answer));
  const service = stack.use(startService(vllm.origin));
  await (await service.get("/metrics")).bytes();
  return {
    VLLM_METRICS_URL: `${vllm.origin}/metrics`,
    LISTEN_ADDRESS: hostOf(service.origin),
  };
}

/** A whole pipeline; what Fluent Bit does is up to the test. */
export interface Delivery {
  /** The settings; without credentials for Parseable. */
  readonly env: Env;
  /** Where the service serves its metrics. */
  readonly metrics: string;
  /** Parseable. */
  readonly parseable: FakeApi;
  /** Sends a point to the relay as Fluent Bit does, with the credentials of a user. */
  feed(user: typeof ADMIN, value?: number | "NaN"): Promise<void>;
}

/** Starts vLLM, Parseable, and the service as a process of its own, with its relay. */
export async function startDelivery(
  stack: AsyncDisposableStack,
  settings: Env = {},
): Promise<Delivery> {
  const vllm = stack.use(serveHttp(() => metricsOf("during-load-c40")));
  const parseable = stack.use(serveApi());
  const relay = `127.0.0.1:${closedPort()}`;
  const env = {
    VLLM_METRICS_URL: `${vllm.origin}/metrics`,
    PARSEABLE_URL: parseable.origin,
    OTLP_LISTEN_ADDRESS: relay,
    ...settings,
  };
  const service = stack.use(await startServe({ env }));
  await service.log.seen('msg="Relaying OTLP"');
  const metrics = await service.origin();
  return {
    env: { ...env, LISTEN_ADDRESS: hostOf(metrics) },
    metrics,
    parseable,
    async feed({ P_USERNAME, P_PASSWORD }, value = 1): Promise<void> {
      const dataPoints = [{ timeUnixNano: `${Date.now()}000000`, asDouble: value }];
      const metric = { name: "vllm_num_requests_running", gauge: { dataPoints } };
      const response = await fetch(`http://${relay}/v1/metrics`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Basic ${btoa(`${P_USERNAME}:${P_PASSWORD}`)}`,
        },
        body: JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] }),
      });
      await response.bytes();
    },
  };
}

/** Starts a whole pipeline with rows in Parseable, every 2 s, the newest so old. */
export async function startRows(
  stack: AsyncDisposableStack,
  { ageSeconds }: { readonly ageSeconds: number },
): Promise<Env> {
  const { env, parseable, metrics, feed } = await startDelivery(stack);
  await (await fetch(`${metrics}/metrics`)).bytes();
  await feed(ADMIN);
  const newest = Date.now() - ageSeconds * 1_000;
  const rows = Array.from({ length: 20 }, (_, index) => ({
    "metric_name": "vllm_num_requests_running",
    "time_unix_nano": new Date(newest - 2_000 * index).toISOString().replace("Z", ""),
  }));
  const stream = parseable.state.streams.get("vLLMmetrics");
  if (stream === undefined) throw new Error("The relay has stored nothing");
  parseable.state.streams.set("vLLMmetrics", { ...stream, rows, count: 20 });
  return { ...env, ...ADMIN };
}
