/** What docs/troubleshooting.md names, each broken on purpose. */

import { closedPort, NO_SUCH_HOST, serveHttp, serveRaw } from "../upstream/fakes.ts";
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

/** A row of the table, and what `check` must say of it. */
export interface Symptom {
  /** The first cell of the row. */
  readonly symptom: string;
  /** Breaks that; gives the settings. What it starts goes onto the stack. */
  readonly stage: (stack: AsyncDisposableStack) => Promise<Env>;
  /** The hop that must be named. */
  readonly hop: string;
  /** What it must be. */
  readonly status: "warn" | "failed" | "skipped";
  /** What must stand there, before or behind the arrow. */
  readonly words: RegExp;
  /** Hops that fail with it, in their order behind it. */
  readonly failed?: readonly string[];
}

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

const REACHING: readonly Symptom[] = [
  {
    symptom: '502, "connection refused"',
    stage: vllmAt(() => `http://127.0.0.1:${closedPort()}/metrics`),
    hop: "TCP",
    status: "failed",
    words: /connection refused → Is vLLM running/,
  },
  {
    symptom: "502, the name cannot be resolved",
    stage: vllmAt(() => `http://${NO_SUCH_HOST}:8000/metrics`),
    hop: "name",
    status: "failed",
    words: /host name ".*" not found → Is the name right\?/,
  },
  {
    symptom: "502, TLS",
    stage: async (stack) => {
      const vllm = stack.use(serveHttp(() => metricsOf("idle"), "self"));
      return { ...await startReading(stack), VLLM_METRICS_URL: `${vllm.origin}/metrics` };
    },
    hop: "TLS",
    status: "failed",
    words: /unknown authority → Set VLLM_TLS_CA_FILE/,
  },
  {
    symptom: "504",
    stage: async (stack) => {
      const vllm = stack.use(serveRaw(({ gone }) => gone()));
      const env = await startReading(stack);
      return { ...env, VLLM_METRICS_URL: vllm.origin, SCRAPE_TIMEOUT: "100ms" };
    },
    hop: "HTTP",
    status: "failed",
    words: /no answer within 100ms → .*SCRAPE_TIMEOUT/,
  },
];

const ANSWERS: readonly Symptom[] = [
  {
    symptom: "502, status 401 or 403",
    stage: vllmThat(() => new Response("", { status: 401 })),
    hop: "HTTP",
    status: "failed",
    words: /status 401 .*→ .*VLLM_BEARER_TOKEN/,
  },
  {
    symptom: "502, status 404",
    stage: vllmThat(() => new Response("", { status: 404 })),
    hop: "HTTP",
    status: "failed",
    words: /status 404 .*→ Is the path right\?/,
  },
  {
    symptom: "502, a redirect",
    stage: vllmThat(() => Response.redirect("http://vllm.example/metrics")),
    hop: "HTTP",
    status: "failed",
    words: /redirected to another server, "http:\/\/vllm\.example" → .*set VLLM_METRICS_URL/,
  },
  {
    symptom: "502, an HTML page or JSON",
    stage: vllmThat(() => new Response("<!doctype html><title>Log in</title>")),
    hop: "format",
    status: "failed",
    words: /the server sent an HTML or XML page → .*no login page/,
  },
  {
    symptom: "502, too large",
    stage: vllmThat(() => metricsOf("during-load-c40"), { MAX_BODY_BYTES: "10KiB" }),
    hop: "HTTP",
    status: "failed",
    words: /too large.*→ Set MAX_BODY_BYTES higher/,
  },
  {
    symptom: "502, or a reply that breaks off",
    stage: async (stack) => {
      const half = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nvllm:up 1\n";
      const vllm = stack.use(serveRaw(({ send }) => send(half)));
      return { ...await startReading(stack), VLLM_METRICS_URL: vllm.origin };
    },
    hop: "HTTP",
    status: "failed",
    words: /closed the connection in the middle of the body/,
  },
  {
    symptom: "`vllm:` metrics are missing, others are there",
    stage: vllmThat(() => metricsOf("nostats-after-load")),
    hop: "statistics",
    status: "failed",
    words: /no vllm: family → Start vLLM without --disable-log-stats/,
  },
  {
    symptom: 'The page says "no traffic"',
    stage: vllmThat(() => metricsOf("idle")),
    hop: "statistics",
    status: "warn",
    words: /no traffic → Send vLLM a request/,
  },
];

const SERVICE: readonly Symptom[] = [
  {
    symptom: "503, too many requests",
    stage: async (stack) => {
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
    hop: "readers",
    status: "warn",
    words: /\d requests were refused, since too many came at once → A client hangs/,
  },
  {
    symptom: "One of several servers is missing at `/metrics`",
    stage: async (stack) => {
      const env = await startReading(stack);
      const down = `http://127.0.0.1:${closedPort()}/metrics`;
      return { ...env, VLLM_METRICS_URL: `a=${down},b=${env.VLLM_METRICS_URL}` };
    },
    hop: "TCP",
    status: "failed",
    words: /connection refused/,
  },
  {
    symptom: "`vllm_metrics_dropped_lines_total` rises",
    stage: (stack) => startReading(stack, () => new Response("vllm:up one\nvllm:up 1\n")),
    hop: "scrapes",
    status: "warn",
    words: /lines were dropped: 1 bad_value → vllm-metrics sanitize/,
    failed: ["statistics"],
  },
  {
    symptom: 'It does not start, "the port is in use"',
    stage: async (stack) => {
      const prometheus = stack.use(serveHttp(() => new Response("Prometheus Server is Ready.\n")));
      return { ...await startReading(stack), LISTEN_ADDRESS: hostOf(prometheus.origin) };
    },
    hop: "listener",
    status: "failed",
    words: /is not vllm-metrics .*→ Another program has the port: .* LISTEN_ADDRESS/,
  },
  {
    symptom: "401 on this service's `/metrics`",
    stage: async (stack) => {
      const access = { METRICS_USERNAME: "reader", METRICS_PASSWORD: "a good long password" };
      const { env, metrics } = await startDelivery(stack, access);
      // A reader goes on; a browser asks once before it asks its user for credentials.
      for (let count = 0; count < 11; count++) {
        await (await fetch(`${metrics}/metrics`)).body?.cancel();
      }
      return env;
    },
    hop: "readers",
    status: "warn",
    words: /11 requests were answered 401 → Give the client METRICS_USERNAME/,
  },
  {
    symptom: "A reader says that this service's certificate expired",
    stage: async (stack) => {
      const tls = { TLS_CERT_FILE: fileOf("expired.pem"), TLS_KEY_FILE: fileOf("expired.key") };
      return (await startDelivery(stack, tls)).env;
    },
    hop: "certificate",
    status: "failed",
    words: /expired → Renew the file of TLS_CERT_FILE; no restart is needed/,
  },
  {
    symptom: 'Fluent Bit: "error decoding Prometheus Text format"',
    stage: async (stack) => {
      const { env, feed } = await startDelivery(stack);
      await feed(ADMIN);
      return env;
    },
    hop: "readers",
    status: "warn",
    words: /nobody has read \/metrics yet → .*and not vLLM itself\?/,
  },
];

const PARSEABLE: readonly Symptom[] = [
  {
    symptom: '"The relay is off" in the log',
    stage: (stack) => startReading(stack),
    hop: "relay",
    status: "skipped",
    words: /PARSEABLE_URL is not set/,
  },
  {
    symptom: '"Parseable does not take data", connection refused',
    stage: async (stack) => {
      const { env, feed, parseable } = await startDelivery(stack);
      await parseable[Symbol.asyncDispose]();
      await feed(ADMIN);
      return env;
    },
    hop: "relayed",
    status: "warn",
    words: /Parseable did not answer .*→ Is Parseable running/,
    failed: ["liveness"],
  },
  {
    symptom: '"Parseable does not take data", 403',
    stage: async (stack) => {
      const { env, feed } = await startDelivery(stack);
      await feed({ ...ADMIN, P_PASSWORD: "wrong" });
      return env;
    },
    hop: "relayed",
    status: "warn",
    words: /Parseable answered 403 .*→ The P_USERNAME or P_PASSWORD that Fluent Bit sends is wrong/,
  },
  {
    symptom: '"Parseable refuses data for good"',
    stage: async (stack) => {
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
    hop: "stream",
    status: "failed",
    words: /was created for logs and cannot store metrics → Delete it/,
  },
  {
    symptom: "`provision` or `check`: Parseable answered 403",
    stage: async (stack) => {
      const { env } = await startDelivery(stack);
      return { ...env, ...ADMIN, P_PASSWORD: "wrong" };
    },
    hop: "credentials",
    status: "failed",
    words: /answered 403.*→ The user name or password is wrong/,
  },
  {
    symptom: "Parseable has no rows, or none of late",
    stage: (stack) => startRows(stack, { ageSeconds: 600 }),
    hop: "newest row",
    status: "failed",
    words: /the newest row is 10 min old → Rows no longer arrive/,
  },
  {
    symptom: "Rows are missing, though all is well",
    stage: async (stack) => {
      const { env, feed } = await startDelivery(stack);
      await feed(ADMIN, "NaN");
      return env;
    },
    hop: "relayed",
    status: "warn",
    words: /cannot store them: 1 value_not_finite → See vllm_metrics_relay_points_dropped_total/,
  },
  {
    symptom: "Parseable has no dashboards",
    stage: (stack) => startRows(stack, { ageSeconds: 1 }),
    hop: "dashboards",
    status: "warn",
    words: /no dashboards of vllm-metrics .*→ Run vllm-metrics provision/,
  },
];

/** All rows. */
export const SYMPTOMS: readonly Symptom[] = [...REACHING, ...ANSWERS, ...SERVICE, ...PARSEABLE];
