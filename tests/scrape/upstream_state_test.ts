import { assertEquals } from "@std/assert";
import { startService, type TestService, within } from "../fakes.ts";
import { serveHttp, serveRaw } from "../net/fakes.ts";

const UP = 'level=info msg="Upstream is up" upstream=http://vllm/metrics';

function down(code: string, error: string, hint: string): string {
  const words = JSON.stringify(`Cannot scrape "http://vllm/metrics": ${error}`);
  return `level=warn msg="Upstream is down" upstream=http://vllm/metrics code=${code} ` +
    `error=${words} hint=${JSON.stringify(hint)}`;
}

async function scrape(service: TestService, patience = "30"): Promise<number> {
  const response = await service.get("/metrics", {
    "x-prometheus-scrape-timeout-seconds": patience,
  });
  await response.text();
  return response.status;
}

Deno.test("the log has a line a change of the upstream's state and none a scrape", async () => {
  let answer = (): Response | Promise<Response> => new Response("vllm:up 1\n");
  await using vllm = serveHttp(() => answer());
  await using service = startService(vllm.origin);
  const lines = service.log.all;

  assertEquals(await scrape(service), 200);
  assertEquals(lines.splice(0), [UP]);
  assertEquals(await scrape(service), 200);
  assertEquals(lines, []);

  answer = () => new Response(null, { status: 500 });
  assertEquals(await scrape(service), 502);
  assertEquals(lines.splice(0), [
    down(
      "UPSTREAM_STATUS",
      "status 500 Internal Server Error",
      "See the log of vLLM for the reason.",
    ),
  ]);
  assertEquals(await scrape(service), 502);
  assertEquals(lines, []);

  answer = () => Response.redirect("http://login.example/");
  assertEquals(await scrape(service), 502);
  assertEquals(lines.splice(0), [
    down(
      "UPSTREAM_REDIRECT",
      'redirected to another server, "http://login.example"',
      "Credentials stay with the server they are for: set VLLM_METRICS_URL to that server if it " +
        "is the right one.",
    ),
  ]);

  answer = () => new Response("vllm:up 1\n");
  assertEquals(await scrape(service), 200);
  assertEquals(await scrape(service), 200);
  assertEquals(lines, [UP]);
});

Deno.test("the counters tell each kind of failure, and the state of the last scrape", async () => {
  let answer = new Response("vllm:up 1\n");
  await using vllm = serveHttp(() => answer.clone());
  await using service = startService(vllm.origin);
  await scrape(service);
  answer = new Response(null, { status: 404 });
  for (let count = 0; count < 3; count++) await scrape(service);
  answer = new Response("{}");
  for (let count = 0; count < 2; count++) await scrape(service);

  let series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_scrapes_total"), 6);
  assertEquals(series.get('vllm_metrics_scrape_failures_total{code="UPSTREAM_STATUS"}'), 3);
  assertEquals(
    series.get('vllm_metrics_scrape_failures_total{code="UPSTREAM_NOT_EXPOSITION"}'),
    2,
  );
  assertEquals(series.get("vllm_metrics_upstream_up"), 0);

  answer = new Response("vllm:up 1\n");
  await scrape(service);
  series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_scrapes_total"), 7);
  assertEquals(series.get("vllm_metrics_upstream_up"), 1);
  assertEquals(series.get("vllm_metrics_scrape_samples"), 1);
});

Deno.test.each([
  ["0.001", "100ms"],
  ["0.2", "100ms"],
  ["0.3", "150ms"],
  ["0.55", "275ms"],
  ["0.57", "285ms"],
  ["0.7", "350ms"],
  ["1.1", "600ms"],
])("a reader with %s seconds of patience is answered after %s", async (patience, limit) => {
  await using vllm = serveRaw(({ gone }) => gone());
  await using service = startService(vllm.origin, { timeoutMs: 1_000 });
  const started = performance.now();
  const response = await service.get("/metrics", {
    "x-prometheus-scrape-timeout-seconds": patience,
  });
  const tookMs = performance.now() - started;
  assertEquals(response.status, 504);
  assertEquals(
    await response.text(),
    `Cannot scrape "http://vllm/metrics": no answer within ${limit}. ` +
      "Is vLLM overloaded? SCRAPE_TIMEOUT and the reader's own timeout set the limit.\n",
  );
  // A timer never fires early, but for the rounding of its clock.
  assertEquals(tookMs > parseInt(limit) - 2, true, `${tookMs} ms`);
});

Deno.test.each(["0", "-1", "", "x", "NaN", "Infinity", "1e999", "60"])(
  "patience of '%s' does not change the service's own limit",
  async (patience) => {
    await using vllm = serveRaw(({ gone }) => gone());
    await using service = startService(vllm.origin, { timeoutMs: 50 });
    const response = await service.get("/metrics", {
      "x-prometheus-scrape-timeout-seconds": patience,
    });
    assertEquals(response.status, 504);
    assertEquals((await response.text()).split(". ")[0]?.endsWith("no answer within 50ms"), true);
  },
);

Deno.test("a refusal that comes before the end of the body lets go of vLLM", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<!doctype html>\n<p>");
    await gone();
    sawEnd();
  });
  // At once, and not only when the time is up.
  await using service = startService(vllm.origin, { timeoutMs: 40_000 });
  assertEquals(await scrape(service, "60"), 502);
  await within(gone, () => "vLLM saw no end of the request");
});
