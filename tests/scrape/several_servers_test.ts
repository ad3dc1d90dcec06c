import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  EXPOSITION_TYPE,
  namedServers,
  serveCapture,
  startService,
  type TestService,
  until,
  within,
} from "../fakes.ts";
import { readAsFluentBit } from "../exposition/fluent_bit_rules.ts";
import { closedPort, type FakeServer, serveHttp, serveRaw } from "../net/fakes.ts";
import { ask, RawClient } from "../http/raw_client.ts";

/** A vLLM with one gauge. */
function gauge(value: number): FakeServer {
  return serveHttp(() => new Response(`# TYPE vllm:a gauge\nvllm:a{m="x"} ${value}\n`));
}

function serve(origins: Readonly<Record<string, string>>, timeoutMs = 20_000): TestService {
  const { list, isMerged } = namedServers(origins);
  const servers = list.map((server) => ({
    ...server,
    upstream: { ...server.upstream, timeoutMs },
  }));
  return startService("http://unused", { servers: { list: servers, isMerged } });
}

async function text(service: TestService, path: string): Promise<string> {
  const response = await service.get(path);
  const body = await response.text();
  assertEquals(response.status, 200, body);
  return body;
}

Deno.test("/metrics is one exposition of all servers", async () => {
  await using one = gauge(1);
  await using two = gauge(2);
  await using service = serve({ prefill: one.origin, decode: two.origin });
  const response = await service.get("/metrics");
  assertEquals(response.headers.get("content-type"), EXPOSITION_TYPE);
  assertEquals(
    await response.text(),
    '# TYPE vllm_a gauge\nvllm_a{instance="prefill",m="x"} 1\nvllm_a{instance="decode",m="x"} 2\n',
  );
});

Deno.test("/metrics/NAME is one server alone, as it is without others", async () => {
  await using one = gauge(1);
  await using two = gauge(2);
  await using service = serve({ prefill: one.origin, "b-1.x:8000": two.origin });
  const alone = '# TYPE vllm_a gauge\nvllm_a{m="x"} 2\n';
  assertEquals(await text(service, "/metrics/b-1.x:8000"), alone);
  assertEquals(await text(service, "/metrics/b-1.x%3A8000"), alone);
  assertEquals([one.requests.length, two.requests.length], [0, 2]);
  for (const path of ["/metrics/other", "/metrics/%zz", "/metrics/prefill/"]) {
    const response = await service.get(path);
    assertEquals(
      [response.status, await response.text()],
      [404, "There is no such server. There is prefill, b-1.x:8000.\n"],
    );
  }
});

Deno.test("the one server without a name is also at /metrics/HOST:PORT", async () => {
  await using vllm = gauge(1);
  await using service = startService(vllm.origin);
  const { host } = new URL(vllm.origin);
  assertEquals(await text(service, `/metrics/${host}`), await text(service, "/metrics"));
});

Deno.test("captures of vLLM are merged so that Fluent Bit takes them all", async () => {
  await using stack = new AsyncDisposableStack();
  const names = ["idle", "during-load-c40", "dp2-during-load", "rust-after-load"];
  const origins = names.map((name) => [name, stack.use(serveCapture(name)).origin]);
  await using service = serve(Object.fromEntries(origins));
  // The second answer takes the way of remembered families.
  for (let scrape = 0; scrape < 2; scrape++) {
    const response = await service.get("/metrics");
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { result, reason, unread, points } = readAsFluentBit(bytes);
    assertEquals([result, reason, unread], ["accepted", "", false]);
    const instances = new Set(points.map(({ labels }) => labels.get("instance")));
    assertEquals([...instances].toSorted(), names.toSorted());
  }
});

Deno.test("a server that fails is left out and logged, and breaks nothing", async () => {
  await using one = gauge(1);
  let status = 200;
  await using two = serveHttp(() => new Response("vllm:a 2\n", { status }));
  await using service = serve({ one: one.origin, two: two.origin });
  await text(service, "/metrics");
  status = 500;
  assertEquals(
    await text(service, "/metrics"),
    '# TYPE vllm_a gauge\nvllm_a{instance="one",m="x"} 1\n',
  );
  const series = await service.ownMetrics();
  assertEquals(series.get('vllm_metrics_upstream_up{instance="one"}'), 1);
  assertEquals(series.get('vllm_metrics_upstream_up{instance="two"}'), 0);
  assertEquals(series.get('vllm_metrics_scrapes_total{instance="two"}'), 2);
  assertEquals(
    series.get('vllm_metrics_scrape_failures_total{instance="two",code="UPSTREAM_STATUS"}'),
    1,
  );
  assertEquals(series.get('vllm_metrics_scrape_samples{instance="one"}'), 1);
  assertEquals(service.log.all, [
    'level=info msg="Upstream is up" upstream=http://one/metrics instance=one',
    'level=info msg="Upstream is up" upstream=http://two/metrics instance=two',
    'level=warn msg="Upstream is down" upstream=http://two/metrics instance=two ' +
    'code=UPSTREAM_STATUS error="Cannot scrape \\"http://two/metrics\\": status 500 Internal ' +
    'Server Error" hint="See the log of vLLM for the reason."',
  ]);
});

Deno.test("a server that hangs costs its time and nothing else", async () => {
  await using one = gauge(1);
  await using hung = serveRaw(({ gone }) => gone());
  await using late = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nvllm:a 1\n");
    await gone();
  });
  const origins = { hung: hung.origin, one: one.origin, late: late.origin };
  await using service = serve(origins, 1_000);
  const response = await service.get("/metrics", { "x-prometheus-scrape-timeout-seconds": "0.4" });
  assertEquals(response.status, 200);
  assertEquals(await response.text(), '# TYPE vllm_a gauge\nvllm_a{instance="one",m="x"} 1\n');
  // The reader's own time was over; that says nothing about the servers. Their own is over later.
  assertEquals((await service.ownMetrics()).get('vllm_metrics_scrapes_total{instance="hung"}'), 0);
  await service.log.seen("instance=hung code=UPSTREAM_TIMEOUT");
  await service.log.seen("instance=late code=UPSTREAM_TIMEOUT");
  const series = await service.ownMetrics();
  for (const instance of ["hung", "late"]) {
    assertEquals(series.get(`vllm_metrics_upstream_up{instance="${instance}"}`), 0);
    const failures = `vllm_metrics_scrape_failures_total{instance="${instance}",`;
    assertEquals(series.get(`${failures}code="UPSTREAM_TIMEOUT"}`), 1);
  }
});

Deno.test("when all servers fail the answer names them", async () => {
  await using vllm = serveHttp(() => new Response(null, { status: 500 }));
  const refusing = `http://127.0.0.1:${closedPort()}`;
  await using service = serve({ one: vllm.origin, two: refusing });
  const response = await service.get("/metrics");
  assertEquals(response.status, 502);
  assertEquals(
    await response.text(),
    'Cannot scrape any of 2 servers: "http://one/metrics": status 500 Internal Server Error; ' +
      '"http://two/metrics": connection refused. /-/targets lists them all.\n',
  );
});

Deno.test("of many servers that fail, some are named", async () => {
  const origin = `http://127.0.0.1:${closedPort()}`;
  const names = Array.from({ length: 10 }, (_, index) => [`s${index}`, origin]);
  await using service = serve(Object.fromEntries(names));
  const body = await (await service.get("/metrics")).text();
  assertMatch(body, /s7\/metrics": connection refused; and 2 more\. /);
});

/** A vLLM with so many bytes of samples, 1 MB being what is allowed. */
function sized(bytes: number): FakeServer {
  const line = `vllm:a{m="${"x".repeat(200)}"} 1\n`;
  return serveHttp(() => new Response(line.repeat(Math.floor(bytes / line.length))));
}

/** The servers whose last scrape was too large. */
async function tooLarge(service: TestService): Promise<string[]> {
  const { targets } = await (await service.get("/-/targets")).json();
  const down: { instance: string; lastError: { code: string } }[] = targets.filter(
    ({ state }: { state: string }) => state === "down",
  );
  for (const { lastError } of down) assertEquals(lastError.code, "UPSTREAM_TOO_LARGE");
  return down.map(({ instance }) => instance);
}

Deno.test("MAX_BODY_BYTES holds for each server", async () => {
  await using large = sized(1_000_300);
  await using near = sized(999_900);
  await using service = serve({ near: near.origin, large: large.origin });
  const body = await text(service, "/metrics");
  assertEquals(new Set(body.match(/instance="\w+"/g)), new Set(['instance="near"']));
  assertEquals(await tooLarge(service), ["large"]);
});

Deno.test("four times MAX_BODY_BYTES holds for all servers together", async () => {
  await using near = sized(900_000);
  const names = ["a", "b", "c", "d", "e"];
  await using service = serve(Object.fromEntries(names.map((name) => [name, near.origin])));
  // What was held has been given back when the next scrape begins.
  for (let scrape = 0; scrape < 2; scrape++) {
    const body = await text(service, "/metrics");
    assertEquals(new Set(body.match(/instance="\w+"/g)).size, 4);
    assertEquals((await tooLarge(service)).length, 1);
  }
});

Deno.test("all servers together send 32 MiB at most, however large MAX_BODY_BYTES is", async () => {
  await using vllm = sized(12_000_000);
  const { list, isMerged } = namedServers({ a: vllm.origin, b: vllm.origin, c: vllm.origin });
  const servers = list.map((server) => ({
    ...server,
    upstream: { ...server.upstream, maxBodyBytes: 16_000_000 },
  }));
  await using service = startService("http://unused", { servers: { list: servers, isMerged } });
  const body = await text(service, "/metrics");
  assertEquals(new Set(body.match(/instance="\w+"/g)).size, 2);
  assertEquals((await tooLarge(service)).length, 1);
  await service.log.seen("the servers together sent more than 33554432 bytes");
});

/** Two servers whose merge is more than all buffers on the way to a client hold. */
function serveLong(overrides: { readonly timeoutMs?: number; readonly now?: () => number }): {
  readonly service: TestService;
  readonly vllm: FakeServer;
} {
  const line = `vllm:a{m="${"x".repeat(2_000)}"} 1\n`;
  const vllm = serveHttp(() => new Response(line.repeat(4_000)));
  const { list, isMerged } = namedServers({ one: vllm.origin, two: vllm.origin });
  const { timeoutMs = 20_000, now = Date.now } = overrides;
  const servers = list.map((server) => ({
    ...server,
    upstream: { ...server.upstream, timeoutMs, maxBodyBytes: 8_100_000 },
  }));
  const service = startService("http://unused", { servers: { list: servers, isMerged }, now });
  return { service, vllm };
}

/** Asks for the merge and reads nothing behind the head of the response. */
async function stall(service: TestService): Promise<{ client: RawClient; status: string }> {
  const client = await RawClient.send(
    service.origin,
    "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
  );
  await client.readUntil("\r\n\r\n");
  return { client, status: client.text.slice(9, 12) };
}

Deno.test("readers that never read make room for others, and say nothing of the servers", async () => {
  let nowMs = 0;
  const { service, vllm } = serveLong({ now: () => nowMs });
  await using _vllm = vllm;
  await using _service = service;
  using stack = new DisposableStack();
  const statuses: string[] = [];
  for (let count = 0; count < 4; count++) {
    const { client, status } = stack.use(
      await stall(service).then((one) => ({
        ...one,
        [Symbol.dispose]: () => one.client.close(),
      })),
    );
    statuses.push(status);
    if (status === "503") assert(client.text.includes("retry-after: 1"), client.text);
  }
  // As many as have room; the others are told to come again.
  assertEquals(statuses, ["200", "200", "503", "503"]);
  nowMs += 1_000;
  for (let count = 0; count < 3; count++) {
    assert((await text(service, "/metrics")).length > 16_000_000);
  }
  const series = await service.ownMetrics();
  assert((series.get("vllm_metrics_slow_readers_dropped_total") ?? 0) > 0);
  for (const instance of ["one", "two"]) {
    assertEquals(series.get(`vllm_metrics_upstream_up{instance="${instance}"}`), 1);
  }
  assertEquals(service.log.all.filter((line) => line.includes("level=warn")), []);
});

Deno.test("a merge that its reader has not taken within SCRAPE_TIMEOUT breaks off", async () => {
  const { service, vllm } = serveLong({ timeoutMs: 3_000 });
  await using _vllm = vllm;
  await using _service = service;
  const { client, status } = await stall(service);
  using _client = client;
  assertEquals(status, "200");
  await until(
    async () => (await service.ownMetrics()).get("vllm_metrics_requests_in_flight") === 0,
    "the slot to be free",
  );
  assertEquals((await client.readToEnd()).complete, false);
});

Deno.test("a type that differs is logged once, and its samples are counted", async () => {
  await using one = gauge(1);
  await using two = serveHttp(() => new Response("# TYPE vllm:a counter\nvllm:a 2\nvllm:b 1\n"));
  await using service = serve({ one: one.origin, two: two.origin });
  for (let scrape = 0; scrape < 2; scrape++) {
    assertEquals(
      await text(service, "/metrics"),
      '# TYPE vllm_a gauge\nvllm_a{instance="one",m="x"} 1\nvllm_b{instance="two"} 1\n',
    );
  }
  assertEquals(service.log.all.filter((line) => line.includes("conflict")), [
    'level=warn msg="Type conflict" instance=two family=vllm_a type=counter kept=gauge',
  ]);
  const series = await service.ownMetrics();
  assertEquals(series.get('vllm_metrics_dropped_lines_total{reason="type_conflict"}'), 2);
});

Deno.test("HEAD of a merge has its length and no body", async () => {
  await using one = gauge(1);
  await using service = serve({ one: one.origin });
  const fields = "/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const get = await ask(service.origin, `GET ${fields}`);
  const head = await ask(service.origin, `HEAD ${fields}`);
  assertEquals([head.status, head.body], [200, ""]);
  assertEquals(head.headers.get("content-length"), String(get.body.length));
});

Deno.test("a long merge is streamed, with its length, and compressed when asked", async () => {
  const lines = Array.from(
    { length: 9_000 },
    (_, index) => `vllm:a{m="${String(index).padStart(90, "x")}"} 1\n`,
  ).join("");
  await using vllm = serveHttp(() => new Response(`# TYPE vllm:a gauge\n${lines}`));
  const names = ["a", "b", "c", "d"].map((name) => [name, vllm.origin]);
  await using service = serve(Object.fromEntries(names));
  const reply = await ask(
    service.origin,
    "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  );
  assert(reply.body.length > 4 * 1_048_576, `${reply.body.length} bytes`);
  assertEquals(reply.headers.get("content-length"), String(reply.body.length));
  const response = await service.get("/metrics", { "accept-encoding": "gzip" });
  assertEquals(response.headers.get("content-encoding"), "gzip");
  assertEquals((await response.text()).length, reply.body.length);
  const series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_requests_in_flight"), 0);
  assertEquals(series.get("vllm_metrics_reply_bytes_total"), 2 * reply.body.length);
});

Deno.test("a reader that leaves lets go of all servers and says nothing of them", async () => {
  const gone = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const hung = (index: number): FakeServer =>
    serveRaw(async (talk) => {
      asked[index]?.resolve();
      await talk.gone();
      gone[index]?.resolve();
    });
  await using one = hung(0);
  await using two = hung(1);
  await using service = serve({ one: one.origin, two: two.origin });
  const controller = new AbortController();
  const reply = fetch(`${service.origin}/metrics`, { signal: controller.signal });
  await within(Promise.all(asked.map(({ promise }) => promise)), () => "nobody was asked");
  controller.abort();
  assertEquals(await reply.then(() => "answered", () => "aborted"), "aborted");
  await within(Promise.all(gone.map(({ promise }) => promise)), () => "vLLM saw no end");
  assertEquals(service.log.all, []);
  const series = await service.ownMetrics();
  assertEquals(series.get('vllm_metrics_scrapes_total{instance="one"}'), 0);
});

Deno.test("readers that come at once share the scrapes", async () => {
  const { promise, resolve: goOn } = Promise.withResolvers<void>();
  const slow = (): FakeServer =>
    serveHttp(async () => {
      await promise;
      return new Response("vllm:a 1\n");
    });
  await using one = slow();
  await using two = slow();
  await using service = serve({ one: one.origin, two: two.origin });
  const replies = [service.get("/metrics"), service.get("/metrics"), service.get("/metrics")];
  await within(
    (async () => {
      const flying = "vllm_metrics_requests_in_flight";
      while ((await service.ownMetrics()).get(flying) !== 3);
    })(),
    () => "they did not come",
  );
  goOn();
  const texts = await Promise.all(replies.map(async (reply) => (await reply).text()));
  assertEquals(new Set(texts).size, 1);
  assertEquals([one.requests.length, two.requests.length], [1, 1]);
  assertEquals((await service.ownMetrics()).get("vllm_metrics_scrapes_shared_total"), 2);
});

Deno.test("the words at / tell each server's state", async () => {
  await using one = gauge(1);
  await using service = serve({ one: one.origin, two: `http://127.0.0.1:${closedPort()}` });
  await text(service, "/metrics");
  const words = await text(service, "/");
  assertMatch(
    words,
    /\nupstream: one http:\/\/one\/metrics\nstate: +up\nupstream: two http:\/\/two\/metrics\nstate: +down: /,
  );
});

Deno.test("the history has the scrapes of each server, by clients or its own", async () => {
  await using one = serveHttp(() => new Response("vllm:num_requests_running 1\n"));
  await using two = serveHttp(() => new Response("vllm:num_requests_running 2\n"));
  const servers = namedServers({ one: one.origin, two: two.origin });
  await using service = startService("http://unused", { servers, intervalMs: 100 });
  // One is scraped alone; a viewer of the history has both scraped.
  await text(service, "/metrics/one");
  using _watch = service.watch();
  await until(async () => {
    const series = await service.ownMetrics();
    return (series.get("vllm_metrics_history_scrapes_total") ?? 0) >= 4 || undefined;
  }, "scrapes of both");
  const { history } = service;
  const timeMs = history.newestMs ?? 0;
  const lines = history.gauge({
    metric: "num_requests_running",
    grid: { startMs: timeMs, endMs: timeMs, stepMs: 1 },
    by: ["instance"],
  });
  assertEquals(lines, [
    { labels: { instance: "one" }, values: [1] },
    { labels: { instance: "two" }, values: [2] },
  ]);
  assertEquals(history.targets.map(({ instance, up }) => [instance, up]), [
    ["one", true],
    ["two", true],
  ]);
});
