import { assertEquals, assertNotEquals } from "@std/assert";
import { createUpstream } from "../../lib/scrape/upstream.ts";
import { configFor, failureOf, NEVER, serveHttp, serveReply, TEXT, textOf } from "./fakes.ts";

const GATEWAY = "A gateway answered in place of vLLM: is vLLM running behind it?";
const STATUSES: Array<[status: number, text: string, hint: string]> = [
  [204, "204 No Content", ""],
  [304, "304 Not Modified", ""],
  [
    401,
    "401 Unauthorized",
    "The server wants credentials: set VLLM_BEARER_TOKEN or VLLM_USERNAME/VLLM_PASSWORD.",
  ],
  [
    403,
    "403 Forbidden",
    "The server knows the caller and refuses: do the credentials allow reading metrics?",
  ],
  [404, "404 Not Found", "Is the path right? vLLM has its metrics at /metrics."],
  [418, "418 I'm a teapot", ""],
  [500, "500 Internal Server Error", "The log of vLLM tells why."],
  [502, "502 Bad Gateway", GATEWAY],
  [503, "503 Service Unavailable", "vLLM may still be starting."],
  [504, "504 Gateway Timeout", GATEWAY],
  [599, "599", "The log of vLLM tells why."],
];

for (const [status, text, hint] of STATUSES) {
  Deno.test(`scrape() tells status ${status}`, async () => {
    // The text of the server is not what is shown.
    await using server = serveReply(
      `HTTP/1.1 ${status} secret\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsecret`,
    );
    using upstream = createUpstream(configFor(server.origin));
    assertEquals(await failureOf(upstream.scrape({ signal: NEVER })), [
      "UPSTREAM_STATUS",
      `Cannot scrape "http://vllm/metrics": status ${text}`,
      hint,
    ]);
  });
}

Deno.test("scrape() tells credentials that were not accepted", async () => {
  await using server = serveHttp(() => new Response("no", { status: 401 }));
  using upstream = createUpstream(configFor(server.origin, {
    headers: [["Authorization", "Bearer secret"]],
  }));
  assertEquals(await failureOf(upstream.scrape({ signal: NEVER })), [
    "UPSTREAM_STATUS",
    'Cannot scrape "http://vllm/metrics": status 401 Unauthorized',
    "The credentials were not accepted: check VLLM_BEARER_TOKEN or VLLM_USERNAME/VLLM_PASSWORD.",
  ]);
});

Deno.test("scrape() follows five redirects on the same origin, with the credentials", async () => {
  const seen: Array<string | null> = [];
  await using server = serveHttp((request) => {
    seen.push(request.headers.get("authorization"));
    const step = Number(new URL(request.url).pathname.slice(1));
    if (step === 5) return new Response(TEXT);
    const location = step % 2 === 0 ? `/${step + 1}` : new URL(`/${step + 1}`, request.url).href;
    return new Response("moved", { status: 302, headers: { location } });
  });
  using upstream = createUpstream(configFor(`${server.origin}/0`, {
    headers: [["authorization", "Bearer token"]],
  }));
  assertEquals(await textOf(await upstream.scrape({ signal: NEVER })), TEXT);
  assertEquals(server.requests, ["/0", "/1", "/2", "/3", "/4", "/5"]);
  assertEquals(new Set(seen), new Set(["Bearer token"]));
});

Deno.test("scrape() gives up after five redirects", async () => {
  await using server = serveHttp(() => Response.redirect(`${server.origin}/again`, 307));
  using upstream = createUpstream(configFor(server.origin));
  assertEquals(await failureOf(upstream.scrape({ signal: NEVER })), [
    "UPSTREAM_REDIRECT",
    'Cannot scrape "http://vllm/metrics": redirected more than 5 times',
    "Is the path right? vLLM has its metrics at /metrics.",
  ]);
  assertEquals(server.requests.length, 6);
});

Deno.test("scrape() takes no credentials from a redirect", async () => {
  await using server = serveHttp((request) => {
    const url = new URL(request.url);
    if (url.pathname === "/there") return new Response(request.headers.get("authorization"));
    const location = `http://mallory:secret@${url.host}/there`;
    return new Response(null, { status: 302, headers: { location } });
  });
  using upstream = createUpstream(configFor(server.origin, {
    headers: [["authorization", "Bearer token"]],
  }));
  assertEquals(await textOf(await upstream.scrape({ signal: NEVER })), "Bearer token");
});

Deno.test("scrape() does not go to another origin, and sends it nothing", async () => {
  await using other = serveHttp(() => new Response(TEXT));
  await using server = serveHttp(() => {
    const location = `${other.origin.replace("http://", "http://user:secret@")}/path?key=secret`;
    return new Response(null, { status: 301, headers: { location } });
  });
  using upstream = createUpstream(configFor(server.origin, {
    headers: [["authorization", "Bearer token"]],
  }));
  assertNotEquals(other.origin, server.origin);
  assertEquals(await failureOf(upstream.scrape({ signal: NEVER })), [
    "UPSTREAM_REDIRECT",
    `Cannot scrape "http://vllm/metrics": redirected to another server, "${other.origin}"`,
    "Credentials stay with the server they are for: set VLLM_METRICS_URL to that server if it is " +
    "the right one.",
  ]);
  assertEquals(other.requests, []);
});

for (const location of ["data:text/plain,secret", "http://[secret/"]) {
  Deno.test(`scrape() tells a redirect to ${location}`, async () => {
    await using server = serveHttp(() =>
      new Response(null, { status: 308, headers: { location } })
    );
    using upstream = createUpstream(configFor(server.origin));
    assertEquals(await failureOf(upstream.scrape({ signal: NEVER })), [
      "UPSTREAM_REDIRECT",
      'Cannot scrape "http://vllm/metrics": redirected to what is no HTTP address',
      "",
    ]);
  });
}

Deno.test("scrape() tells a redirect without a target as a status", async () => {
  await using server = serveHttp(() => new Response(null, { status: 302 }));
  using upstream = createUpstream(configFor(server.origin));
  assertEquals(await failureOf(upstream.scrape({ signal: NEVER })), [
    "UPSTREAM_STATUS",
    'Cannot scrape "http://vllm/metrics": status 302 Found',
    "",
  ]);
});
