import { assert, assertEquals } from "@std/assert";
import { Secret } from "../../lib/config/secret.ts";
import { createUpstream } from "../../lib/scrape/upstream.ts";
import type { Upstream } from "../../lib/scrape/upstream.ts";
import {
  closedPort,
  compressed,
  configFor,
  failureOf,
  NEVER,
  NO_SUCH_HOST,
  outcome,
  type Overrides,
  pem,
  serveHttp,
  serveMutualTls,
  serveRaw,
  serveReply,
  TEXT,
  textOf,
} from "./fakes.ts";

/** By its number, since looking a name up cannot be broken off. */
const SELF = { certificate: "self", host: "127.0.0.1" };

function configured(overrides: Overrides): Overrides {
  return { ...overrides, tls: { ...overrides.tls, skipVerify: true } };
}

function insecure(origin: string, overrides: Overrides = {}): Upstream {
  return createUpstream(configFor(`${origin}/metrics`, configured(overrides)));
}

function insecureOutcome(origin: string, overrides: Overrides = {}): ReturnType<typeof outcome> {
  return outcome(`${origin}/metrics`, configured(overrides));
}

for (const certificate of ["self", "expired", "future", "other", "server"]) {
  // With the permissions of the service: a later test would not notice that more is needed.
  const permissions: Deno.PermissionOptionsObject = { net: true, read: true, env: true };
  Deno.test(`skipVerify takes the certificate "${certificate}"`, { permissions }, async () => {
    const reply =
      `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${TEXT.length}\r\n` +
      `connection: close\r\n\r\n${TEXT}`;
    await using server = serveReply(reply, { certificate, host: "localhost" });
    using upstream = insecure(server.origin, { headers: [["authorization", "Bearer token"]] });
    const scrape = await upstream.scrape({ signal: NEVER });
    assertEquals([scrape.contentType, scrape.contentLength], ["text/plain", TEXT.length]);
    assertEquals(await textOf(scrape), TEXT);
    const head = server.requests[0]?.toLowerCase() ?? "";
    assert(head.startsWith("get /metrics?key=secret http/1.1\r\n"), head);
    assert(head.includes("\r\nauthorization: bearer token\r\n"), head);
    assert(head.includes("\r\naccept-encoding: identity\r\n"), head);
  });
}

Deno.test("skipVerify leaves every other upstream verified", async () => {
  await using server = serveReply(
    `HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT}`,
    SELF,
  );
  using open = insecure(server.origin);
  using strict = createUpstream(configFor(server.origin));
  assertEquals(await textOf(await open.scrape({ signal: NEVER })), TEXT);
  assertEquals((await failureOf(strict.scrape({ signal: NEVER })))[0], "UPSTREAM_TLS");
  assertEquals(await textOf(await open.scrape({ signal: NEVER })), TEXT);
});

Deno.test("skipVerify shows the client certificate", async () => {
  await using server = await serveMutualTls();
  assertEquals(
    await insecureOutcome(server.origin, {
      tls: { cert: pem("client.pem"), key: new Secret(pem("client.key")) },
    }),
    TEXT,
  );
});

Deno.test("skipVerify keeps a body of many chunks as it is", async () => {
  const line = "0123456789abcdef".repeat(64);
  const body = Array.from({ length: 5000 }, (_, index) => `${index} ${line}\n`).join("");
  await using server = serveReply(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${body}`, SELF);
  using upstream = insecure(server.origin, { maxBodyBytes: 100_000_000 });
  const scrape = await upstream.scrape({ signal: NEVER });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of scrape.body) {
    text += decoder.decode(chunk);
    chunk.fill(0);
  }
  assertEquals(text, body);
});

Deno.test("skipVerify keeps the connection for the next one", async () => {
  await using server = serveHttp(() => new Response(TEXT), "self");
  using upstream = insecure(server.origin);
  for (let count = 0; count < 5; count++) {
    assertEquals(await textOf(await upstream.scrape({ signal: NEVER })), TEXT);
  }
  assertEquals(server.ports.size, 1);
});

Deno.test("skipVerify decompresses", async () => {
  const body = await compressed(TEXT, "gzip");
  await using server = serveRaw(async ({ send }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n");
    await send(body);
  }, SELF);
  assertEquals(await insecureOutcome(server.origin), TEXT);
});

Deno.test("skipVerify tells a port without a listener", async () => {
  assertEquals(await insecureOutcome(`https://127.0.0.1:${closedPort()}`), [
    "UPSTREAM_REFUSED",
    'Cannot scrape "http://vllm/metrics": connection refused',
    "Is vLLM running, and is the port right?",
  ]);
});

Deno.test("skipVerify tells a name without an address", async () => {
  assertEquals(await insecureOutcome(`https://${NO_SUCH_HOST}`), [
    "UPSTREAM_DNS",
    `Cannot scrape "http://vllm/metrics": host name "${NO_SUCH_HOST}" not found`,
    "Is the name right? Between containers it is the name of vLLM's service.",
  ]);
});

Deno.test("skipVerify tells a server without TLS", async () => {
  await using server = serveReply("HTTP/1.1 400 Bad Request\r\n\r\n");
  assertEquals((await insecureOutcome(server.origin.replace("http:", "https:"))).slice(0, 2), [
    "UPSTREAM_TLS",
    'Cannot scrape "http://vllm/metrics": the server does not speak TLS',
  ]);
});

const FAILURES: Array<[name: string, reply: string, code: string, text: string]> = [
  ["what is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", "UPSTREAM_FAILED", "the reply is not HTTP"],
  [
    "a large header",
    `HTTP/1.1 200 OK\r\na: ${"b".repeat(1_000_000)}\r\n\r\n`,
    "UPSTREAM_FAILED",
    "the header of the reply is too large",
  ],
  [
    "an early end",
    "HTTP/1.1 200",
    "UPSTREAM_CLOSED",
    "the server closed the connection before it answered",
  ],
];

for (const [name, reply, code, text] of FAILURES) {
  Deno.test(`skipVerify tells ${name}`, async () => {
    await using server = serveReply(reply, SELF);
    assertEquals((await insecureOutcome(server.origin)).slice(0, 2), [
      code,
      `Cannot scrape "http://vllm/metrics": ${text}`,
    ]);
  });
}

const BROKEN: Array<[name: string, reply: string, amount: string]> = [
  ["shorter than its length", "content-length: 10\r\n\r\nhi", "2 of 10 bytes"],
  ["without its last chunk", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "5 bytes"],
  ["with a broken chunk", "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\nxyz\r\n", "2 bytes"],
];

for (const [name, reply, amount] of BROKEN) {
  Deno.test(`skipVerify never hands out a body ${name}`, async () => {
    await using server = serveReply(`HTTP/1.1 200 OK\r\n${reply}`, SELF);
    assertEquals((await insecureOutcome(server.origin)).slice(0, 2), [
      "UPSTREAM_CLOSED",
      'Cannot scrape "http://vllm/metrics": the server closed the connection in the middle of the ' +
      `body, after ${amount}`,
    ]);
  });
}

Deno.test("skipVerify tells a timeout in the body, and aborts the request", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using server = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n0123456789");
    await gone();
    sawEnd();
  }, SELF);
  assertEquals((await insecureOutcome(server.origin, { timeoutMs: 500 })).slice(0, 2), [
    "UPSTREAM_TIMEOUT",
    'Cannot scrape "http://vllm/metrics": only 10 of 40 bytes of the body within 500ms',
  ]);
  await gone;
});

Deno.test("skipVerify aborts the request when its body is cancelled", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using server = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nfirst");
    await gone();
    sawEnd();
  }, SELF);
  using upstream = insecure(server.origin);
  const scrape = await upstream.scrape({ signal: NEVER });
  await scrape.body.read();
  await scrape.body.cancel();
  await gone;
});
