import { assertEquals, assertRejects } from "@std/assert";
import { createClient } from "../../lib/net/client.ts";
import { NetError } from "../../lib/net/net_error.ts";
import { Secret } from "../../lib/config/secret.ts";
import { createUpstream, type Upstream } from "../../lib/scrape/upstream.ts";
import {
  closedPort,
  configFor,
  failureOf,
  NEVER,
  type Overrides,
  pem,
  serveHttp,
  serveMutualTls,
  serveReply,
  TEXT,
  textOf,
} from "./fakes.ts";

const CA = { tls: { caCerts: pem("ca.pem") } };
const REPLY =
  `HTTP/1.1 200 OK\r\ncontent-length: ${TEXT.length}\r\nconnection: close\r\n\r\n${TEXT}`;

/** An upstream of some name whose address is known. */
function at(origin: string, hostname: string, overrides: Overrides = {}): Upstream {
  const url = new URL(origin);
  url.hostname = hostname;
  return createUpstream(configFor(url.href, overrides), "127.0.0.1");
}

function hostOf(request = ""): string | undefined {
  return /^host: (.*)\r$/im.exec(request)?.[1];
}

Deno.test("a request to an address says the name", async () => {
  await using server = serveReply(REPLY);
  using upstream = at(server.origin, "vllm-headless.example");
  assertEquals(await textOf(await upstream.scrape({ signal: NEVER })), TEXT);
  const { port } = new URL(server.origin);
  assertEquals(hostOf(server.requests[0]), `vllm-headless.example:${port}`);
});

Deno.test("a request to an IPv6 address says the name", async () => {
  const server = Deno.serve(
    { hostname: "::1", port: 0, onListen(): void {} },
    (request) => new Response(`a 1\n# ${request.headers.get("host")}`),
  );
  const url = `http://vllm.example:${server.addr.port}/metrics`;
  using upstream = createUpstream(configFor(url), "::1");
  const text = await textOf(await upstream.scrape({ signal: NEVER }));
  assertEquals(text, `a 1\n# vllm.example:${server.addr.port}`);
  await server.shutdown();
});

// With the permissions of the service: a later test would not notice that more is needed.
const permissions: Deno.PermissionOptionsObject = { net: true, read: true, env: true };

Deno.test("over TLS too, and the certificate is for the name", { permissions }, async () => {
  await using server = serveReply(REPLY, { certificate: "other", host: "localhost" });
  using upstream = at(server.origin, "other.example", CA);
  assertEquals(await textOf(await upstream.scrape({ signal: NEVER })), TEXT);
  const { port } = new URL(server.origin);
  assertEquals(hostOf(server.requests[0]), `other.example:${port}`);
});

Deno.test("over TLS the connection is kept for the next request", async () => {
  await using server = serveHttp(() => new Response(TEXT), "server");
  using upstream = at(server.origin, "localhost", CA);
  for (let count = 0; count < 3; count++) {
    assertEquals(await textOf(await upstream.scrape({ signal: NEVER })), TEXT);
  }
  assertEquals(server.ports.size, 1);
});

Deno.test("over TLS the client certificate is shown", async () => {
  await using server = await serveMutualTls();
  using upstream = at(server.origin, "localhost", {
    tls: { ...CA.tls, cert: pem("client.pem"), key: new Secret(pem("client.key")) },
  });
  assertEquals(await textOf(await upstream.scrape({ signal: NEVER })), TEXT);
});

const UNKNOWN = [
  'Cannot scrape "http://vllm/metrics": the certificate is from an unknown authority, or not of today',
  "Is the certificate of the authority that signed it in VLLM_TLS_CA_FILE, and still good?",
];

Deno.test.each<[string, string, Overrides, string[]]>([
  ["of another name", "server", CA, [
    'Cannot scrape "http://vllm/metrics": the certificate is not for "other.example"',
    "It is for DNS:localhost, IP Address:127.0.0.1, IP Address:::1.",
  ]],
  ["signed by itself", "self", CA, UNKNOWN],
  ["that has expired", "expired", CA, UNKNOWN],
  ["of an authority that is not configured", "other", {}, UNKNOWN],
])("over TLS a server with a certificate %s is sent nothing", async (_, name, tls, failure) => {
  await using server = serveReply(REPLY, { certificate: name, host: "localhost" });
  using upstream = at(server.origin, "other.example", tls);
  const outcome = await failureOf(upstream.scrape({ signal: NEVER }));
  assertEquals(outcome, ["UPSTREAM_TLS", failure[0], failure[1]]);
  assertEquals(server.requests, []);
});

Deno.test("without verification the name is said all the same", async () => {
  await using server = serveReply(REPLY, { certificate: "self", host: "localhost" });
  using upstream = at(server.origin, "vllm.example", { tls: { skipVerify: true } });
  assertEquals(await textOf(await upstream.scrape({ signal: NEVER })), TEXT);
  assertEquals(hostOf(server.requests[0])?.split(":")[0], "vllm.example");
});

Deno.test("a server at a known address that refuses connections again and again is refused each time", async () => {
  const port = closedPort();
  using client = createClient({ address: "127.0.0.1" });
  for (let attempt = 1; attempt <= 40; attempt++) {
    const error = await assertRejects(
      () =>
        client.request(new URL(`http://vllm:${port}/metrics`), { timeoutMs: 5_000, maxBytes: 1 }),
      NetError,
    );
    assertEquals([attempt, error.kind], [attempt, "refused"]);
  }
});
