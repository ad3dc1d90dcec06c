import { assertEquals, assertNotEquals } from "@std/assert";
import { outcome, serveHttp, serveReply, TEXT } from "./fakes.ts";

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
  [500, "500 Internal Server Error", "See the log of vLLM for the reason."],
  [502, "502 Bad Gateway", GATEWAY],
  [503, "503 Service Unavailable", "vLLM may still be starting."],
  [504, "504 Gateway Timeout", GATEWAY],
  [599, "599", "See the log of vLLM for the reason."],
];

for (const [status, text, hint] of STATUSES) {
  Deno.test(`scrape() tells status ${status}`, async () => {
    // The text of the server is not what is shown.
    await using server = serveReply(
      `HTTP/1.1 ${status} secret\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsecret`,
    );
    assertEquals(await outcome(server.origin), [
      "UPSTREAM_STATUS",
      `Cannot scrape "http://vllm/metrics": status ${text}`,
      hint,
    ]);
  });
}

Deno.test("scrape() follows five redirects on the same origin, with the credentials", async () => {
  const seen: Array<string | null> = [];
  await using server = serveHttp((request) => {
    seen.push(request.headers.get("authorization"));
    const step = Number(new URL(request.url).pathname.slice(1));
    if (step === 5) return new Response(TEXT);
    const location = step % 2 === 0 ? `/${step + 1}` : new URL(`/${step + 1}`, request.url).href;
    return new Response("moved", { status: 302, headers: { location } });
  });
  assertEquals(
    await outcome(`${server.origin}/0`, {
      headers: [["authorization", "Bearer token"]],
    }),
    TEXT,
  );
  assertEquals(server.requests, ["/0", "/1", "/2", "/3", "/4", "/5"]);
  assertEquals(new Set(seen), new Set(["Bearer token"]));
});

Deno.test("scrape() takes no credentials from a redirect", async () => {
  await using server = serveHttp((request) => {
    const url = new URL(request.url);
    if (url.pathname === "/there") return new Response(request.headers.get("authorization"));
    const location = `http://mallory:secret@${url.host}/there`;
    return new Response(null, { status: 302, headers: { location } });
  });
  assertEquals(
    await outcome(server.origin, {
      headers: [["authorization", "Bearer token"]],
    }),
    "Bearer token",
  );
});

Deno.test("scrape() does not go to another origin, and sends it nothing", async () => {
  await using other = serveHttp(() => new Response(TEXT));
  await using server = serveHttp(() => {
    const location = `${other.origin.replace("http://", "http://user:secret@")}/path?key=secret`;
    return new Response(null, { status: 301, headers: { location } });
  });
  assertNotEquals(other.origin, server.origin);
  assertEquals(
    await outcome(server.origin, {
      headers: [["authorization", "Bearer token"]],
    }),
    [
      "UPSTREAM_REDIRECT",
      `Cannot scrape "http://vllm/metrics": redirected to another server, "${other.origin}"`,
      "Credentials stay with the server they are for: set VLLM_METRICS_URL to that server if it is " +
      "the right one.",
    ],
  );
  assertEquals(other.requests, []);
});

for (const location of ["data:text/plain,secret", "http://[secret/"]) {
  Deno.test(`scrape() tells a redirect to ${location}`, async () => {
    await using server = serveHttp(() =>
      new Response(null, { status: 308, headers: { location } })
    );
    assertEquals(await outcome(server.origin), [
      "UPSTREAM_REDIRECT",
      'Cannot scrape "http://vllm/metrics": redirected to what is no HTTP address',
      "",
    ]);
  });
}

Deno.test("scrape() tells a redirect without a target as a status", async () => {
  await using server = serveHttp(() => new Response(null, { status: 302 }));
  assertEquals(await outcome(server.origin), [
    "UPSTREAM_STATUS",
    'Cannot scrape "http://vllm/metrics": status 302 Found',
    "",
  ]);
});
