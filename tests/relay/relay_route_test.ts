import { assert, assertEquals, assertMatch } from "@std/assert";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { PbfReader } from "pbf";
import { capture } from "../otlp/relay.ts";
import { RawClient } from "../http/raw_client.ts";
import { GOOD, serveParseable } from "./fake_parseable.ts";
import { startRelay } from "./relay_service.ts";

/** Points in the capture `during-load-c40`, by kind. */
const SCRAPE = capture("during-load-c40");
const JSON_TYPE = { "content-type": "application/json" };
/** One gauge point as OTLP/JSON. */
const ONE_POINT = JSON.stringify({
  resourceMetrics: [{
    scopeMetrics: [{
      metrics: [{ name: "a", gauge: { dataPoints: [{ timeUnixNano: "1", asDouble: 1 }] } }],
    }],
  }],
});

function sum(series: Map<string, number>, name: string): number {
  return [...series].filter(([key]) => key.startsWith(name))
    .reduce((total, [, value]) => total + value, 0);
}

/** The points in a body, by counting their times. */
function pointsIn(text: string): number {
  return text.match(/"timeUnixNano"/g)?.length ?? 0;
}

/** Reads a `google.rpc.Status`. */
function readStatus(bytes: Uint8Array): { code: number; message: string } {
  return new PbfReader(bytes).readFields((tag, status, pbf) => {
    if (tag === 1) status.code = pbf.readVarint();
    if (tag === 2) status.message = pbf.readString();
  }, { code: 0, message: "" });
}

Deno.test("a scrape of Fluent Bit is stored as JSON and acknowledged as OTLP wants it", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const response = await relay.post(SCRAPE);
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "application/x-protobuf");
  assertEquals((await response.bytes()).length, 0);
  const [stored] = parseable.stored;
  const series = await relay.metrics();
  const points = sum(series, "vllm_metrics_relay_points_total");
  assert(points > 140, `${points} points`);
  assertEquals(pointsIn(stored?.text ?? ""), points);
  assertEquals(sum(series, "vllm_metrics_relay_points_dropped_total"), 0);
  assert(sum(series, "vllm_metrics_relay_histograms_repaired_total") > 15);
  assertEquals(series.get('vllm_metrics_relay_requests_total{code="200"}'), 1);
  assertEquals(series.get("vllm_metrics_parseable_up"), 1);
  assertEquals(series.get('vllm_metrics_parseable_answers_total{code="200"}'), 1);
});

Deno.test("JSON is answered in JSON, with what was taken out", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  assertEquals(await (await relay.post(ONE_POINT, JSON_TYPE)).json(), {});
  const bad = ONE_POINT.replace('"asDouble":1', '"asDouble":"NaN"');
  const { partialSuccess } = await (await relay.post(bad, JSON_TYPE)).json();
  assertEquals(partialSuccess.rejectedDataPoints, "1");
  const reason = 'vllm_metrics_relay_points_dropped_total{reason="value_not_finite"}';
  assertEquals((await relay.metrics()).get(reason), 1);
});

Deno.test("only the caller's credentials and X-P fields go on, and what is missing is added", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin, { PARSEABLE_STREAM: "other" });
  const more = { cookie: "a=1", "x-forwarded-for": "1.2.3.4", "x-p-cluster": "lab", "x-key": "1" };
  await (await relay.post(SCRAPE, more)).bytes();
  await (await relay.post(SCRAPE, { "x-p-stream": "mine", "x-api-key": "k" })).bytes();
  const [first, second] = parseable.stored.map(({ headers }) => headers);
  assertEquals(first?.get("authorization"), GOOD);
  assertEquals(first?.get("x-p-stream"), "other");
  assertEquals(first?.get("x-p-log-source"), "otel-metrics");
  assertEquals(first?.get("x-p-cluster"), "lab");
  assertEquals(["cookie", "x-forwarded-for", "x-key"].map((name) => first?.get(name)), [
    null,
    null,
    null,
  ]);
  assertEquals([second?.get("x-p-stream"), second?.get("x-api-key")], ["mine", "k"]);
});

Deno.test.each<[coding: string, body: Uint8Array]>([
  ["identity", SCRAPE],
  ["GZIP", gzipSync(SCRAPE)],
  ["deflate", deflateSync(SCRAPE)],
  ["zstd", zstdCompressSync(SCRAPE)],
])("a request in the coding %s is stored as without one", async (coding, body) => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  for (const [bytes, headers] of [[SCRAPE, {}], [body, { "content-encoding": coding }]] as const) {
    const response = await relay.post(new Uint8Array(bytes), headers);
    assertEquals([response.status, await response.text()], [200, ""]);
  }
  const [plain, coded] = parseable.stored;
  assertEquals(parseable.stored.length, 2);
  assertEquals(coded?.text, plain?.text);
});

Deno.test("a body that is cut off, and one with nothing or with two frames of zstd, is refused", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const frame = zstdCompressSync(SCRAPE);
  const damaged: [string, Iterable<number>][] = [
    ["zstd", []],
    ["zstd", [...frame, ...frame]],
    ["zstd", frame.subarray(0, -1)],
    ["gzip", gzipSync(SCRAPE).subarray(0, 1_000)],
  ];
  for (const [coding, body] of damaged) {
    const response = await relay.post(Uint8Array.from(body), { "content-encoding": coding });
    assertEquals(response.status, 400);
    assertEquals(readStatus(await response.bytes()).message, `the body is not valid ${coding}`);
  }
  assertEquals(parseable.stored, []);
});

Deno.test("what is too long stops at the limit, also when it is a decompression bomb", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const zeros = new Uint8Array(200_000_000);
  const bodies: [Record<string, string>, Uint8Array][] = [
    [{ "content-encoding": "gzip" }, gzipSync(zeros)],
    [{ "content-encoding": "zstd" }, zstdCompressSync(zeros)],
    [{}, new Uint8Array(16 * 1_048_576 + 1)],
  ];
  for (const [headers, body] of bodies) {
    const response = await relay.post(new Uint8Array(body), headers);
    assertEquals(response.status, 413);
    await response.bytes();
  }
});

Deno.test("other methods, types, codings and routes are refused", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const get = await fetch(`${relay.origin}/v1/metrics`);
  assertEquals([get.status, get.headers.get("allow")], [405, "POST"]);
  await get.text();
  const type = await relay.post("x", { "content-type": "text/plain" });
  assertEquals(type.status, 415);
  await type.bytes();
  const coding = await relay.post("x", { "content-encoding": "br" });
  assertEquals([coding.status, coding.headers.get("accept-encoding")], [
    415,
    "gzip, deflate, zstd",
  ]);
  await coding.bytes();
  const route = await fetch(`${relay.origin}/v1/logs`, { method: "POST" });
  assertEquals(route.status, 404);
  await route.text();
  assertEquals(await (await fetch(`${relay.origin}/-/ready`)).text(), "ready\n");
});

Deno.test("malformed bytes are refused with their place, and logged once", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  for (let count = 0; count < 3; count++) {
    const response = await relay.post(SCRAPE.slice(0, 1_000));
    assertEquals(response.status, 400);
    const { code, message } = readStatus(await response.bytes());
    assertEquals(code, 3);
    assertMatch(message, /^Cannot decode OTLP metrics at byte \d+: /);
  }
  assertEquals(relay.log.filter((line) => line.includes("Cannot decode")).length, 1);
  assertEquals(parseable.stored.length, 0);
});

const REFUSALS: ReadonlyArray<readonly [answer: number, expected: number, retry: boolean]> = [
  [500, 503, true],
  [503, 503, true],
  [401, 503, true],
  [403, 503, true],
  [404, 503, true],
  [302, 503, true],
  // What an overloaded Parseable answers; passed on as it is, Fluent Bit would drop its data.
  [408, 503, true],
  [429, 429, true],
  [400, 400, false],
  [413, 413, false],
];
for (const [answer, expected, retry] of REFUSALS) {
  Deno.test(`${answer} of Parseable is ${expected} to the sender`, async () => {
    await using parseable = serveParseable();
    await using relay = startRelay(parseable.origin);
    parseable.answer = () => new Response("words ".repeat(5_000), { status: answer });
    for (let count = 0; count < 2; count++) {
      const response = await relay.post(SCRAPE);
      assertEquals(response.status, expected);
      assertEquals(response.headers.has("retry-after"), retry);
      const reply = await response.bytes();
      // Fluent Bit takes a longer reply for a failure of the connection.
      assert(reply.length < 2_048, `${reply.length} bytes`);
    }
    const words = relay.log.filter((line) => line.includes("words words"));
    assertEquals(words.length > 0, true);
    assertEquals(relay.log.filter((line) => line.includes("Parseable ")).length <= 2, true);
    const series = await relay.metrics();
    assertEquals(series.get("vllm_metrics_parseable_up"), 0);
    assertEquals(series.get(`vllm_metrics_parseable_answers_total{code="${answer}"}`), 2);
    parseable.answer = undefined;
    assertEquals((await (await relay.post(SCRAPE)).bytes()).length, 0);
    assertEquals(relay.log.at(-1)?.includes("Parseable stores what is sent"), true);
  });
}

Deno.test("no connection, and no answer in time, are 503 with a sentence", async () => {
  await using parseable = serveParseable();
  const gone = "http://127.0.0.1:9";
  await using refused = startRelay(gone);
  const response = await refused.post(SCRAPE);
  assertEquals([response.status, response.headers.get("retry-after")], [503, "5"]);
  const { message } = readStatus(await response.bytes());
  assertMatch(message, /^Cannot reach Parseable at "http:\/\/127\.0\.0\.1:9\/v1\/metrics": /);

  await using slow = startRelay(parseable.origin, { PARSEABLE_TIMEOUT: "100ms" });
  const { promise, resolve } = Promise.withResolvers<Response>();
  parseable.answer = () => promise;
  const late = await slow.post(SCRAPE);
  assertEquals(late.status, 503);
  assertMatch(readStatus(await late.bytes()).message, /no answer within 100 ms$/);
  resolve(new Response(null));
});

Deno.test("credentials are in no log line and no reply, and admin:admin is warned of once", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const wrong = `Basic ${btoa("somebody:a-wrong-password")}`;
  const texts: string[] = [];
  for (
    const authorization of [
      GOOD,
      wrong,
      `Basic ${btoa("admin:admin")}`,
      `Basic ${btoa("admin:admin")}`,
    ]
  ) {
    texts.push(await (await relay.post(SCRAPE, { authorization })).text());
  }
  texts.push(...relay.log);
  for (const secret of [GOOD, wrong, "secret-password", "a-wrong-password"]) {
    assertEquals(texts.filter((text) => text.includes(secret)), []);
  }
  assertEquals(relay.log.filter((line) => line.includes("admin:admin")).length, 1);
});

Deno.test("a request that is too long as JSON is stored in several, with every point", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  // Requests put behind one another are one request with the metrics of all (protobuf).
  const copies = Math.floor(10_000_000 / SCRAPE.length);
  const large = new Uint8Array(copies * SCRAPE.length);
  for (let copy = 0; copy < copies; copy++) large.set(SCRAPE, copy * SCRAPE.length);
  const response = await relay.post(large);
  assertEquals(response.status, 200);
  await response.bytes();
  const points = parseable.stored.reduce((total, { text }) => total + pointsIn(text), 0);
  assert(parseable.stored.length > 1, `${parseable.stored.length} bodies`);
  assertEquals(points, sum(await relay.metrics(), "vllm_metrics_relay_points_total"));
});

Deno.test("a refusal of the type says nothing of codings (RFC 9110, section 12.5.3)", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const response = await relay.post(SCRAPE, { "content-type": "text/plain" });
  await response.bytes();
  assertEquals([response.status, response.headers.get("accept-encoding")], [415, null]);
});

Deno.test("Parseable gets these fields and no others", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const headers = { "user-agent": "Fluent-Bit", "x-p-stream": "", "x-p-log-source": "" };
  const response = await relay.post(SCRAPE, headers);
  await response.bytes();
  const [stored] = parseable.stored;
  const names = [...stored?.headers.keys() ?? []];
  // These five are of `fetch` itself.
  const own = ["accept", "accept-encoding", "accept-language", "content-length", "host"];
  assertEquals(names.filter((name) => !own.includes(name)), [
    "authorization",
    "content-type",
    "user-agent",
    "x-p-log-source",
    "x-p-stream",
  ]);
  assertEquals(stored?.headers.get("user-agent")?.startsWith("Deno/"), true);
  assertEquals(stored?.headers.get("x-p-stream"), "vLLMmetrics");
  assertEquals(stored?.headers.get("x-p-log-source"), "otel-metrics");
});

Deno.test("a sender that breaks off in the middle of its request leaves no trace", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const client = await RawClient.connect(relay.origin);
  await client.send(
    "POST /v1/metrics HTTP/1.1\r\nHost: x\r\ncontent-type: application/x-protobuf\r\n" +
      "content-length: 1000\r\n\r\n\n",
  );
  client.close();
  const response = await relay.post(SCRAPE);
  await response.bytes();
  assertEquals([response.status, parseable.stored.length], [200, 1]);
});

Deno.test("two requests at once are kept apart", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const streams = Array.from({ length: 12 }, (_, index) => `stream${index}`);
  const statuses = await Promise.all(streams.map(async (stream) => {
    const response = await relay.post(SCRAPE, { "x-p-stream": stream });
    await response.bytes();
    return response.status;
  }));
  assertEquals(new Set(statuses), new Set([200]));
  const stored = parseable.stored.map(({ headers }) => headers.get("x-p-stream"));
  assertEquals(stored.toSorted(), streams.toSorted());
});
