import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startService } from "../fakes.ts";
import { closedPort, serveHttp } from "../upstream/fakes.ts";

/** What a browser sends. */
const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

Deno.test.each<[string | undefined, string]>([
  [BROWSER.accept, "text/html"],
  ["text/html", "text/html"],
  ["*/*", "text/plain"],
  ["text/plain", "text/plain"],
  ["text/plain, text/html;q=0.5", "text/plain"],
  ["text/html;q=0, text/plain", "text/plain"],
  ["application/json", "text/plain"],
  ["", "text/plain"],
  [undefined, "text/plain"],
])("the page for Accept %j is %s", async (accept, type) => {
  await using service = startService(`http://127.0.0.1:${closedPort()}`);
  const response = await service.get("/", accept === undefined ? {} : { accept });
  assertEquals(response.headers.get("content-type"), `${type}; charset=utf-8`);
  assertStringIncludes(response.headers.get("vary") ?? "", "accept");
  await response.body?.cancel();
});

Deno.test("the page may do nothing but show itself", async () => {
  await using service = startService(`http://127.0.0.1:${closedPort()}`);
  const response = await service.get("/", BROWSER);
  const policy = (response.headers.get("content-security-policy") ?? "").split(/; */);
  for (
    const rule of [
      "default-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]
  ) assert(policy.includes(rule), `${rule} is missing in ${policy}`);
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  assertEquals(response.headers.get("referrer-policy"), "no-referrer");
  assertEquals(response.headers.get("cache-control"), "no-store");
  const page = await response.text();
  assertEquals(page.match(/<script|\bon\w+=|(?:src|href)="(?!\/)/gi), null);
  for (const path of ["/metrics", "/-/metrics", "/-/healthy", "/-/ready"]) {
    assertStringIncludes(page, `<a href="${path}">`);
  }
});

Deno.test("the page tells the state of vLLM as it changes", async () => {
  let status = 200;
  await using vllm = serveHttp(() => new Response("vllm:up 1\n", { status }));
  await using service = startService(vllm.origin);
  const stateOf = async (): Promise<string | undefined> => {
    const text = await (await service.get("/")).text();
    const html = await (await service.get("/", BROWSER)).text();
    const state = /^state: +(.*)$/m.exec(text)?.[1];
    const escaped = state?.replaceAll('"', "&quot;");
    assertStringIncludes(html, `<dt>State</dt><dd>${escaped}</dd>`);
    return state;
  };
  const scrape = async (): Promise<void> => {
    await (await service.get("/metrics")).body?.cancel();
  };
  assertEquals(await stateOf(), "not scraped yet");
  await scrape();
  assertEquals(await stateOf(), "up");
  status = 500;
  await scrape();
  assertEquals(
    await stateOf(),
    'down: Cannot scrape "http://vllm/metrics": status 500 Internal Server Error. ' +
      "The log of vLLM tells why.",
  );
  status = 404;
  await scrape();
  assertStringIncludes(await stateOf() ?? "", "status 404 Not Found");
  status = 200;
  await scrape();
  assertEquals(await stateOf(), "up");
});

Deno.test("the page escapes the upstream's address", async () => {
  await using service = startService(`http://127.0.0.1:${closedPort()}`, {
    label: `http://vllm/a'b&c"d<script>alert(1)</script>`,
  });
  const page = await (await service.get("/", BROWSER)).text();
  assertStringIncludes(
    page,
    "<dd>http://vllm/a&#39;b&amp;c&quot;d&lt;script&gt;alert(1)&lt;/script&gt;</dd>",
  );
  assert(!page.includes("<script"));
});

Deno.test("the page escapes what vLLM sent", async () => {
  await using vllm = serveHttp(() => new Response("no metrics <script>alert('1')</script> &\n"));
  await using service = startService(vllm.origin);
  const failed = await service.get("/metrics");
  assertEquals(failed.status, 502);
  assertEquals(failed.headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(failed.headers.get("x-content-type-options"), "nosniff");
  await failed.body?.cancel();
  const page = await (await service.get("/", BROWSER)).text();
  assertStringIncludes(page, "no metrics &lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
  assert(!page.includes("<script"));
});
