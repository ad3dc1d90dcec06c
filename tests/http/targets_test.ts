import { assertEquals } from "@std/assert";
import { namedServers, startService } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";

Deno.test("/-/targets tells the servers, their states and ages, and asks none of them", async () => {
  let nowMs = 1_000;
  let status = 500;
  await using one = serveHttp(() => new Response("vllm:a 1\n"));
  await using two = serveHttp(() => new Response("vllm:a 1\n", { status }));
  const servers = namedServers({ one: one.origin, two: two.origin });
  await using service = startService("http://unused", { servers, now: () => nowMs });
  const targets = async (): Promise<unknown> => {
    const response = await service.get("/-/targets");
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(response.headers.get("cache-control"), "no-store");
    return (await response.json()).targets;
  };
  const unknown = { state: "unknown", ageSeconds: null, successAgeSeconds: null, lastError: null };
  const names = (name: string): { instance: string; url: string } => ({
    instance: name,
    url: `http://${name}/metrics`,
  });
  assertEquals(await targets(), [{ ...names("one"), ...unknown }, { ...names("two"), ...unknown }]);
  assertEquals([one.requests, two.requests], [[], []]);

  await (await service.get("/metrics")).text();
  nowMs += 2_500;
  const failed = {
    code: "UPSTREAM_STATUS",
    message: 'Cannot scrape "http://two/metrics": status 500 Internal Server Error. ' +
      "See the log of vLLM for the reason.",
  };
  const up = { ...names("one"), state: "up", lastError: null };
  assertEquals(await targets(), [
    { ...up, ageSeconds: 2.5, successAgeSeconds: 2.5 },
    {
      ...names("two"),
      state: "down",
      ageSeconds: 2.5,
      successAgeSeconds: null,
      lastError: { ...failed, ageSeconds: 2.5 },
    },
  ]);

  // The last error stays when it is over.
  status = 200;
  await (await service.get("/metrics/two")).text();
  assertEquals(await targets(), [
    { ...up, ageSeconds: 2.5, successAgeSeconds: 2.5 },
    {
      ...names("two"),
      state: "up",
      ageSeconds: 0,
      successAgeSeconds: 0,
      lastError: { ...failed, ageSeconds: 2.5 },
    },
  ]);
});
