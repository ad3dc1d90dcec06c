import { assertEquals } from "@std/assert";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { capture } from "../otlp/relay.ts";
import { RawClient } from "../server/raw_client.ts";
import { serveParseable } from "./fake_parseable.ts";
import { startRelay } from "./relay_service.ts";

const SCRAPE = capture("nostats-after-load");

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

Deno.test("a body with nothing, or with two frames of zstd, is no zstd", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const frame = zstdCompressSync(SCRAPE);
  for (const body of [[], [...frame, ...frame], frame.subarray(0, -1)]) {
    const response = await relay.post(new Uint8Array(body), { "content-encoding": "zstd" });
    assertEquals(response.status, 400);
    await response.bytes();
  }
  assertEquals(parseable.stored, []);
});

Deno.test("a decompression bomb in zstd stops at the limit", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  const bomb = new Uint8Array(zstdCompressSync(new Uint8Array(200_000_000)));
  const response = await relay.post(bomb, { "content-encoding": "zstd" });
  await response.bytes();
  assertEquals(response.status, 413);
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
