import { assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/config.ts";
import { serveCapture, startService } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { ask } from "./raw_client.ts";

const ROUTES = ["/", "/page.js", "/metrics", "/health", "/-/metrics", "/-/targets", "/nothing"];

function get(path: string, fields: Readonly<Record<string, string>>): string {
  const all = { Host: "x", Connection: "close", ...fields };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

Deno.test("every response forbids sniffing and embedding by other origins", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  const paths = [...ROUTES, "/api/v1/view"];
  const requests = paths.map((path): [string, RequestInit] => [path, {}]);
  for (const [path, init] of [...requests, ["/metrics", { method: "POST" }] as const]) {
    const response = await fetch(service.origin + path, init);
    await response.body?.cancel();
    assertEquals(response.headers.get("x-content-type-options"), "nosniff", path);
    assertEquals(response.headers.get("cross-origin-resource-policy"), "same-origin", path);
  }
});

Deno.test("a page of another site cannot make a browser scrape vLLM", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = startService(vllm.origin);
  const embedded: Record<string, string>[] = [
    { "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image" },
    { "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty" },
    { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe" },
    {},
  ];
  for (const fields of embedded) {
    for (const path of ROUTES) {
      const request = get(path, { "Sec-Fetch-Site": "cross-site", ...fields });
      const { status, content } = await ask(service.origin, request);
      assertEquals(
        [status, content],
        [
          403,
          "Cannot answer: a page of another site made the browser send this request. " +
          "Open the address itself.\n",
        ],
        path,
      );
    }
  }
  assertEquals(vllm.requests, []);
});

Deno.test.each<[what: string, fields: Record<string, string>]>([
  ["the page itself", { "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors" }],
  ["an address that was typed", { "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate" }],
  ["another port of the same machine", { "Sec-Fetch-Site": "same-site" }],
  ["a link on another site", {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
  }],
])("a request by %s is answered", async (_, fields) => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = startService(vllm.origin);
  const { status } = await ask(service.origin, get("/metrics", fields));
  assertEquals(status, 200);
});

Deno.test("with ALLOWED_HOSTS only those names, IP addresses and localhost are served", async () => {
  const env = { VLLM_METRICS_URL: "http://x", ALLOWED_HOSTS: "Metrics.Example, other.example" };
  const result = parseConfig(env, () => "");
  const allowedHosts = result.ok ? result.config.allowedHosts ?? [] : [];
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = startService(vllm.origin, { allowedHosts });
  const good = [
    "metrics.example",
    "OTHER.example:9090",
    "127.0.0.1:9090",
    "[::1]:9090",
    "10.1.2.3",
    "localhost:9090",
  ];
  for (const Host of good) {
    assertEquals((await ask(service.origin, get("/-/healthy", { Host }))).status, 200, Host);
  }
  for (const Host of ["evil.example", "metrics.example.evil.example", "127.0.0.1.evil.example"]) {
    const { status, content } = await ask(service.origin, get("/metrics", { Host }));
    assertEquals(
      [status, content],
      [
        403,
        `Cannot answer for the host "${Host}": it is not in ALLOWED_HOSTS. Add it there if this ` +
        "service is reached by that name.\n",
      ],
    );
  }
  assertEquals(vllm.requests, []);
});

Deno.test("without ALLOWED_HOSTS any host name is served", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = startService(vllm.origin);
  const { status } = await ask(service.origin, get("/metrics", { Host: "any.example" }));
  assertEquals(status, 200);
});
