import { assertEquals } from "@std/assert";
import { requestFailure } from "../../lib/scrape/upstream.ts";
import { createUpstream } from "../../lib/scrape/upstream.ts";
import { configFor, failureOf, outcome, serveRaw, serveReply } from "./fakes.ts";

const TARGET = { label: "http://vllm/metrics", hostname: "vllm", hasCertificate: false };

Deno.test("scrape() tells a port that fetch never connects to", async () => {
  assertEquals(await outcome("http://127.0.0.1:6000/"), [
    "UPSTREAM_FAILED",
    'Cannot scrape "http://vllm/metrics": port 6000 is closed to HTTP clients',
    "The Fetch standard reserves it for another protocol: let vLLM listen on another port.",
  ]);
});

Deno.test({
  name: "scrape() tells a missing permission",
  permissions: { net: ["127.0.0.1:1"], env: true },
  async fn(): Promise<void> {
    assertEquals(await outcome("http://127.0.0.1:8000/"), [
      "UPSTREAM_FAILED",
      'Cannot scrape "http://vllm/metrics": the service has no permission to reach 127.0.0.1:8000',
      "Start it with --allow-net.",
    ]);
  },
});

const NOT_HTTP = [
  "UPSTREAM_FAILED",
  'Cannot scrape "http://vllm/metrics": the reply is not HTTP',
  "Is the port right? A server that speaks TLS needs an address with https://.",
];
const CLOSED = [
  "UPSTREAM_CLOSED",
  'Cannot scrape "http://vllm/metrics": the server closed the connection before it answered',
  "Did vLLM stop, or is the port another service's?",
];

const REPLIES: Array<[name: string, reply: string, failure: string[]]> = [
  ["SSH", "SSH-2.0-OpenSSH_9.2\r\n", NOT_HTTP],
  ["a length below zero", "HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\n", NOT_HTTP],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n", NOT_HTTP],
  ["a broken header field", "HTTP/1.1 200 OK\r\na\0b: 3\r\n\r\n", NOT_HTTP],
  ["nothing", "", CLOSED],
  ["half a header", "HTTP/1.1 200 OK\r\ncontent-le", CLOSED],
  ["a header without end", `HTTP/1.1 200 OK\r\na: ${"b".repeat(1_000_000)}\r\n\r\n`, [
    "UPSTREAM_FAILED",
    'Cannot scrape "http://vllm/metrics": the header of the reply is too large',
    "Is this vLLM's port?",
  ]],
];

for (const [name, reply, failure] of REPLIES) {
  Deno.test(`scrape() tells ${name} in place of a reply`, async () => {
    await using server = serveReply(reply);
    assertEquals(await outcome(server.origin), failure);
  });
}

Deno.test("scrape() tells a server that speaks TLS on an http address", async () => {
  await using server = serveReply("", { certificate: "server" });
  assertEquals(await outcome(server.origin.replace("https:", "http:")), NOT_HTTP);
});

Deno.test("scrape() passes the reason of the reader's signal on", async () => {
  const stopped = requestFailure(new Error("one"), TARGET);
  await using server = serveRaw(({ gone }) => gone());
  using upstream = createUpstream(configFor(server.origin));
  assertEquals(
    await failureOf(upstream.scrape({ signal: AbortSignal.abort(stopped) })),
    ["UPSTREAM_FAILED", 'Cannot scrape "http://vllm/metrics": one', ""],
  );
});

Deno.test("scrape() aborts the request when the reader leaves before the headers", async () => {
  const reader = new AbortController();
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using server = serveRaw(async ({ gone }) => {
    reader.abort();
    await gone();
    sawEnd();
  });
  using upstream = createUpstream(configFor(server.origin));
  assertEquals(await failureOf(upstream.scrape({ signal: reader.signal })), [
    "READER_GONE",
    'Cannot finish the scrape of "http://vllm/metrics": the reader left',
    "",
  ]);
  await gone;
});

const FETCH = "error sending request for url (http://vllm:8000/metrics?key=secret): client error " +
  "(Connect)";
const WORDS: Array<[detail: string, code: string, text: string]> = [
  [
    "stream error received: unexpected internal error encountered",
    "UPSTREAM_CLOSED",
    "the server closed the connection before it answered",
  ],
  [
    `${FETCH}: dns error: failed to lookup address information: Temporary failure in name resolution`,
    "UPSTREAM_DNS",
    'no name server answers for "vllm"',
  ],
  [
    `${FETCH}: tcp connect error: No route to host (os error 113)`,
    "UPSTREAM_REFUSED",
    "no route to the host",
  ],
  [
    `${FETCH}: tcp connect error: Network is unreachable (os error 101)`,
    "UPSTREAM_REFUSED",
    "no route to the host",
  ],
  [
    `${FETCH}: tcp connect error: Connection timed out (os error 110)`,
    "UPSTREAM_TIMEOUT",
    "the host does not answer",
  ],
  [
    "error sending request from 127.0.0.1:1 for http://vllm/?key=secret (127.0.0.1:2): client error " +
    "(SendRequest): connection error: Connection reset by peer (os error 104)",
    "UPSTREAM_CLOSED",
    "the server closed the connection before it answered",
  ],
];

for (const [detail, code, text] of WORDS) {
  Deno.test(`requestFailure() reads "${detail.split(": ").at(-1)}"`, () => {
    const failure = requestFailure(
      new TypeError("fetch failed", { cause: new Error(detail) }),
      TARGET,
    );
    assertEquals(failure.code, code);
    assertEquals(failure.message, `Cannot scrape "http://vllm/metrics": ${text}`);
    assertEquals(Deno.inspect(failure).includes("secret"), false);
  });
}

Deno.test("requestFailure() reads the codes of node:https, also of several addresses", () => {
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  const failure = requestFailure(new AggregateError([refused, refused]), TARGET);
  assertEquals(failure.code, "UPSTREAM_REFUSED");
});

Deno.test("requestFailure() cleans the words of what it does not know", () => {
  const cause = new Error(
    "error sending request for url (http://u:secret@vllm/?key=secret): odd\r\nHTTPS://secret.example/x thing",
  );
  const failure = requestFailure(new TypeError("fetch failed", { cause }), TARGET);
  assertEquals(failure.code, "UPSTREAM_FAILED");
  assertEquals(
    failure.message,
    'Cannot scrape "http://vllm/metrics": error sending request: odd (address) thing',
  );
  assertEquals(Deno.inspect(failure).includes("secret"), false);
});

Deno.test("requestFailure() has a sentence for what says nothing", () => {
  assertEquals(
    requestFailure(undefined, TARGET).message,
    'Cannot scrape "http://vllm/metrics": the request failed',
  );
});
