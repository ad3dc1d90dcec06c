import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Listening, walkService } from "../../lib/doctor/service_walk.ts";
import { type Hop, Walk } from "../../lib/doctor/walk.ts";
import { startService } from "../fakes.ts";
import { closedPort, serveHttp } from "../upstream/fakes.ts";

/** A listener that is asked with `fetch`. */
function listening(origin: string): Listening {
  return { origin, get: (path, signal) => fetch(origin + path, { signal }) };
}

async function hopsTo(metrics: string, relay?: string): Promise<Map<string, Hop>> {
  const hops = new Map<string, Hop>();
  const walk = new Walk("vllm-metrics", (hop) => hops.set(hop.name, hop));
  await walkService(walk, {
    metrics: listening(metrics),
    relay: relay === undefined ? undefined : listening(relay),
  });
  return hops;
}

/** A service that says of itself what a test wants. */
function serviceThatSays(text: string): ReturnType<typeof serveHttp> {
  return serveHttp(({ url }) => new Response(url.endsWith("/-/metrics") ? text : "ready"));
}

const BUILD = 'vllm_metrics_build_info{version="1.2.3",deno_version="2.0.0"} 1\n';

Deno.test("a running service is told with its version and its scrapes", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = startService(vllm.origin);
  await (await service.get("/metrics")).text();
  const hops = await hopsTo(service.origin);
  assertEquals(hops.get("metrics listener")?.status, "ok");
  assertEquals(hops.get("relay")?.found, "it is off, since PARSEABLE_URL is not set");
  assertEquals(hops.get("own metrics")?.status, "ok");
  assertStringIncludes(hops.get("own metrics")?.found ?? "", "1 scrapes");
});

Deno.test("a service whose last scrape failed is a warning", async () => {
  await using service = startService(`http://127.0.0.1:${closedPort()}`);
  await (await service.get("/metrics")).text();
  const hop = (await hopsTo(service.origin)).get("own metrics");
  assertEquals(hop?.status, "warn");
  assertStringIncludes(hop?.found ?? "", "its last scrape failed");
});

Deno.test("a service that does not run fails, and so does its relay, each by itself", async () => {
  const origin = `http://127.0.0.1:${closedPort()}`;
  const hops = await hopsTo(origin, `http://127.0.0.1:${closedPort()}`);
  assertEquals([...hops.values()].map(({ status }) => status), ["failed", "failed", "failed"]);
  assertStringIncludes(
    hops.get("metrics listener")?.found ?? "",
    `Cannot reach "${origin}/-/ready"`,
  );
  assertStringIncludes(hops.get("metrics listener")?.action ?? "", "Is vllm-metrics running");
});

Deno.test("a service that stops is told as such", async () => {
  await using service = startService("http://127.0.0.1:1");
  service.stop();
  const hop = (await hopsTo(service.origin)).get("metrics listener");
  assertEquals(hop?.status, "failed");
  assertStringIncludes(hop?.found ?? "", "answered 503: stopping");
});

Deno.test("a relay that nobody has sent anything to is a warning", async () => {
  await using service = serviceThatSays(BUILD);
  const hop = (await hopsTo(service.origin, service.origin)).get("own metrics");
  assertEquals(hop?.status, "warn");
  assertStringIncludes(hop?.found ?? "", "nothing has been relayed yet");
  assertStringIncludes(hop?.action ?? "", "Fluent Bit");
});

Deno.test("requests that were relayed and refused are counted over all statuses", async () => {
  const text = BUILD + 'vllm_metrics_relay_requests_total{code="200"} 7\n' +
    'vllm_metrics_relay_requests_total{code="503"} 2\n' +
    'vllm_metrics_relay_requests_total{code="400"} 1\n';
  await using service = serviceThatSays(text);
  const hop = (await hopsTo(service.origin, service.origin)).get("own metrics");
  assertEquals(hop?.status, "ok");
  assertEquals(
    hop?.found,
    "version 1.2.3; since its start 0 scrapes, 7 requests relayed, 3 refused",
  );
});

Deno.test("a guarded service that does not know us is a warning with the settings to set", async () => {
  await using service = serveHttp(({ url }) =>
    new Response("", { status: url.endsWith("/-/metrics") ? 401 : 200 })
  );
  const hop = (await hopsTo(service.origin)).get("own metrics");
  assertEquals(hop?.status, "warn");
  assertStringIncludes(hop?.action ?? "", "METRICS_BEARER_TOKEN");
});
