import { assert, assertEquals, assertMatch } from "@std/assert";
import { EXPOSITION_TYPE, serveCapture, startService } from "../fakes.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";
import { ask, parseReply, RawClient } from "./raw_client.ts";

const TEXT_TYPE = "text/plain; charset=utf-8";
const ROUTES = ["/", "/metrics", "/health", "/-/healthy", "/-/ready", "/-/metrics"];

Deno.test.each([
  ["/", TEXT_TYPE, /^vllm-metrics \d+\.\d+\.\d+\nupstream: http:\/\/vllm\/metrics\n/],
  ["/metrics", EXPOSITION_TYPE, /^# HELP .*\n# TYPE .*\n/],
  ["/health", TEXT_TYPE, /^ok\n$/],
  ["/-/healthy", TEXT_TYPE, /^ok\n$/],
  ["/-/ready", TEXT_TYPE, /^ready\n$/],
  ["/-/metrics", EXPOSITION_TYPE, /^# HELP vllm_metrics_/],
])("GET %s answers with its type and text", async (path, type, text) => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  const response = await service.get(path);
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), type);
  assertMatch(await response.text(), text);
});

Deno.test("HEAD answers each route with GET's header fields and no body", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = startService(vllm.origin);
  for (const path of ROUTES) {
    const fields = `${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const get = await ask(service.origin, `GET ${fields}`);
    const head = await ask(service.origin, `HEAD ${fields}`);
    assertEquals(head.body, "", path);
    assertEquals(head.status, get.status, path);
    for (const name of ["content-type", "x-content-type-options", "vary"]) {
      assertEquals(head.headers.get(name), get.headers.get(name), `${name} of ${path}`);
    }
    // The values of the service's own metrics move between two requests.
    if (path === "/-/metrics") continue;
    assertEquals(head.headers.get("content-length"), String(get.body.length), path);
  }
});

Deno.test("other methods get 405 with Allow and change nothing", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  for (const path of ROUTES) {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const response = await fetch(service.origin + path, { method });
      assertEquals(response.status, 405, `${method} ${path}`);
      assertEquals(response.headers.get("allow"), "GET, HEAD");
      assertEquals(await response.text(), "This route takes GET, HEAD.\n");
    }
  }
  assertEquals(vllm.requests, []);
});

Deno.test("an unknown path gets 404 and a hint", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  for (
    const path of ["/metric", "/metrics/", "/-/", "/favicon.ico", "/constructor", "/__proto__"]
  ) {
    const response = await service.get(path);
    assertEquals(response.status, 404, path);
    assertEquals(await response.text(), "There is nothing here. The metrics are at /metrics.\n");
  }
  assertEquals(vllm.requests, []);
});

Deno.test("/-/ready answers 503 once the service stops; /-/healthy stays", async () => {
  await using service = startService(`http://127.0.0.1:${closedPort()}`);
  assertEquals(await (await service.get("/-/ready")).text(), "ready\n");
  service.stop();
  const ready = await service.get("/-/ready");
  assertEquals([ready.status, await ready.text()], [503, "stopping\n"]);
  assertEquals(await (await service.get("/-/healthy")).text(), "ok\n");
});

const REQUESTS: [string, string, number][] = [
  ["absolute form", "GET http://elsewhere.example/metrics HTTP/1.1\r\nHost: x", 200],
  ["another host", "GET /metrics HTTP/1.1\r\nHost: evil.example:1", 200],
  ["an empty host", "GET /metrics HTTP/1.1\r\nHost:", 200],
  ["no host", "GET /metrics HTTP/1.1", 200],
  ["HTTP/1.0", "GET /metrics HTTP/1.0", 200],
  ["a query", "GET /metrics?name[]=x&target=http://evil.example HTTP/1.1\r\nHost: x", 200],
  ["dot segments", "GET /-/../metrics HTTP/1.1\r\nHost: x", 200],
  ["two slashes", "GET //metrics HTTP/1.1\r\nHost: x", 404],
  ["two slashes and a host", "GET //evil.example/metrics HTTP/1.1\r\nHost: x", 404],
  ["an encoded letter", "GET /%6detrics HTTP/1.1\r\nHost: x", 404],
  ["an encoded slash", "GET /%2fmetrics HTTP/1.1\r\nHost: x", 404],
  ["a path parameter", "GET /metrics;a=b HTTP/1.1\r\nHost: x", 404],
  ["a host that is none", "GET /metrics HTTP/1.1\r\nHost: [::1", 400],
  ["a host with a path", "GET /metrics HTTP/1.1\r\nHost: x/-/metrics?", 400],
  ["a host with a fragment", "GET /metrics HTTP/1.1\r\nHost: x/health#", 400],
  ["a host with a user", "GET /metrics HTTP/1.1\r\nHost: a:b@evil.example", 400],
  ["a host with a backslash", "GET /metrics HTTP/1.1\r\nHost: x\\health?", 400],
  ["a host with a space", "GET /metrics HTTP/1.1\r\nHost: a b", 400],
  ["a path without slash", "GET metrics HTTP/1.1\r\nHost: x", 400],
  ["a control character", "GET /\x01 HTTP/1.1\r\nHost: x", 400],
  ["no HTTP at all", "hello", 400],
  ["an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x", 404],
  ["CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443", 405],
  ["TRACE", "TRACE /metrics HTTP/1.1\r\nHost: x\r\nX-Secret: s", 405],
  ["a method of its own", "BREW /metrics HTTP/1.1\r\nHost: x", 405],
];

Deno.test.each(REQUESTS)("a request with %s does no harm", async (_, head, status) => {
  await using vllm = serveCapture("nostats-after-load");
  await using service = startService(vllm.origin);
  const reply = await ask(service.origin, `${head}\r\nConnection: close\r\n\r\n`);
  assertEquals(reply.status, status, reply.body);
  assert(!reply.body.includes("X-Secret"));
  // Only what is configured is asked, and the service goes on.
  assertEquals(vllm.requests, status === 200 ? ["/"] : []);
  assertEquals(await (await service.get("/-/healthy")).text(), "ok\n");
});

Deno.test.each<[what: string, head: string, status: number]>([
  ["a GET request whose body does not come", "GET /metrics HTTP/1.1\r\nContent-Length: 9", 200],
  ["a body of 99 GB", "GET /-/metrics HTTP/1.1\r\nContent-Length: 99000000000", 200],
  ["a body in chunks", "GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked", 200],
  ["a body for a route that is none", "POST /none HTTP/1.1\r\nContent-Length: 9", 404],
  ["a body for a route that takes none", "PUT /metrics HTTP/1.1\r\nContent-Length: 9", 405],
])("%s holds no answer up", async (_, head, status) => {
  await using vllm = serveCapture("nostats-after-load");
  await using service = startService(vllm.origin);
  using client = await RawClient.send(service.origin, `${head}\r\nHost: x\r\n\r\n`);
  await client.readUntil("\r\n\r\n");
  assertEquals(parseReply(client.text).status, status);
});

Deno.test("bytes that are no request end that connection alone", async () => {
  await using vllm = serveCapture("nostats-after-load");
  await using service = startService(vllm.origin);
  const noise = Array.from({ length: 4_096 }, (_, index) => String.fromCharCode(index % 128));
  const reply = await ask(service.origin, `${noise.join("")}\r\n\r\n`);
  assertEquals(reply.status, 400);
  const response = await service.get("/metrics");
  assertEquals(response.status, 200);
  await response.body?.cancel();
});
