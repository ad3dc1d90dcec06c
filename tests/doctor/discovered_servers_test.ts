import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkDiscoveredServers } from "../../lib/doctor/server_check.ts";
import { type CheckResult, CheckRun } from "../../lib/doctor/check_run.ts";
import { configFor, serveCapture } from "../fakes.ts";

/** Walks to what a name leads to. */
async function hopsOf(url: string, addresses: readonly string[]): Promise<CheckResult[]> {
  const hops: CheckResult[] = [];
  await checkDiscoveredServers("dns", {
    config: configFor(url),
    isProxied: false,
    nowMs: 0,
    resolve: () => Promise.resolve(addresses),
    start: (part) => new CheckRun(part, (hop) => hops.push(hop)),
  });
  return hops;
}

Deno.test("every address of a name is walked to, and one that is down hides no other", async () => {
  await using vllm = serveCapture("during-load-c40");
  const { port } = new URL(vllm.origin);
  const hops = await hopsOf(`http://vllm-headless:${port}`, ["127.0.0.2", "127.0.0.1"]);
  assertEquals(hops[0]?.part, "dns");
  assertEquals(hops[0]?.found, '"vllm-headless" leads to 127.0.0.2, 127.0.0.1');
  const [down, up] = ["127.0.0.2", "127.0.0.1"].map((address) =>
    hops.filter(({ part }) => part === `dns at ${address}`)
  );
  assertEquals(down?.filter(({ status }) => status === "failed").map(({ name }) => name), ["TCP"]);
  assertEquals(up?.find(({ name }) => name === "HTTP")?.status, "ok");
  assertEquals(vllm.requests, ["/", "/version", "/v1/models"]);
});

Deno.test("a name that leads nowhere fails at the name", async () => {
  const hops = await hopsOf("http://vllm-headless:8000", []);
  assertEquals(hops.map(({ name, status }) => [name, status]), [["name", "failed"]]);
  assertStringIncludes(hops[0]?.found ?? "", 'host name "vllm-headless" not found');
});

Deno.test("of very many addresses the first ones are walked to, which is said", async () => {
  const addresses = Array.from({ length: 40 }, (_, index) => `127.0.1.${index}`);
  const hops = await hopsOf("http://vllm-headless:1", addresses);
  assertEquals(hops[0]?.status, "warn");
  assertStringIncludes(hops[0]?.found ?? "", "the first 32 are checked");
  assertEquals(new Set(hops.map(({ part }) => part)).size, 1 + 32);
});
