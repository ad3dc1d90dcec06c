import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/config.ts";
import { createAssets } from "../../lib/dashboard/assets.ts";
import { startService } from "../fakes.ts";
import { closedPort } from "../net/fakes.ts";

/** What a browser sends. */
const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
/** Most that the page may weigh with all that it loads, compressed, in bytes. */
const MOST_BYTES = 150_000;

Deno.test("the page may do nothing but run its own script and read its own service", async () => {
  await using service = startService(`http://127.0.0.1:${closedPort()}`);
  const response = await service.get("/", BROWSER);
  const policy = (response.headers.get("content-security-policy") ?? "").split(/; */);
  assertEquals(policy.toSorted(), [
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "img-src 'self' data:",
    "script-src 'self'",
    "style-src 'self'",
  ]);
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  assertEquals(response.headers.get("referrer-policy"), "no-referrer");
  assertEquals(response.headers.get("x-frame-options"), "DENY");
  const html = await response.text();
  assertEquals(
    html.match(/\bstyle=|<style|\bon\w+=|(?:src|href)="(?![\w.-][\w./-]*"|data:)/gi),
    null,
  );
});

Deno.test("FRAME_ANCESTORS lets these sites embed the page, and nothing else", async () => {
  const site = "https://grafana.example.com";
  const url = `http://127.0.0.1:${closedPort()}`;
  const result = parseConfig(
    { VLLM_METRICS_URL: url, FRAME_ANCESTORS: `${site}/,http://a:3000` },
    () => "",
  );
  const { frameAncestors = [] } = result.ok ? result.config : {};
  await using service = startService(url, { frameAncestors });
  const frame = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "iframe",
  };
  const response = await service.get("/", { ...BROWSER, ...frame });
  await response.body?.cancel();
  assertEquals(response.status, 200);
  const policy = (response.headers.get("content-security-policy") ?? "").split(/; */);
  assertEquals(policy.at(-1), `frame-ancestors ${site} http://a:3000`);
  assertEquals(response.headers.get("x-frame-options"), null);
  for (const path of ["/metrics", "/api/v1/view", "/-/metrics"]) {
    const refused = await service.get(path, frame);
    await refused.body?.cancel();
    assertEquals([path, refused.status], [path, 403]);
  }
});

Deno.test.each([
  ["/page.js", "text/javascript; charset=utf-8"],
  ["/page.css", "text/css; charset=utf-8"],
  ["/", "text/html; charset=utf-8"],
])("%s is sent with its type, and not again while it stays the same", async (path, type) => {
  await using service = startService(`http://127.0.0.1:${closedPort()}`);
  const first = await service.get(path, BROWSER);
  assertEquals(first.status, 200);
  assertEquals(first.headers.get("content-type"), type);
  assertEquals(first.headers.get("cache-control"), "no-cache");
  assertEquals(first.headers.get("x-content-type-options"), "nosniff");
  await first.body?.cancel();
  const tag = first.headers.get("etag") ?? "";
  assertMatch(tag, /^W\/"[\w-]{43}"$/);
  for (const known of [tag, tag.slice(2), `"other", ${tag}`]) {
    const again = await service.get(path, { ...BROWSER, "if-none-match": known });
    assertEquals(again.status, 304, known);
    assertEquals(await again.text(), "");
  }
  const other = await service.get(path, { ...BROWSER, "if-none-match": '"other"' });
  assertEquals(other.status, 200);
  await other.body?.cancel();
});

Deno.test("files with other contents have other tags", () => {
  const { page, routes } = createAssets([]);
  const tags = [page, ...Object.values(routes)].map((route) =>
    route(new Request("http://host/")).headers.get("etag")
  );
  assertEquals(new Set(tags).size, tags.length);
  assertNotEquals(tags[0], null);
});

Deno.test("the page loads nothing but what is served, and all of it is small", async () => {
  const { page, routes } = createAssets([]);
  const request = new Request("http://host/");
  const html = await page(request).text();
  const loaded = [...html.matchAll(/<(?:script|link)[^>]+(?:src|href)="([\w.]+)"/g)]
    .map(([, path]) => `/${path}`);
  assertEquals(loaded.toSorted(), Object.keys(routes).toSorted());
  let bytes = 0;
  for (const route of [page, ...Object.values(routes)]) {
    const body = route(request).body?.pipeThrough(new CompressionStream("gzip"));
    bytes += (await new Response(body).arrayBuffer()).byteLength;
  }
  assert(bytes < MOST_BYTES, `${bytes} bytes`);
});
