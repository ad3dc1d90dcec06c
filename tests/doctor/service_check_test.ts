import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { checkService, type ServiceListener } from "../../lib/doctor/service_check.ts";
import { type CheckResult, CheckRun } from "../../lib/doctor/check_run.ts";
import { namedServers, startService, until } from "../fakes.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";

/** How a test asks the service. */
interface Asking {
  readonly relay?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Walks to a service; gives the hops by name. */
async function hopsTo(
  metrics: string,
  { relay, headers = {} }: Asking = {},
): Promise<Map<string, CheckResult>> {
  const hops = new Map<string, CheckResult>();
  const walk = new CheckRun("vllm-metrics", (hop) => hops.set(hop.name, hop));
  const listening = (origin: string): ServiceListener => ({
    origin,
    hasCredentials: Object.keys(headers).length > 0,
    get: (path, signal) => fetch(origin + path, { signal, headers }),
  });
  await checkService(walk, {
    metrics: listening(metrics),
    relay: relay === undefined ? undefined : listening(relay),
    nowMs: Date.now(),
  });
  return hops;
}

const BUILD = 'vllm_metrics_build_info{version="1.2.3",deno_version="2.0.0"} 1\n';

/** Walks to a service, with the relay on, that says of itself what a test wants. */
async function hopsOf(text: string): Promise<Map<string, CheckResult>> {
  await using service = serveHttp(({ url }) =>
    new Response(url.endsWith("/-/metrics") ? BUILD + text : "ready\n")
  );
  return await hopsTo(service.origin, { relay: service.origin });
}

function statuses(hops: Map<string, CheckResult>): string[] {
  return [...hops.values()].map(({ name, status }) => `${name} ${status}`);
}

Deno.test("a running service is reported with its version, its scrapes and its readers", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = startService(vllm.origin);
  await (await service.get("/metrics")).text();
  const hops = await hopsTo(service.origin);
  assertEquals(statuses(hops), [
    "listener ok",
    "relay skipped",
    "own metrics ok",
    "scrapes ok",
    "readers ok",
    "engines ok",
  ]);
  assertEquals(hops.get("relay")?.found, "it is off, since PARSEABLE_URL is not set");
  assertEquals(hops.get("scrapes")?.found, "1 since it started, failed: none");
  assertEquals(hops.get("readers")?.found, "10 bytes sent since it started");
});

Deno.test("a service that scrapes for its page alone has no readers", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = startService(vllm.origin, { intervalMs: 10 });
  using _watch = service.watch();
  await until(async () => {
    const figures = await service.ownMetrics();
    return (figures.get("vllm_metrics_scrapes_total") ?? 0) > 1 || undefined;
  }, "two scrapes");
  const hop = (await hopsTo(service.origin)).get("readers");
  assertStringIncludes(hop?.found ?? "", "nobody has read /metrics yet");
});

Deno.test("a service whose last scrape failed is a warning that names the server", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  const servers = namedServers({ a: vllm.origin, b: `http://127.0.0.1:${closedPort()}` });
  await using service = startService("", { servers });
  await (await service.get("/metrics")).text();
  const hops = await hopsTo(service.origin);
  const hop = hops.get("scrapes");
  assertEquals(hop?.status, "warn");
  assertEquals(
    hop?.found,
    '2 since it started, failed: 1 UPSTREAM_REFUSED; the last scrape of "b" failed',
  );
  assertEquals(hops.get("readers")?.status, "ok");
});

Deno.test("a service that does not run fails once, and nothing behind it is tried", async () => {
  const origin = `http://127.0.0.1:${closedPort()}`;
  const hops = await hopsTo(origin, { relay: `http://127.0.0.1:${closedPort()}` });
  assertEquals(statuses(hops), [
    "listener failed",
    "relay skipped",
    "own metrics skipped",
    "scrapes skipped",
    "readers skipped",
    "relayed skipped",
    "engines skipped",
  ]);
  assertStringIncludes(hops.get("listener")?.found ?? "", `Cannot reach "${origin}/-/ready"`);
  assertStringIncludes(hops.get("listener")?.action ?? "", "Is vllm-metrics running");
});

Deno.test("a relay that does not listen fails, and the service is looked at all the same", async () => {
  await using service = startService("http://127.0.0.1:1");
  const origin = `http://127.0.0.1:${closedPort()}`;
  const hops = await hopsTo(service.origin, { relay: origin });
  assertEquals(hops.get("relay")?.status, "failed");
  assertStringIncludes(hops.get("relay")?.found ?? "", `Cannot reach "${origin}/-/ready"`);
  assertEquals(hops.get("own metrics")?.status, "ok");
});

Deno.test("a service that stops is reported as stopping", async () => {
  await using service = startService("http://127.0.0.1:1");
  service.stop();
  const hop = (await hopsTo(service.origin)).get("listener");
  assertEquals(hop?.status, "failed");
  assertStringIncludes(hop?.found ?? "", "is stopping");
});

Deno.test("another program on the port is recognized, Prometheus too", async () => {
  await using prometheus = serveHttp(({ url }) =>
    url.endsWith("/-/ready")
      ? new Response("Prometheus Server is Ready.\n")
      : new Response("404 page not found", { status: 404 })
  );
  const hops = await hopsTo(prometheus.origin);
  assertEquals(hops.get("listener")?.status, "failed");
  assertStringIncludes(hops.get("listener")?.found ?? "", "is not vllm-metrics");
  assertStringIncludes(hops.get("listener")?.action ?? "", "LISTEN_ADDRESS");
  await using other = serveHttp(() => new Response("ready\n"));
  const hop = (await hopsTo(other.origin)).get("own metrics");
  assertEquals(hop?.status, "failed");
  assertStringIncludes(hop?.found ?? "", "not with the metrics of vllm-metrics");
});

const RELAYED = 'vllm_metrics_relay_requests_total{code="200"} 7\n' +
  'vllm_metrics_relay_requests_total{code="503"} 2\n';

/** What Parseable answered to the relay, and whether it takes data now. */
function answers(code: string, isUp: boolean): string {
  return `${RELAYED}vllm_metrics_parseable_up ${Number(isUp)}\n` +
    `vllm_metrics_parseable_answers_total{code="200"} 7\n` +
    `vllm_metrics_parseable_answers_total{code="${code}"} 2\n`;
}

/** Requests answered 401, by reason. */
function unauthorized(missing: number, wrong: number): string {
  const name = "vllm_metrics_requests_unauthorized_total";
  return `${name}{reason="missing"} ${missing}\n${name}{reason="wrong"} ${wrong}\n`;
}

Deno.test.each<[text: string, hop: string, words: RegExp]>([
  ["", "relayed warn", /nothing has arrived yet → .*Fluent Bit/],
  [answers("none", true), "relayed ok", /^7 requests stored since it started, 2 refused →/],
  [answers("none", false), "relayed warn", /did not answer \(2 times\) → Is Parseable running/],
  [answers("401", false), "relayed warn", /answered 401 \(2 .*→ Fluent Bit sends no credentials/],
  [answers("403", false), "relayed warn", /answered 403 \(2 .*→ .*P_PASSWORD .* is wrong/],
  [answers("404", false), "relayed warn", /answered 404 \(2 .*→ .*no such stream or route/],
  [answers("500", false), "relayed warn", /answered 500 \(2 .*→ .*has Parseable's words/],
  [answers("400", true), "relayed warn", /answered 400 \(2 .*→ .*for logs accepts no metrics/],
  [answers("413", true), "relayed warn", /answered 413 \(2 .*→ .*has Parseable's words/],
  ["vllm_metrics_requests_refused_total 4\n", "readers warn", /4 requests were refused/],
  [unauthorized(0, 5), "readers warn", /5 requests were answered 401/],
  // A browser asks once without credentials before it asks its user for them.
  [unauthorized(1, 0), "readers ok", /^0 bytes sent since it started →/],
  [unauthorized(1, 1), "readers warn", /1 request was answered 401/],
  [unauthorized(40, 0), "readers warn", /40 requests were answered 401/],
])("%j of a service is said as %s", async (text, expected, words) => {
  const hops = await hopsOf(text);
  assert(statuses(hops).includes(expected), statuses(hops).join());
  const { found, action } = hops.get(expected.split(" ")[0] ?? "") ?? {};
  assertMatch(`${found} → ${action}`, words);
});

Deno.test("a guarded service is a warning without credentials, a failure with wrong ones", async () => {
  await using service = serveHttp(({ url }) =>
    url.endsWith("/-/metrics") ? new Response("", { status: 401 }) : new Response("ready\n")
  );
  for (const [headers, status] of [[{}, "warn"], [{ authorization: "x" }, "failed"]] as const) {
    const hops = await hopsTo(service.origin, { headers });
    assertEquals(hops.get("own metrics")?.status, status);
    assertStringIncludes(hops.get("own metrics")?.action ?? "", "METRICS_BEARER_TOKEN");
    assertEquals(hops.get("scrapes")?.found, "not known without the own metrics");
  }
});
