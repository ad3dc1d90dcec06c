/** What docs/troubleshooting.md names, each broken on purpose. */

import { closedPort, NO_SUCH_HOST, serveHttp, serveRaw } from "../net/fakes.ts";
import { startService, until } from "../fakes.ts";
import { ADMIN } from "../parseable/fake_api.ts";
import {
  type Env,
  fileOf,
  hostOf,
  metricsOf,
  startDelivery,
  startReading,
  startRows,
} from "./stages.ts";

/**
 * A row of the table: its first cell; the hop that must be named, with its status; what must stand
 * there, before or behind the arrow; what breaks that and gives the settings, whose parts go onto
 * the stack; hops that fail with it, in their order behind it.
 */
export type Symptom = readonly [
  symptom: string,
  hop: string,
  words: RegExp,
  stage: (stack: AsyncDisposableStack) => Promise<Env>,
  failed?: readonly string[],
];

/** A vLLM that answers one thing, with a service beside it that is fine. */
function vllmThat(
  answer: () => Response | Promise<Response>,
  more: Env = {},
): (stack: AsyncDisposableStack) => Promise<Env> {
  return async (stack) => {
    const vllm = stack.use(serveHttp(answer));
    return { ...await startReading(stack), VLLM_METRICS_URL: `${vllm.origin}/metrics`, ...more };
  };
}

/** A vLLM at an address that leads to none, with a service beside it that is fine. */
function vllmAt(url: () => string): (stack: AsyncDisposableStack) => Promise<Env> {
  return async (stack) => ({ ...await startReading(stack), VLLM_METRICS_URL: url() });
}

/** All rows. */
export const SYMPTOMS: readonly Symptom[] = [
  [
    '502, "connection refused"',
    "TCP failed",
    /connection refused → Is vLLM running/,
    vllmAt(() => `http://127.0.0.1:${closedPort()}/metrics`),
  ],
  [
    "502, the name cannot be resolved",
    "name failed",
    /host name ".*" not found → Is the name right\?/,
    vllmAt(() => `http://${NO_SUCH_HOST}:8000/metrics`),
  ],
  ["502, TLS", "TLS failed", /unknown authority → Set VLLM_TLS_CA_FILE/, async (stack) => {
    const vllm = stack.use(serveHttp(() => metricsOf("idle"), "self"));
    return { ...await startReading(stack), VLLM_METRICS_URL: `${vllm.origin}/metrics` };
  }],
  ["504", "HTTP failed", /no answer within 100ms → .*SCRAPE_TIMEOUT/, async (stack) => {
    const vllm = stack.use(serveRaw(({ gone }) => gone()));
    const env = await startReading(stack);
    return { ...env, VLLM_METRICS_URL: vllm.origin, SCRAPE_TIMEOUT: "100ms" };
  }],
  [
    "502, status 401 or 403",
    "HTTP failed",
    /status 401 .*→ .*VLLM_BEARER_TOKEN/,
    vllmThat(() => new Response("", { status: 401 })),
  ],
  [
    "502, status 404",
    "HTTP failed",
    /status 404 .*→ Is the path right\?/,
    vllmThat(() => new Response("", { status: 404 })),
  ],
  [
    "502, a redirect",
    "HTTP failed",
    /redirected to another server, "http:\/\/vllm\.example" → .*set VLLM_METRICS_URL/,
    vllmThat(() => Response.redirect("http://vllm.example/metrics")),
  ],
  [
    "502, an HTML page or JSON",
    "format failed",
    /the server sent an HTML or XML page → .*no login page/,
    vllmThat(() => new Response("<!doctype html><title>Log in</title>")),
  ],
  [
    "502, too large",
    "HTTP failed",
    /too large.*→ Set MAX_BODY_BYTES higher/,
    vllmThat(() => metricsOf("during-load-c40"), { MAX_BODY_BYTES: "10KiB" }),
  ],
  [
    "502, or a reply that breaks off",
    "HTTP failed",
    /closed the connection in the middle of the body/,
    async (stack) => {
      const half = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nvllm:up 1\n";
      const vllm = stack.use(serveRaw(({ send }) => send(half)));
      return { ...await startReading(stack), VLLM_METRICS_URL: vllm.origin };
    },
  ],
  [
    "`vllm:` metrics are missing, others are there",
    "statistics failed",
    /no vllm: family → Start vLLM without --disable-log-stats/,
    vllmThat(() => metricsOf("nostats-after-load")),
  ],
  [
    'The page says "no traffic"',
    "statistics warn",
    /no traffic → Send vLLM a request/,
    vllmThat(() => metricsOf("idle")),
  ],
  [
    "503, too many requests",
    "readers warn",
    /\d requests were refused, since too many came at once → A client hangs/,
    async (stack) => {
      const hanging = stack.use(serveRaw(({ gone }) => gone()));
      const service = stack.use(startService(hanging.origin));
      const over = new AbortController();
      const readers = Array.from({ length: 40 }, async () => {
        const response = await fetch(`${service.origin}/metrics`, { signal: over.signal });
        await response.body?.cancel();
      });
      const settled = Promise.allSettled(readers);
      stack.defer(async () => {
        over.abort();
        await settled;
      });
      await until(async () => {
        const figures = await service.ownMetrics();
        return (figures.get("vllm_metrics_requests_refused_total") ?? 0) > 0 || undefined;
      }, "a request that is refused");
      return { ...await startReading(stack), LISTEN_ADDRESS: hostOf(service.origin) };
    },
  ],
  [
    "One of several servers is missing at `/metrics`",
    "TCP failed",
    /connection refused/,
    async (stack) => {
      const env = await startReading(stack);
      const down = `http://127.0.0.1:${closedPort()}/metrics`;
      return { ...env, VLLM_METRICS_URL: `a=${down},b=${env.VLLM_METRICS_URL}` };
    },
  ],
  [
    "`vllm_metrics_dropped_lines_total` rises",
    "scrapes warn",
    /lines were dropped: 1 bad_value → vllm-metrics sanitize/,
    (stack) => startReading(stack, () => new Response("vllm:up one\nvllm:up 1\n")),
    ["statistics"],
  ],
  [
    'It does not start, "the port is in use"',
    "listener failed",
    /is not vllm-metrics .*→ Another program has the port: .* LISTEN_ADDRESS/,
    async (stack) => {
      const prometheus = stack.use(serveHttp(() => new Response("Prometheus Server is Ready.\n")));
      return { ...await startReading(stack), LISTEN_ADDRESS: hostOf(prometheus.origin) };
    },
  ],
  [
    "401 on this service's `/metrics`",
    "readers warn",
    /11 requests were answered 401 → Give the client METRICS_USERNAME/,
    async (stack) => {
      const access = { METRICS_USERNAME: "reader", METRICS_PASSWORD: "a good long password" };
      const { env, metrics } = await startDelivery(stack, access);
      // A reader goes on; a browser asks once before it asks its user for credentials.
      for (let count = 0; count < 11; count++) {
        await (await fetch(`${metrics}/metrics`)).body?.cancel();
      }
      return env;
    },
  ],
  [
    "A reader says that this service's certificate expired",
    "certificate failed",
    /expired → Renew the file of TLS_CERT_FILE; no restart is needed/,
    async (stack) => {
      const tls = { TLS_CERT_FILE: fileOf("expired.pem"), TLS_KEY_FILE: fileOf("expired.key") };
      return (await startDelivery(stack, tls)).env;
    },
  ],
  [
    'Fluent Bit: "error decoding Prometheus Text format"',
    "readers warn",
    /nobody has read \/metrics yet → .*and not vLLM itself\?/,
    async (stack) => {
      const { env, feed } = await startDelivery(stack);
      await feed(ADMIN);
      return env;
    },
  ],
  [
    '"The relay is off" in the log',
    "relay skipped",
    /PARSEABLE_URL is not set/,
    (stack) => startReading(stack),
  ],
  [
    '"Parseable does not take data", connection refused',
    "relayed warn",
    /Parseable did not answer .*→ Is Parseable running/,
    async (stack) => {
      const { env, feed, parseable } = await startDelivery(stack);
      await parseable[Symbol.asyncDispose]();
      await feed(ADMIN);
      return env;
    },
    ["liveness"],
  ],
  [
    '"Parseable does not take data", 403',
    "relayed warn",
    /Parseable answered 403 .*→ The P_USERNAME or P_PASSWORD that Fluent Bit sends is wrong/,
    async (stack) => {
      const { env, feed } = await startDelivery(stack);
      await feed({ ...ADMIN, P_PASSWORD: "wrong" });
      return env;
    },
  ],
  [
    '"Parseable refuses data for good"',
    "stream failed",
    /was created for logs and cannot store metrics → Delete it/,
    async (stack) => {
      const { env, feed, parseable } = await startDelivery(stack);
      parseable.state.streams.set("vLLMmetrics", {
        columns: [],
        source: "json",
        retention: [],
        firstEventAt: undefined,
      });
      await feed(ADMIN);
      return { ...env, ...ADMIN };
    },
  ],
  [
    "`provision` or `check`: Parseable answered 403",
    "credentials failed",
    /answered 403.*→ The user name or password is wrong/,
    async (stack) => {
      const { env } = await startDelivery(stack);
      return { ...env, ...ADMIN, P_PASSWORD: "wrong" };
    },
  ],
  [
    "Parseable has no rows, or none of late",
    "newest row failed",
    /the newest row is 10 min old → Rows no longer arrive/,
    (stack) => startRows(stack, { ageSeconds: 600 }),
  ],
  [
    "Rows are missing, though all is well",
    "relayed warn",
    /cannot store them: 1 value_not_finite → See vllm_metrics_relay_points_dropped_total/,
    async (stack) => {
      const { env, feed } = await startDelivery(stack);
      await feed(ADMIN, "NaN");
      return env;
    },
  ],
  [
    "Parseable has no dashboards",
    "dashboards warn",
    /no dashboards of vllm-metrics .*→ Run vllm-metrics provision/,
    (stack) => startRows(stack, { ageSeconds: 1 }),
  ],
];
