import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../fakes.ts";
import { ask, parseReply, RawClient } from "../http/raw_client.ts";
import { GOOD, serveParseable } from "./fake_parseable.ts";
import { startRelay, type TestRelay } from "./relay_service.ts";

/** Requests that the relay handles at once. */
const PLACES = 16;
/** Clients that are held open. */
const CLIENTS = 1_000;
const JSON_TYPE = { "content-type": "application/json" };
const SCRAPE = JSON.stringify({
  resourceMetrics: [{
    scopeMetrics: [{ metrics: [{ name: "a", gauge: { dataPoints: [{ asDouble: 1 }] } }] }],
  }],
});
const HEAD = "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
  `Content-Type: application/json\r\nAuthorization: ${GOOD}\r\n`;
/** A request whose body does not come to its end. */
const HALF = `${HEAD}Content-Length: ${SCRAPE.length}\r\n\r\n${SCRAPE.slice(0, 10)}`;

/** Sends a scrape; gives status, message and when to try again. */
async function post(relay: TestRelay): Promise<[number, string | undefined, string | null]> {
  const response = await relay.post(SCRAPE, JSON_TYPE);
  const { message } = await response.json();
  return [response.status, message, response.headers.get("retry-after")];
}

/** The refusal that a client gets; the runtime then goes on waiting for its body. */
async function refusalFor(client: RawClient): Promise<[number, string, string | null]> {
  await client.readUntil("}");
  const { status, content, headers } = parseReply(client.text);
  return [status, JSON.parse(content).message, headers.get("retry-after")];
}

const BUSY = [503, "too many requests at once", "1"] as const;
const STORED = [200, undefined, null] as const;

Deno.test("a body that does not come in time is 503, since 408 makes Fluent Bit drop it", async () => {
  await using parseable = serveParseable();
  const limits = { requests: PLACES, bodyMs: 50 };
  await using relay = startRelay(parseable.origin, {}, { limits });
  using client = await RawClient.send(relay.origin, HALF);
  assertEquals(await refusalFor(client), [503, "the request did not come in time", "5"]);
  assertEquals(await post(relay), [...STORED]);
  assertEquals(parseable.stored.length, 1);
  const requests = (await relay.metrics()).get('vllm_metrics_relay_requests_total{code="503"}');
  assertEquals(requests, 1);
});

Deno.test("a body that is complete may take Parseable longer than a body may take", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin, {}, { limits: { requests: 2, bodyMs: 50 } });
  const heard = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<Response>();
  parseable.answer = () => {
    heard.resolve();
    return promise;
  };
  const first = post(relay);
  await heard.promise;
  // A body that began later is late by now.
  using client = await RawClient.send(relay.origin, HALF);
  assertEquals((await refusalFor(client))[0], 503);
  resolve(new Response(null));
  assertEquals(await first, [...STORED]);
});

Deno.test("16 requests are handled at once, and further ones are 503", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const [all, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let heard = 0;
  parseable.answer = async () => {
    if (++heard === PLACES) all.resolve();
    await release.promise;
    return new Response(null);
  };
  const held = Array.from({ length: PLACES }, () => post(relay));
  await all.promise;
  assertEquals(await post(relay), [...BUSY]);
  release.resolve();
  assertEquals(await Promise.all(held), held.map(() => [...STORED]));
  assertEquals(await post(relay), [...STORED]);
});

Deno.test("a sender that waits with its body for a second makes room for others", async () => {
  await using parseable = serveParseable();
  let nowMs = 0;
  const limits = { requests: 1, bodyMs: 30_000 };
  await using relay = startRelay(parseable.origin, {}, { limits, now: () => nowMs });
  using slow = await RawClient.send(relay.origin, HALF);
  await until(async () => (await post(relay))[0] === 503 || undefined, "the place to be taken");
  nowMs = 999;
  assertEquals(await post(relay), [...BUSY]);
  // A byte now and then is no progress: the whole body counts.
  await slow.send("x");
  nowMs = 1_000;
  assertEquals(await post(relay), [...STORED]);
  const answer = await refusalFor(slow);
  assertEquals(answer, [503, "the request did not come while others waited", "5"]);
});

Deno.test("a request that Parseable has not answered makes room for nobody", async () => {
  await using parseable = serveParseable();
  let nowMs = 0;
  await using relay = startRelay(parseable.origin, {}, {
    now: () => nowMs,
    limits: { requests: 1, bodyMs: 30_000 },
  });
  const heard = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<Response>();
  parseable.answer = () => {
    heard.resolve();
    return promise;
  };
  const first = post(relay);
  await heard.promise;
  nowMs = 10_000;
  assertEquals(await post(relay), [...BUSY]);
  resolve(new Response(null));
  assertEquals(await first, [...STORED]);
});

/** Connects a thousand clients; a hundred at a time, so that none is turned away by the system. */
async function connectAll(origin: string, text: string, stack: DisposableStack): Promise<void> {
  for (let count = 0; count < CLIENTS; count += 100) {
    const some = Array.from({ length: 100 }, () => RawClient.send(origin, text));
    for (const client of await Promise.all(some)) stack.use(client);
  }
}

Deno.test.each<[what: string, text: string]>([
  ["connections that say nothing", ""],
  ["half-sent heads", HEAD],
  ["half-sent bodies", HALF],
])("a thousand %s do not stop the relay", async (_, text) => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  using stack = new DisposableStack();
  await connectAll(relay.origin, text, stack);
  // A sender that is told 503 tries again, as Fluent Bit does.
  await until(async () => (await post(relay))[0] === 200 || undefined, "a request to be stored");
  assertEquals(parseable.stored.length, 1);
});

Deno.test.each<[what: string, line: string, host: string, status: number]>([
  ["an absolute form", "POST http://evil.example/v1/metrics", "x", 200],
  ["another host", "POST /v1/metrics", "evil.example:1", 200],
  ["no host", "POST /v1/metrics", "", 200],
  ["a query", "POST /v1/metrics?url=http://evil.example", "x", 200],
  ["a host that is none", "POST /v1/metrics", "[::1", 404],
  ["a host with a path", "POST /none", "x/v1/metrics?", 404],
  ["two slashes", "POST //evil.example/v1/metrics", "x", 404],
  ["CONNECT", "CONNECT evil.example:443", "evil.example:443", 404],
  ["another method", "PUT /v1/metrics", "x", 405],
])("a request to the relay with %s goes to Parseable or nowhere", async (_, line, host, status) => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const head = HEAD.replace("POST /v1/metrics", line).replace("Host: x", `Host: ${host}`);
  const request = `${head}Content-Length: ${SCRAPE.length}\r\n\r\n${SCRAPE}`;
  const reply = await ask(relay.origin, request);
  assertEquals(reply.status, status, reply.content);
  assertEquals(parseable.stored.length, status === 200 ? 1 : 0);
});

Deno.test("a body that nobody asked for holds no answer up, however long it says it is", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  for (const line of ["POST /nothing", "GET /-/ready", "PUT /v1/metrics"]) {
    const head = `${line} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nxxx`;
    using client = await RawClient.send(relay.origin, head);
    await client.readUntil("\r\n\r\n");
    assertMatch(client.text, /^HTTP\/1\.1 (?:404|200|405) /);
  }
  assertEquals(await post(relay), [...STORED]);
});
