import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { MetricsError } from "../../lib/errors.ts";
import { createUpstream } from "../../lib/scrape/upstream.ts";
import { VERSION } from "../../lib/version.ts";
import {
  configFor,
  failureOf,
  NEVER,
  outcome,
  pem,
  serveHttp,
  serveRaw,
  serveReply,
  TEXT,
  textOf,
} from "./fakes.ts";

Deno.test("scrape() sends one GET with the header fields", async () => {
  await using server = serveReply(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT}`);
  using upstream = createUpstream(configFor(`${server.origin}/a/metrics?model=x`, {
    headers: [["authorization", "Bearer token"], ["x-team", "one"], ["host", "gateway.example"]],
  }));
  const scrape = await upstream.scrape({ signal: NEVER });
  assertEquals(await textOf(scrape), TEXT);
  const [request = "", ...more] = server.requests;
  assertEquals(more, []);
  assertEquals(request.split("\r\n")[0], "GET /a/metrics?model=x HTTP/1.1");
  const fields = request.split("\r\n").slice(1);
  for (
    const field of [
      "accept: text/plain;version=0.0.4;q=1, */*;q=0.1",
      "accept-encoding: identity",
      `user-agent: vllm-metrics/${VERSION}`,
      "authorization: Bearer token",
      "x-team: one",
      "host: gateway.example",
    ]
  ) assert(fields.includes(field), `${field} is missing in ${request}`);
});

Deno.test("scrape() takes a body without length, type or end but the connection's", async () => {
  await using server = serveReply(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT}`);
  using upstream = createUpstream(configFor(server.origin));
  const scrape = await upstream.scrape({ signal: NEVER });
  assertEquals(scrape.contentType, "");
  assertEquals(scrape.contentLength, undefined);
  assertEquals(await textOf(scrape), TEXT);
});

Deno.test("scrape() hands the first bytes out before the last have come", async () => {
  const { promise: first, resolve: firstCame } = Promise.withResolvers<void>();
  await using server = serveRaw(async ({ send }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none");
    await first;
    await send("two");
  });
  using upstream = createUpstream(configFor(server.origin));
  const scrape = await upstream.scrape({ signal: NEVER });
  let text = "";
  for await (const chunk of scrape.body) {
    text += new TextDecoder().decode(chunk);
    firstCame();
  }
  assertEquals(text, "onetwo");
});

Deno.test("scrape() keeps the connection for the next one", async () => {
  await using server = serveHttp(() => new Response(TEXT));
  using upstream = createUpstream(configFor(server.origin));
  for (let count = 0; count < 5; count++) await textOf(await upstream.scrape({ signal: NEVER }));
  assertEquals(server.requests.length, 5);
  assertEquals(server.ports.size, 1);
});

Deno.test("scrape() trusts the authorities of caCerts", async () => {
  await using server = serveReply(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT}`, {
    certificate: "server",
  });
  // The second one of a file counts as well.
  const caCerts = pem("client_ca.pem") + pem("ca.pem");
  assertEquals(await outcome(server.origin, { tls: { caCerts } }), TEXT);
});

Deno.test("cancelling the body aborts the request", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using server = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nfirst");
    await gone();
    sawEnd();
  });
  using upstream = createUpstream(configFor(server.origin));
  const scrape = await upstream.scrape({ signal: NEVER });
  assertEquals(new TextDecoder().decode((await scrape.body.read()).bytes), "first");
  await scrape.body.cancel();
  await gone;
});

Deno.test("cancelling the body while it waits for bytes aborts the request", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using server = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
    await gone();
    sawEnd();
  });
  using upstream = createUpstream(configFor(server.origin));
  const scrape = await upstream.scrape({ signal: NEVER });
  const waiting = failureOf(scrape.body.read());
  await scrape.body.cancel();
  assertEquals((await waiting)[0], "READER_GONE");
  await gone;
});

for (const field of [["x y", "secret"], ["x", "sec\nret"], ["x", "secret€"]] as const) {
  Deno.test(`createUpstream() refuses the header field ${JSON.stringify(field)}`, () => {
    const error = assertThrows(() =>
      createUpstream(configFor("http://vllm/", { headers: [[...field]] }))
    );
    assertInstanceOf(error, MetricsError);
    assertEquals(
      [error.code, error.message],
      [
        "CONFIG_INVALID",
        `Cannot send the header field "${field[0]}": its name or value is not fit for HTTP`,
      ],
    );
    assertEquals(error.cause, undefined);
  });
}
