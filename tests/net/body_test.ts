import { assertEquals } from "@std/assert";
import { CHUNK_BYTES } from "../../lib/net/body.ts";
import { createUpstream } from "../../lib/scrape/upstream.ts";
import {
  collectGarbage,
  compressed,
  configFor,
  failureOf,
  NEVER,
  outcome,
  serveHttp,
  serveRaw,
  serveReply,
  TEXT,
  textOf,
} from "./fakes.ts";

const CLOSED_HINT = "Did vLLM stop, or a gateway in front of it give up?";

Deno.test("a body of exactly the limit passes", async () => {
  await using server = serveHttp(() => new Response(TEXT));
  assertEquals(await outcome(server.origin, { maxBodyBytes: TEXT.length }), TEXT);
});

Deno.test("the body of a scrape tells a timeout after the garbage is collected", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using server = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n0123456789");
    await gone();
    sawEnd();
  });
  using upstream = createUpstream(configFor(server.origin, { timeoutMs: 500 }));
  const scrape = await upstream.scrape({ signal: NEVER });
  // Deno 2.9.6 then forgets that aborting the request has to abort the body.
  collectGarbage();
  const [code] = await failureOf(textOf(scrape));
  assertEquals(code, "UPSTREAM_TIMEOUT");
  await gone;
});

Deno.test("the body of a scrape tells a reader that does not read", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using server = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\n\r\n0123456789");
    await gone();
    sawEnd();
  });
  using upstream = createUpstream(configFor(server.origin, { timeoutMs: 500 }));
  const { body } = await upstream.scrape({ signal: NEVER });
  await body.read();
  await gone;
  assertEquals(await failureOf(body.read()), [
    "READER_SLOW",
    'Cannot finish the scrape of "http://vllm/metrics": the reader took only 10 bytes in 500ms',
    "",
  ]);
});

Deno.test("the body of a scrape breaks off with the reader's signal", async () => {
  const reader = new AbortController();
  await using server = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\n\r\n0123456789");
    await gone();
  });
  using upstream = createUpstream(configFor(server.origin));
  const scrape = await upstream.scrape({ signal: reader.signal });
  const text = textOf(scrape);
  reader.abort();
  assertEquals(await failureOf(text), [
    "READER_GONE",
    'Cannot finish the scrape of "http://vllm/metrics": the reader left',
    "",
  ]);
});

const BROKEN: Array<[name: string, reply: string, amount: string]> = [
  ["without its last chunk", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "5 bytes"],
  ["with a broken chunk", "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\nxyz\r\n", "2 bytes"],
];

for (const [name, reply, amount] of BROKEN) {
  Deno.test(`the body of a scrape is never ${name}`, async () => {
    await using server = serveReply(`HTTP/1.1 200 OK\r\n${reply}`);
    assertEquals(await outcome(server.origin), [
      "UPSTREAM_CLOSED",
      'Cannot scrape "http://vllm/metrics": the server closed the connection in the middle of the ' +
      `body, after ${amount}`,
      CLOSED_HINT,
    ]);
  });
}

for (const coding of ["gzip", "x-gzip", "deflate", "br", "GZIP"]) {
  Deno.test(`scrape() decompresses ${coding} that nobody asked for`, async () => {
    const body = await compressed(TEXT.repeat(1000), coding);
    const headers = { "content-encoding": coding, "content-length": `${body.byteLength}` };
    await using server = serveHttp(() => new Response(body, { headers }));
    using upstream = createUpstream(configFor(server.origin));
    const scrape = await upstream.scrape({ signal: NEVER });
    assertEquals(scrape.contentLength, undefined);
    assertEquals(await textOf(scrape), TEXT.repeat(1000));
  });
}

Deno.test("scrape() takes the coding identity as none", async () => {
  const headers = { "content-encoding": "identity" };
  await using server = serveHttp(() => new Response(TEXT, { headers }));
  using upstream = createUpstream(configFor(server.origin));
  const scrape = await upstream.scrape({ signal: NEVER });
  assertEquals([scrape.contentLength, await textOf(scrape)], [TEXT.length, TEXT]);
});

for (const coding of ["zstd", "gzip, gzip", "constructor"]) {
  Deno.test(`scrape() refuses the coding ${coding}`, async () => {
    const headers = { "content-encoding": coding };
    await using server = serveHttp(() => new Response(TEXT, { headers }));
    assertEquals(await outcome(server.origin), [
      "UPSTREAM_FAILED",
      'Cannot scrape "http://vllm/metrics": the body is compressed in a way that was not asked for',
      "Let what stands in front of vLLM send it plain, or as gzip, deflate or br.",
    ]);
  });
}

for (const coding of ["gzip", "deflate", "br"]) {
  Deno.test(`a body that ${coding} makes short is decompressed piece by piece`, async () => {
    const body = await compressed("x".repeat(10_000_000), coding);
    const headers = { "content-encoding": coding };
    await using server = serveHttp(() => new Response(body, { headers }));
    using upstream = createUpstream(configFor(server.origin, { maxBodyBytes: 10_000_000 }));
    const scrape = await upstream.scrape({ signal: NEVER });
    let [longest, sum] = [0, 0];
    for await (const { length } of scrape.body) {
      longest = Math.max(longest, length);
      sum += length;
    }
    assertEquals([sum, longest <= CHUNK_BYTES], [10_000_000, true], `${longest} bytes at once`);
  });
}

Deno.test("a compressed body breaks off at the limit of the plain one", async () => {
  const body = await compressed("x".repeat(50_000_000), "gzip");
  const headers = { "content-encoding": "gzip" };
  await using server = serveHttp(() => new Response(body, { headers }));
  const [code] = await outcome(server.origin);
  assertEquals(code, "UPSTREAM_TOO_LARGE");
});

Deno.test("a compressed body that is cut off is not complete", async () => {
  const body = await compressed(TEXT.repeat(1000), "gzip");
  const head =
    `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.byteLength}\r\n\r\n`;
  await using server = serveRaw(async ({ send }) => {
    await send(head);
    await send(body.subarray(0, 20));
  });
  const [code] = await outcome(server.origin);
  assertEquals(code, "UPSTREAM_CLOSED");
});

for (const [name, cut] of [["cut", 20], ["not compressed at all", 0]] as const) {
  Deno.test(`a compressed body that is ${name} is an error that says so`, async () => {
    const whole = await compressed(TEXT.repeat(1000), "gzip");
    const body = cut === 0 ? TEXT : whole.subarray(0, cut);
    const headers = { "content-encoding": "gzip" };
    await using server = serveHttp(() => new Response(body, { headers }));
    assertEquals(await outcome(server.origin), [
      "UPSTREAM_FAILED",
      'Cannot scrape "http://vllm/metrics": the body does not decompress as gzip',
      "",
    ]);
  });
}

Deno.test("cancelling a compressed body aborts the request", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  const body = await compressed(TEXT, "gzip");
  await using server = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n");
    await send(body.subarray(0, 20));
    await gone();
    sawEnd();
  });
  using upstream = createUpstream(configFor(server.origin));
  const scrape = await upstream.scrape({ signal: NEVER });
  await scrape.body.cancel();
  await gone;
});
