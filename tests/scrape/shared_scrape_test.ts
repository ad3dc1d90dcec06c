import { assertEquals } from "@std/assert";
import { startService, until, within } from "../fakes.ts";
import { type FakeServer, serveHttp, serveRaw } from "../net/fakes.ts";
import { RawClient } from "../http/raw_client.ts";

const READERS = 5;
const OK = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
const GET = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/** A server that answers when it is told to, each request with its own number. */
function heldServer(): FakeServer & { answer(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  const server = serveRaw(async ({ send }) => {
    const number = ++asked;
    await within(promise, () => "no leave to answer");
    const body = `vllm:number ${number}\n`;
    // With its length: an end that comes late, as on a busy machine, makes a body a slow one.
    await send(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  });
  return { ...server, answer: resolve };
}

Deno.test("readers that come before vLLM answers share one scrape", async () => {
  await using vllm = heldServer();
  await using service = startService(vllm.origin);
  const replies = Array.from({ length: READERS }, () => service.get("/metrics"));
  const head = fetch(`${service.origin}/metrics`, { method: "HEAD" });
  await until(
    async () => (await service.ownMetrics()).get("vllm_metrics_requests_in_flight") === READERS + 1,
    "all readers",
  );
  vllm.answer();
  for (const reply of await Promise.all(replies)) {
    assertEquals([reply.status, await reply.text()], [200, "vllm_number 1\n"]);
  }
  const headReply = await head;
  assertEquals([headReply.status, headReply.headers.get("content-length")], [200, "14"]);
  assertEquals(vllm.requests.length, 1);
  const series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_scrapes_total"), 1);
  assertEquals(series.get("vllm_metrics_scrapes_shared_total"), READERS);
  assertEquals(series.get("vllm_metrics_reply_bytes_total"), 14 * (READERS + 1));
  assertEquals(series.get("vllm_metrics_requests_in_flight"), 0);
});

Deno.test("a reader that comes later gets a scrape of its own", async () => {
  let asked = 0;
  await using vllm = serveHttp(() => new Response(`vllm:number ${++asked}\n`));
  await using service = startService(vllm.origin);
  for (const number of [1, 2, 3]) {
    assertEquals(await (await service.get("/metrics")).text(), `vllm_number ${number}\n`);
  }
  assertEquals((await service.ownMetrics()).get("vllm_metrics_scrapes_shared_total"), 0);
});

Deno.test("a reader that comes once vLLM has begun to answer gets a scrape of its own", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  let asked = 0;
  await using vllm = serveRaw(async ({ send }) => {
    const number = ++asked;
    await send(`${OK}vllm:number ${number}\n`);
    if (number === 1) await within(mayEnd, () => "no leave to end");
  });
  await using service = startService(vllm.origin);
  const first = await service.get("/metrics");
  assertEquals(await (await service.get("/metrics")).text(), "vllm_number 2\n");
  end();
  assertEquals(await first.text(), "vllm_number 1\n");
});

Deno.test("readers share a scrape whatever their time-outs, and each has its own", async () => {
  await using vllm = heldServer();
  await using service = startService(vllm.origin);
  const patience = (seconds: string): Promise<Response> =>
    service.get("/metrics", { "x-prometheus-scrape-timeout-seconds": seconds });
  const patient = [service.get("/metrics"), patience("60"), patience("61")];
  const hurried = await patience("0.2");
  assertEquals(hurried.status, 504);
  assertEquals(
    await hurried.text(),
    'Cannot scrape "http://vllm/metrics": no answer within 100ms. Is vLLM overloaded? ' +
      "SCRAPE_TIMEOUT and the reader's own timeout set the limit.\n",
  );
  vllm.answer();
  for (const reply of await Promise.all(patient)) {
    assertEquals(await reply.text(), "vllm_number 1\n");
  }
  assertEquals(vllm.requests.length, 1);
});

Deno.test("a reader's own time-out says nothing about the server", async () => {
  await using vllm = heldServer();
  await using service = startService(vllm.origin);
  const headers = { "x-prometheus-scrape-timeout-seconds": "0.1" };
  for (let count = 0; count < 3; count++) {
    const reply = await service.get("/metrics", headers);
    await reply.text();
    assertEquals(reply.status, 504);
  }
  assertEquals(service.log.all, []);
  assertEquals((await service.ownMetrics()).get("vllm_metrics_upstream_up"), undefined);
  // The scrape went on without the readers, and is the one that tells.
  assertEquals(vllm.requests.length, 1);
  vllm.answer();
  await service.log.seen("Upstream is up");
  const series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_scrapes_total"), 1);
  assertEquals(series.get("vllm_metrics_upstream_up"), 1);
});

Deno.test("a server that hangs is down once SCRAPE_TIMEOUT is over, whatever readers wait", async () => {
  await using vllm = serveRaw(({ gone }) => gone());
  await using service = startService(vllm.origin, { timeoutMs: 400 });
  const headers = { "x-prometheus-scrape-timeout-seconds": "0.1" };
  await (await service.get("/metrics", headers)).text();
  const line = await service.log.seen("Upstream is down");
  assertEquals(line.includes("no answer within 400ms"), true);
});

Deno.test("scrapes of one server have a bound per second; readers wait for the next", async () => {
  let asked = 0;
  await using vllm = serveHttp(() => new Response(`vllm:number ${++asked}\n`));
  await using service = startService(vllm.origin, { maxScrapesPerSecond: 10 });
  const startedMs = performance.now();
  // One second's worth starts at once, the next five are a tenth of a second apart.
  for (let count = 1; count <= 15; count++) {
    assertEquals(await (await service.get("/metrics")).text(), `vllm_number ${count}\n`);
  }
  const tookMs = performance.now() - startedMs;
  assertEquals(tookMs > 490, true, `${tookMs} ms`);
});

Deno.test("a body that comes slowly is shared as well, and each reader gets all of it", async () => {
  const { promise: mayBegin, resolve: begin } = Promise.withResolvers<void>();
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send }) => {
    await within(mayBegin, () => "no leave to begin");
    await send(`${OK}vllm:number 1\n`);
    await within(mayEnd, () => "no leave to end");
    await send("vllm:last 1\n");
  });
  await using service = startService(vllm.origin);
  const replies = Array.from({ length: READERS }, () => service.get("/metrics"));
  await until(
    async () => (await service.ownMetrics()).get("vllm_metrics_requests_in_flight") === READERS,
    "all readers",
  );
  await until(() => vllm.requests.length === 1, "the first of them to reach vLLM");
  begin();
  const begun = await Promise.all(replies);
  end();
  const texts = await Promise.all(begun.map((reply) => reply.text()));
  assertEquals(texts, Array.from(texts, () => "vllm_number 1\nvllm_last 1\n"));
  assertEquals(vllm.requests.length, 1);
});

Deno.test("a failure is shared as well, and counted once", async () => {
  const { promise, resolve: answer } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send }) => {
    await within(promise, () => "no leave to answer");
    await send("HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n");
  });
  await using service = startService(vllm.origin);
  const replies = Array.from({ length: READERS }, () => service.get("/metrics"));
  await until(
    async () => (await service.ownMetrics()).get("vllm_metrics_requests_in_flight") === READERS,
    "all readers",
  );
  answer();
  const seen = await Promise.all(replies.map(async (reply) => {
    const response = await reply;
    return `${response.status} ${await response.text()}`;
  }));
  assertEquals(new Set(seen).size, 1);
  assertEquals(seen[0]?.slice(0, 3), "502");
  const series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_scrapes_total"), 1);
  assertEquals(series.get("vllm_metrics_requests_in_flight"), 0);
});

Deno.test("the first reader may leave; the others get their answer", async () => {
  await using vllm = heldServer();
  await using service = startService(vllm.origin);
  const inFlight = async (): Promise<number | undefined> =>
    (await service.ownMetrics()).get("vllm_metrics_requests_in_flight");
  const first = await RawClient.send(service.origin, GET);
  await until(() => vllm.requests.length === 1, "the first reader");
  const other = service.get("/metrics");
  await until(async () => await inFlight() === 2, "both readers");
  first[Symbol.dispose]();
  vllm.answer();
  assertEquals(await (await other).text(), "vllm_number 1\n");
  await until(async () => await inFlight() === 0, "all to be over");
});

Deno.test("when the last reader leaves, the scrape is broken off", async () => {
  const { promise: gone, resolve: leave } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ gone: clientGone }) => {
    await clientGone();
    leave();
  });
  await using service = startService(vllm.origin);
  const clients = [
    await RawClient.send(service.origin, GET),
    await RawClient.send(service.origin, GET),
  ];
  await until(
    async () => (await service.ownMetrics()).get("vllm_metrics_requests_in_flight") === 2,
    "both readers",
  );
  await until(() => vllm.requests.length === 1, "one request to reach vLLM");
  for (const client of clients) client[Symbol.dispose]();
  await within(gone, () => "the request to vLLM to end");
  assertEquals((await service.ownMetrics()).get("vllm_metrics_scrapes_total"), 0);
});
