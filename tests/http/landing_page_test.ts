import { assertEquals, assertStringIncludes } from "@std/assert";
import { startService } from "../fakes.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";

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
])("the answer for Accept %j is %s", async (accept, type) => {
  await using service = startService(`http://127.0.0.1:${closedPort()}`);
  const response = await service.get("/", accept === undefined ? {} : { accept });
  assertEquals(response.headers.get("content-type"), `${type}; charset=utf-8`);
  assertStringIncludes(response.headers.get("vary") ?? "", "accept");
  await response.body?.cancel();
});

Deno.test("the words at / tell the state of vLLM as it changes", async () => {
  let status = 200;
  await using vllm = serveHttp(() => new Response("vllm:up 1\n", { status }));
  await using service = startService(vllm.origin);
  const stateOf = async (): Promise<string | undefined> => {
    const text = await (await service.get("/")).text();
    return /^state: +(.*)$/m.exec(text)?.[1];
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
      "See the log of vLLM for the reason.",
  );
  status = 404;
  await scrape();
  assertStringIncludes(await stateOf() ?? "", "status 404 Not Found");
  status = 200;
  await scrape();
  assertEquals(await stateOf(), "up");
});

Deno.test("what vLLM sent stays plain text", async () => {
  await using vllm = serveHttp(() => new Response("no metrics <script>alert('1')</script> &\n"));
  await using service = startService(vllm.origin);
  const failed = await service.get("/metrics");
  assertEquals(failed.status, 502);
  for (const response of [failed, await service.get("/")]) {
    assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
    assertStringIncludes(await response.text(), "<script>alert('1')</script>");
  }
});
