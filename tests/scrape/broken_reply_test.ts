import { assert, assertEquals, assertRejects } from "@std/assert";
import { startService, type TestService, until, within } from "../fakes.ts";
import { type Conversation, type FakeServer, serveRaw } from "../net/fakes.ts";
import { RawClient } from "../http/raw_client.ts";

/** Two families: the first one is on its way to the reader while the second is incomplete. */
const PART = "# TYPE vllm:a gauge\nvllm:a 1\n# TYPE vllm:b gauge\nvllm:b 2\n";
const SENT = "# TYPE vllm_a gauge\nvllm_a 1\n";

/** Heads of a reply of which only `PART` comes. */
const HEADS: Record<string, string> = {
  "with Content-Length": `HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${PART}`,
  "in chunks": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" +
    `${PART.length.toString(16)}\r\n${PART}\r\n`,
  "in one chunk": `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400\r\n${PART}`,
};
const CODINGS = ["identity", "gzip", "br"];
const CASES = Object.keys(HEADS).flatMap((way) =>
  CODINGS.map((coding): [string, string] => [way, coding])
);

const CLOSED = 'level=warn msg="Upstream is down" upstream=http://vllm/metrics ' +
  'code=UPSTREAM_CLOSED error="Cannot scrape \\"http://vllm/metrics\\": the server closed the ' +
  "connection in the middle of the body";

/** A vLLM that sends the first part of a reply and then what a test wants. */
function serveFirstPart(
  way: string,
  then: (talk: Conversation) => Promise<void>,
): FakeServer {
  return serveRaw(async (talk) => {
    await talk.send(HEADS[way] ?? "");
    await then(talk);
  });
}

function request(coding: string): string {
  return `GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${coding}\r\n\r\n`;
}

/** Waits until the reply has begun: what was sent arrived, or its compressed beginning. */
async function begun(client: RawClient, coding: string): Promise<void> {
  await client.readUntil(coding === "identity" ? SENT : "\r\n\r\n");
}

async function inFlight(service: TestService): Promise<number | undefined> {
  return (await service.ownMetrics()).get("vllm_metrics_requests_in_flight");
}

Deno.test.each(CASES)(
  "a body %s that breaks off breaks the reply in %s as well",
  async (way, coding) => {
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    await using vllm = serveFirstPart(way, () => within(mayEnd, () => "no reply"));
    await using service = startService(vllm.origin);
    using client = await RawClient.send(service.origin, request(coding));
    await begun(client, coding);
    end();
    const reply = await client.readToEnd();
    assertEquals(reply.status, 200);
    assertEquals(reply.headers.get("content-encoding") ?? "identity", coding);
    assertEquals(reply.headers.get("content-length"), null);
    assertEquals(reply.complete, false, "the reply looks whole");
    assertEquals(service.log.all.length, 1);
    assert((await service.log.seen("is down")).startsWith(CLOSED), service.log.all[0]);
    const series = await service.ownMetrics();
    assertEquals(series.get('vllm_metrics_scrape_failures_total{code="UPSTREAM_CLOSED"}'), 1);
    assertEquals(series.get("vllm_metrics_upstream_up"), 0);
  },
);

Deno.test.each(CODINGS)(
  "a client that decodes %s notices that the reply broke off",
  async (coding) => {
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    await using vllm = serveFirstPart("in chunks", () => within(mayEnd, () => "no reply"));
    await using service = startService(vllm.origin);
    const response = await service.get("/metrics", { "accept-encoding": coding });
    end();
    await assertRejects(() => response.text());
  },
);

Deno.test.each(CODINGS)("a body that takes too long breaks the reply in %s", async (coding) => {
  await using vllm = serveFirstPart("in chunks", ({ gone }) => gone());
  await using service = startService(vllm.origin, { timeoutMs: 100 });
  using client = await RawClient.send(service.origin, request(coding));
  const reply = await client.readToEnd();
  assertEquals([reply.status, reply.complete], [200, false]);
  assertEquals(
    await service.log.seen("is down"),
    'level=warn msg="Upstream is down" upstream=http://vllm/metrics code=UPSTREAM_TIMEOUT ' +
      `error="Cannot scrape \\"http://vllm/metrics\\": only ${PART.length} bytes of the body ` +
      'within 100ms" hint="Is vLLM overloaded? SCRAPE_TIMEOUT and the reader\'s own timeout set ' +
      'the limit."',
  );
});

Deno.test.each(CODINGS)("a body over the limit breaks the reply in %s", async (coding) => {
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  await using vllm = serveFirstPart("in chunks", async ({ send, gone }) => {
    await within(mayGoOn, () => "no reply");
    await send(`${PART.length.toString(16)}\r\n${PART.replaceAll("vllm:", "more:")}\r\n`);
    await gone();
  });
  await using service = startService(vllm.origin, { maxBodyBytes: PART.length + 1 });
  using client = await RawClient.send(service.origin, request(coding));
  await begun(client, coding);
  goOn();
  const reply = await client.readToEnd();
  assertEquals([reply.status, reply.complete], [200, false]);
  assert((await service.log.seen("is down")).includes(" code=UPSTREAM_TOO_LARGE "));
});

Deno.test("a reader that leaves before the headers ends the request to vLLM", async () => {
  const { promise: asked, resolve: sawRequest } = Promise.withResolvers<void>();
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ gone }) => {
    sawRequest();
    await gone();
    sawEnd();
  });
  await using service = startService(vllm.origin);
  using client = await RawClient.send(service.origin, request("identity"));
  await within(asked, () => "vLLM was not asked");
  client.close();
  await within(gone, () => "vLLM saw no end of the request");
  await until(async () => await inFlight(service) === 0, "the place to be given back");
  // It says nothing about vLLM.
  assertEquals(service.log.all, []);
  assertEquals((await service.ownMetrics()).get("vllm_metrics_scrapes_total"), 0);
});

Deno.test.each(CASES)(
  "a reader that leaves in the middle of a body %s in %s ends the request to vLLM",
  async (way, coding) => {
    const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
    await using vllm = serveFirstPart(way, async ({ gone }) => {
      await gone();
      sawEnd();
    });
    await using service = startService(vllm.origin);
    using client = await RawClient.send(service.origin, request(coding));
    await begun(client, coding);
    client.close();
    await within(gone, () => "vLLM saw no end of the request");
    await until(async () => await inFlight(service) === 0, "the place to be given back");
    assertEquals(service.log.all, []);
    assertEquals((await service.ownMetrics()).get("vllm_metrics_scrapes_total"), 0);
  },
);

Deno.test.each<["leaves" | "reads on"]>([["leaves"], ["reads on"]])(
  "a reader that stands still past the time limit and then %s says nothing of vLLM",
  async (then) => {
    const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
    await using vllm = serveRaw(async ({ send }) => {
      await send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
      // More than all buffers on the way hold.
      const label = "x".repeat(20_000);
      try {
        for (let count = 0;; count++) {
          await send(`# TYPE vllm:a${count} gauge\nvllm:a${count}{b="${label}"} 1\n`);
        }
      } finally {
        sawEnd();
      }
    });
    await using service = startService(vllm.origin, { timeoutMs: 1_500, maxBodyBytes: 1e9 });
    using client = await RawClient.send(service.origin, request("identity"));
    await client.readUntil("vllm_a1{");
    await within(gone, () => "vLLM was not let go of");
    if (then === "leaves") client.close();
    else assertEquals((await client.readToEnd()).complete, false);
    await until(async () => await inFlight(service) === 0, "the place to be given back");
    assertEquals(service.log.all, []);
    const series = await service.ownMetrics();
    assertEquals(series.get("vllm_metrics_upstream_up"), undefined);
    assertEquals(await (await service.get("/-/healthy")).text(), "ok\n");
  },
);
