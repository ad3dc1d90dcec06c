import { assertEquals, assertThrows } from "@std/assert";
import { Secret } from "../../lib/config/secret.ts";
import { MetricsError } from "../../lib/errors.ts";
import { type NetError, toNetError } from "../../lib/net/net_error.ts";
import { createUpstream } from "../../lib/scrape/upstream.ts";
import {
  configFor,
  failureOf,
  NEVER,
  outcome,
  pem,
  serveHttp,
  serveMutualTls,
  serveReply,
  TEXT,
} from "./fakes.ts";

const caCerts = pem("ca.pem");
const TRUST_HINT = "Set VLLM_TLS_CA_FILE to the certificate of the authority that signed it.";

const CERTIFICATES: Array<[certificate: string, host: string, text: string, hint: string]> = [
  ["self", "localhost", "the certificate is from an unknown authority", TRUST_HINT],
  [
    "expired",
    "localhost",
    "the certificate expired on 2002-01-01",
    "Renew the certificate of the server, or set the clock of this machine.",
  ],
  [
    "future",
    "localhost",
    "the certificate becomes valid only on 2119-01-01",
    "Is the clock of this machine right?",
  ],
  [
    "other",
    "localhost",
    'the certificate is not for "localhost"',
    'It is for "other.example".',
  ],
  [
    "other",
    "127.0.0.1",
    'the certificate is not for "127.0.0.1"',
    'It is for "other.example".',
  ],
];

for (const [certificate, host, text, hint] of CERTIFICATES) {
  Deno.test(`scrape() tells the certificate "${certificate}" on ${host}`, async () => {
    await using server = serveReply("", { certificate, host });
    assertEquals(await outcome(server.origin, { tls: { caCerts } }), [
      "UPSTREAM_TLS",
      `Cannot scrape "http://vllm/metrics": ${text}`,
      hint,
    ]);
    assertEquals(server.requests, []);
  });
}

Deno.test("scrape() trusts no authority that is not configured", async () => {
  await using server = serveReply("", { certificate: "server", host: "localhost" });
  assertEquals(await outcome(server.origin), [
    "UPSTREAM_TLS",
    'Cannot scrape "http://vllm/metrics": the certificate is from an unknown authority',
    TRUST_HINT,
  ]);
});

Deno.test("scrape() trusts a certificate signed by itself when it is configured", async () => {
  await using server = serveReply(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT}`, {
    certificate: "self",
    host: "localhost",
  });
  assertEquals(await outcome(server.origin, { tls: { caCerts: pem("self.pem") } }), TEXT);
});

Deno.test("scrape() tells a server without TLS on an https address", async () => {
  await using server = serveReply("HTTP/1.1 400 Bad Request\r\n\r\n");
  assertEquals(await outcome(server.origin.replace("http:", "https:")), [
    "UPSTREAM_TLS",
    'Cannot scrape "http://vllm/metrics": the server does not speak TLS',
    "Is the port right, or should the address begin with http://?",
  ]);
});

Deno.test("scrape() tells a connection that ends in the handshake", async () => {
  await using server = serveReply("");
  assertEquals(await outcome(server.origin.replace("http:", "https:")), [
    "UPSTREAM_TLS",
    'Cannot scrape "http://vllm/metrics": the server closed the connection during the TLS handshake',
    "Is the port right, and does it speak TLS?",
  ]);
});

Deno.test("scrape() speaks HTTP/2 where the server does", async () => {
  await using server = serveHttp((request) => new Response(request.headers.get("host")), "server");
  // HTTP/2 has no field of that name.
  assertEquals(await outcome(server.origin, { tls: { caCerts } }), "");
});

Deno.test("the body of a scrape over HTTP/2 is never cut short", async () => {
  const { promise: seen, resolve: saw } = Promise.withResolvers<void>();
  await using server = serveHttp(() =>
    new Response(
      new ReadableStream({
        async start(controller): Promise<void> {
          controller.enqueue(new TextEncoder().encode("hello"));
          await seen;
          controller.error(new Error("Broken on purpose"));
        },
      }),
    ), "server");
  using upstream = createUpstream(configFor(server.origin, { tls: { caCerts } }));
  const { body } = await upstream.scrape({ signal: NEVER });
  await body.read();
  saw();
  assertEquals((await failureOf(body.read())).slice(0, 2), [
    "UPSTREAM_CLOSED",
    'Cannot scrape "http://vllm/metrics": the server closed the connection in the middle of the ' +
    "body, after 5 bytes",
  ]);
});

Deno.test("scrape() shows its client certificate", async () => {
  await using server = await serveMutualTls();
  assertEquals(
    await outcome(`${server.origin}/metrics`, {
      tls: { caCerts, cert: pem("client.pem"), key: new Secret(pem("client.key")) },
    }),
    TEXT,
  );
  assertEquals(server.requests, ["/metrics?key=secret"]);
});

Deno.test("scrape() tells a server that wants a client certificate", async () => {
  await using server = await serveMutualTls();
  assertEquals(await outcome(server.origin, { tls: { caCerts } }), [
    "UPSTREAM_TLS",
    'Cannot scrape "http://vllm/metrics": the server wants a client certificate',
    "Set VLLM_TLS_CERT_FILE and VLLM_TLS_KEY_FILE.",
  ]);
});

Deno.test("scrape() tells a server that closes on another's client certificate", async () => {
  await using server = await serveMutualTls();
  assertEquals(
    await outcome(server.origin, {
      tls: { caCerts, cert: pem("server.pem"), key: new Secret(pem("server.key")) },
    }),
    [
      "UPSTREAM_CLOSED",
      'Cannot scrape "http://vllm/metrics": the server closed the connection before it answered',
      "Did vLLM stop, or is the port another service's? Does it not accept the client certificate?",
    ],
  );
});

Deno.test("createUpstream() refuses a key of another certificate", () => {
  const config = configFor("https://vllm/", {
    tls: { cert: pem("client.pem"), key: new Secret(pem("server.key")) },
  });
  assertThrows(
    () => createUpstream(config),
    MetricsError,
    "Cannot use VLLM_TLS_CERT_FILE with VLLM_TLS_KEY_FILE: the key is another certificate's",
  );
});

for (const skipVerify of [false, true]) {
  Deno.test(`createUpstream() refuses a broken authority, also with skipVerify ${skipVerify}`, () => {
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assertThrows(
      () => createUpstream(configFor("https://vllm/", { tls: { caCerts: broken, skipVerify } })),
      MetricsError,
      "Cannot use the files of VLLM_TLS_CA_FILE, VLLM_TLS_CERT_FILE and VLLM_TLS_KEY_FILE: one of " +
        "them is not PEM",
    );
  });
}

/** What is said of a failure with these words. */
function errorOf(words: string, hasCertificate = false): NetError {
  return toNetError(new Error(words), { hostname: "", hasCertificate });
}

const ALERTS: Array<[alert: string, hasCertificate: boolean, text: string]> = [
  ["HandshakeFailure", false, "the server broke the TLS handshake off (HandshakeFailure)"],
  ["InternalError", true, "the server broke the TLS handshake off (InternalError)"],
  ["ProtocolVersion", false, "the server speaks no TLS of today"],
  ["BadCertificate", false, "the server wants a client certificate"],
  ["UnknownCA", true, "the server does not accept the client certificate (UnknownCA)"],
];

for (const [alert, hasCertificate, text] of ALERTS) {
  Deno.test(`toNetError() reads the alert ${alert}, certificate shown: ${hasCertificate}`, () => {
    const { kind, message } = errorOf(`received fatal alert: ${alert}`, hasCertificate);
    assertEquals([kind, message], ["tls", text]);
  });
}

const PROBLEMS: Array<[problem: string, text: string]> = [
  ["Other(OtherError(CaUsedAsEndEntity))", "the certificate is an authority's, not a server's"],
  ["Other(OtherError(UnsupportedCertVersion))", "the certificate is of an old version"],
  [
    "Other(OtherError(PathLenConstraintViolated))",
    "the certificate is not valid (PathLenConstraintViolated)",
  ],
  ["BadSignature", "the certificate is not valid (BadSignature)"],
  ["Expired", "the certificate expired"],
  ["certificate expired: certificate is not valid after 99999999999999", "the certificate expired"],
  ["NotValidForName", "the certificate is not for this host"],
];

for (const [problem, text] of PROBLEMS) {
  Deno.test(`toNetError() reads ${problem}`, () => {
    assertEquals(errorOf(`invalid peer certificate: ${problem}`).message, text);
  });
}

Deno.test("toNetError() names all that a certificate is for", () => {
  const detail =
    'invalid peer certificate: certificate not valid for name "127.0.0.2"; certificate ' +
    'is only valid for DnsName("localhost"), IpAddress(127.0.0.1) or IpAddress(0::1)';
  const { message, hint } = errorOf(detail);
  assertEquals(message, 'the certificate is not for "127.0.0.2"');
  assertEquals(hint, 'It is for "localhost", "127.0.0.1", "0::1".');
});
