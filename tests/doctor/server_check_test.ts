import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Secret } from "../../lib/config/secret.ts";
import type { UpstreamConfig } from "../../lib/config/config.ts";
import { checkDiscoveredServers, checkServer } from "../../lib/doctor/server_check.ts";
import { type CheckResult, CheckRun } from "../../lib/doctor/check_run.ts";
import { capture, configFor, serveCapture } from "../fakes.ts";
import { closedPort, pem, serveHttp, serveRaw } from "../net/fakes.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

/** Walks to a server; gives the hops by name. */
async function hopsTo(
  url: string,
  overrides: Partial<UpstreamConfig> = {},
  { timeoutMs = 10_000, nowMs = NOW_MS, isProxied = false, address = "" } = {},
): Promise<Map<string, CheckResult>> {
  const hops = new Map<string, CheckResult>();
  const walk = new CheckRun("vLLM", (hop) => hops.set(hop.name, hop), timeoutMs);
  const config = { ...configFor(url), ...overrides };
  await checkServer(walk, {
    config,
    isProxied,
    nowMs,
    ...address === "" ? {} : { address },
  });
  return hops;
}

/** The names of the hops with each status. */
function namesBy(hops: Map<string, CheckResult>, status: CheckResult["status"]): string[] {
  return [...hops.values()].filter((hop) => hop.status === status).map(({ name }) => name);
}

/** A vLLM that answers what a route has, and 404 elsewhere. */
function vllmWith(routes: Record<string, Response>): ReturnType<typeof serveHttp> {
  return serveHttp(({ url }) =>
    routes[new URL(url).pathname]?.clone() ?? new Response("no such route", { status: 404 })
  );
}

function metricsOf(name: string): Response {
  const { bytes, contentType } = capture(name);
  return new Response(bytes, { headers: { "content-type": contentType } });
}

const MODELS = Response.json({ data: [{ id: "org/model:tag" }, { id: "adapter" }] });

Deno.test("every hop to a healthy vLLM is fine, and says what came", async () => {
  await using vllm = vllmWith({
    "/metrics": metricsOf("during-load-c40"),
    "/version": Response.json({ version: "0.32.0" }),
    "/v1/models": MODELS,
  });
  const url = vllm.origin.replace("127.0.0.1", "localhost");
  const hops = await hopsTo(`${url}/metrics`);
  const wanted = ["name", "TCP", "HTTP", "format", "vLLM version", "models", "statistics"];
  assertEquals(namesBy(hops, "ok"), [...wanted, "readers"]);
  assertStringIncludes(hops.get("name")?.found ?? "", "127.0.0.1");
  assertStringIncludes(hops.get("HTTP")?.found ?? "", "63194 bytes");
  assertEquals(hops.get("format")?.found, "Prometheus text");
  assertEquals(hops.get("vLLM version")?.found, "vLLM 0.32.0");
  assertEquals(hops.get("models")?.found, '"org/model:tag", "adapter"');
  assertStringIncludes(hops.get("readers")?.found ?? "", "samples with a colon in their name");
});

Deno.test("the routes beside the metrics lie under the same path", async () => {
  await using vllm = vllmWith({
    "/vllm-1/metrics": metricsOf("idle"),
    "/vllm-1/version": Response.json({ version: "0.11.0" }),
    "/vllm-1/v1/models": new Response("", { status: 401 }),
  });
  const hops = await hopsTo(`${vllm.origin}/vllm-1/metrics`);
  assertEquals(hops.get("vLLM version")?.found, "vLLM 0.11.0");
  assertEquals(hops.get("models")?.status, "ok");
  assertStringIncludes(hops.get("models")?.found ?? "", "API key");
});

Deno.test("routes that are missing beside the metrics are a warning, and stop nothing", async () => {
  await using vllm = vllmWith({ "/metrics": metricsOf("idle") });
  const hops = await hopsTo(`${vllm.origin}/metrics`);
  assertEquals(namesBy(hops, "warn"), ["vLLM version", "models", "statistics"]);
  assertEquals(namesBy(hops, "failed"), []);
  assertEquals(hops.get("readers")?.status, "ok");
});

Deno.test("what a newer vLLM has is named with the version that brought it", async () => {
  const foundFor = async (name: string): Promise<string> => {
    await using vllm = vllmWith({ "/metrics": metricsOf(name) });
    return (await hopsTo(`${vllm.origin}/metrics`)).get("statistics")?.found ?? "";
  };
  const old = await foundFor("old011-hidden-lora-after-load");
  assertStringIncludes(
    old,
    "; your vLLM lacks request_num_preemptions (since 0.30); num_requests_",
  );
  assert(old.endsWith("admission_rejections_total (since 0.32 at the latest)"), old);
  for (const name of ["idle", "dp2-during-load", "rust-idle", "rust33-during-load"]) {
    assertEquals((await foundFor(name)).includes("lacks"), false, name);
  }
});

Deno.test("a port that nothing listens on fails at TCP, and what lies behind is not tried", async () => {
  const hops = await hopsTo(`http://127.0.0.1:${closedPort()}/metrics`);
  assertEquals(namesBy(hops, "failed"), ["TCP"]);
  assertStringIncludes(hops.get("TCP")?.found ?? "", "connection refused");
  assertEquals(hops.get("TCP")?.action, "Is vLLM running, and is the port right?");
  assertEquals(hops.get("HTTP")?.found, 'not tried, since "TCP" failed');
  assertEquals(namesBy(hops, "skipped").length, 7);
});

for (
  const [certificate, words] of [
    ["expired", "the certificate expired"],
    ["future", "becomes valid only"],
    ["other", "the certificate is not for"],
    ["self", "unknown authority"],
  ] as const
) {
  Deno.test(`a certificate of the kind "${certificate}" fails at TLS with the reason`, async () => {
    await using vllm = serveHttp(() => new Response("vllm:up 1\n"), certificate);
    const tls = { skipVerify: false, caCerts: pem("ca.pem") };
    const url = vllm.origin.replace("127.0.0.1", "localhost");
    const hops = await hopsTo(url, { tls });
    assertEquals(namesBy(hops, "failed"), ["TLS"]);
    assertStringIncludes(hops.get("TLS")?.found ?? "", words);
  });
}

Deno.test("a good certificate is reported with its authority and its last day", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"), "server");
  const tls = { skipVerify: false, caCerts: pem("ca.pem") };
  const hop = (await hopsTo(vllm.origin, { tls })).get("TLS");
  assertEquals(hop?.status, "ok");
  assertEquals(
    hop?.found,
    'TLSv1.3, certificate from "vllm-metrics test authority", valid for 34332 more days',
  );
});

Deno.test("a certificate that ends within two weeks is a warning", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"), "server");
  const tls = { skipVerify: false, caCerts: pem("ca.pem") };
  const nowMs = Date.UTC(2119, 11, 25);
  const hop = (await hopsTo(vllm.origin, { tls }, { nowMs })).get("TLS");
  assertEquals([hop?.status, hop?.action], ["warn", "Renew the certificate of the server."]);
  assertStringIncludes(hop?.found ?? "", "valid for 7 more days");
});

Deno.test("verification that is turned off is a warning", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"), "self");
  const hops = await hopsTo(vllm.origin, { tls: { skipVerify: true } });
  assertEquals(hops.get("TLS")?.status, "warn");
  assertEquals(hops.get("HTTP")?.status, "ok");
});

for (
  const [what, body] of [
    ["JSON", '{"detail":"Not Found"}'],
    ["an empty body", ""],
  ] as const
) {
  Deno.test(`${what} fails at the format`, async () => {
    await using vllm = serveHttp(() => new Response(body));
    const hops = await hopsTo(`${vllm.origin}/metrics`);
    assertEquals(namesBy(hops, "failed"), ["format"]);
    assertStringIncludes(hops.get("format")?.found ?? "", what);
  });
}

Deno.test("another engine is named", async () => {
  const text = "# TYPE sglang:num_running_reqs gauge\nsglang:num_running_reqs 3\n" +
    "# TYPE sglang:num_requests_total counter\nsglang:num_requests_total 5\n";
  await using sglang = vllmWith({ "/metrics": new Response(text) });
  const hop = (await hopsTo(`${sglang.origin}/metrics`)).get("statistics");
  assertEquals(
    [hop?.status, hop?.found],
    ["ok", "2 families of SGLang; 3 requests running, 5 finished since it started"],
  );
});

Deno.test("lines that no reader can take are a warning with the reason", async () => {
  const text = "# TYPE vllm:a gauge\nvllm:a one\nvllm:a{b=} 1\nvllm:a 1\n";
  await using vllm = vllmWith({ "/metrics": new Response(text) });
  const hop = (await hopsTo(`${vllm.origin}/metrics`)).get("readers");
  assertEquals(hop?.status, "warn");
  assertStringIncludes(hop?.found ?? "", "2 lines dropped");
  assertStringIncludes(hop?.action ?? "", "a value that is not a number (bad_value)");
  assertStringIncludes(hop?.action ?? "", "labels that cannot be read (bad_label)");
});

Deno.test("a server that never answers costs SCRAPE_TIMEOUT and no more", async () => {
  await using vllm = serveRaw(({ gone }) => gone());
  const hops = await hopsTo(`${vllm.origin}/metrics`, { timeoutMs: 100 });
  assertEquals(namesBy(hops, "failed"), ["HTTP"]);
  assertStringIncludes(hops.get("HTTP")?.found ?? "", "no answer within 100ms");
  assertEquals(namesBy(hops, "skipped").slice(1), [
    "format",
    "vLLM version",
    "models",
    "statistics",
    "readers",
  ]);
});

Deno.test("a server that takes connections and never shakes hands costs the time of the check", async () => {
  await using vllm = serveRaw(({ gone }) => gone());
  const url = vllm.origin.replace("http:", "https:");
  for (const address of ["", "127.0.0.1"]) {
    const hops = await hopsTo(url, {}, { timeoutMs: 100, address });
    assertEquals(namesBy(hops, "failed"), ["TLS"]);
    assertEquals(hops.get("TLS")?.found, "no answer within 0.1 s");
    assertEquals(hops.get("HTTP")?.status, "skipped");
  }
});

Deno.test("routes that hang beside the metrics cost the time of the check each, and stop nothing", async () => {
  const over = new AbortController();
  await using vllm = serveHttp(async ({ url, signal }) => {
    if (url.endsWith("/metrics")) return metricsOf("during-load-c40");
    const { promise, resolve } = Promise.withResolvers<Response>();
    signal.addEventListener("abort", () => resolve(new Response()));
    over.signal.addEventListener("abort", () => resolve(new Response()));
    return await promise;
  });
  const hops = await hopsTo(`${vllm.origin}/metrics`, {}, { timeoutMs: 100 });
  over.abort();
  assertEquals(namesBy(hops, "failed"), ["vLLM version", "models"]);
  assertEquals(hops.get("readers")?.status, "ok");
});

Deno.test("behind a proxy the connection is not tried, since the proxy makes it", async () => {
  await using vllm = vllmWith({ "/metrics": metricsOf("during-load-c40") });
  const hops = await hopsTo(`${vllm.origin}/metrics`, {}, { isProxied: true });
  assertEquals(namesBy(hops, "skipped"), ["connection"]);
  assertEquals(hops.get("HTTP")?.status, "ok");
});

Deno.test("an address in the place of the name is walked to, and the certificate is for the name", async () => {
  await using vllm = serveHttp(() => metricsOf("during-load-c40"), "server");
  await using other = serveHttp(() => metricsOf("during-load-c40"), "other");
  const tls = { skipVerify: false, caCerts: pem("ca.pem") };
  const walk = ({ origin }: { origin: string }): ReturnType<typeof hopsTo> =>
    hopsTo(origin.replace("127.0.0.1", "localhost"), { tls }, { address: "127.0.0.1" });
  const [good, wrong] = [await walk(vllm), await walk(other)];
  assertEquals(good.get("name")?.found, '"127.0.0.1" is an address');
  assertEquals([good.get("TLS")?.status, good.get("HTTP")?.status], ["ok", "ok"]);
  assertEquals(namesBy(wrong, "failed"), ["TLS"]);
  assertStringIncludes(wrong.get("TLS")?.found ?? "", 'the certificate is not for "localhost"');
});

Deno.test("what a server repeats of its credentials is not shown", async () => {
  await using vllm = serveHttp(({ url, headers }) => {
    const said = headers.get("authorization")?.split(" ")[1] ?? "";
    if (url.endsWith("/version")) return Response.json({ version: said });
    if (url.endsWith("/v1/models")) return Response.json({ data: [{ id: `model-${said}` }] });
    return metricsOf("during-load-c40");
  });
  const headers = [["Authorization", new Secret("Bearer 0secret-token")] as const];
  const hops = await hopsTo(`${vllm.origin}/metrics`, { headers });
  assertEquals(namesBy(hops, "warn"), ["vLLM version", "models"]);
  assert(!JSON.stringify([...hops]).includes("secret"));
});

/** Walks to what a name leads to. */
async function hopsAt(url: string, addresses: readonly string[]): Promise<CheckResult[]> {
  const hops: CheckResult[] = [];
  await checkDiscoveredServers("dns", {
    config: configFor(url),
    isProxied: false,
    nowMs: 0,
    resolve: () => Promise.resolve(addresses),
    start: (part) => new CheckRun(part, (hop) => hops.push(hop)),
  });
  return hops;
}

Deno.test("every address of a name is walked to, and one that is down hides no other", async () => {
  await using vllm = serveCapture("during-load-c40");
  const { port } = new URL(vllm.origin);
  const hops = await hopsAt(`http://vllm-headless:${port}`, ["127.0.0.2", "127.0.0.1"]);
  assertEquals(hops[0]?.part, "dns");
  assertEquals(hops[0]?.found, '"vllm-headless" leads to 127.0.0.2, 127.0.0.1');
  const [down, up] = ["127.0.0.2", "127.0.0.1"].map((address) =>
    hops.filter(({ part }) => part === `dns at ${address}`)
  );
  assertEquals(down?.filter(({ status }) => status === "failed").map(({ name }) => name), ["TCP"]);
  assertEquals(up?.find(({ name }) => name === "HTTP")?.status, "ok");
  assertEquals(vllm.requests, ["/", "/version", "/v1/models"]);
});

Deno.test("a name that leads nowhere fails at the name", async () => {
  const hops = await hopsAt("http://vllm-headless:8000", []);
  assertEquals(hops.map(({ name, status }) => [name, status]), [["name", "failed"]]);
  assertStringIncludes(hops[0]?.found ?? "", 'host name "vllm-headless" not found');
});

Deno.test("of very many addresses the first ones are walked to, which is said", async () => {
  const addresses = Array.from({ length: 40 }, (_, index) => `127.0.1.${index}`);
  const hops = await hopsAt("http://vllm-headless:1", addresses);
  assertEquals(hops[0]?.status, "warn");
  assertStringIncludes(hops[0]?.found ?? "", "the first 32 are checked");
  assertEquals(new Set(hops.map(({ part }) => part)).size, 1 + 32);
});
