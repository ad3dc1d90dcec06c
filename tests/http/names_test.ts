import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { capture, namedServers, renamed, serveCapture, startService } from "../fakes.ts";
import { type FakeServer, serveHttp } from "../net/fakes.ts";

const OLD = "# HELP vllm:gpu_cache_usage_perc Cache.\n# TYPE vllm:gpu_cache_usage_perc gauge\n" +
  'vllm:gpu_cache_usage_perc{engine="0"} 0.5\n';
const NEW = OLD.replaceAll("gpu_cache", "kv_cache");
const LATENCY = "# TYPE vllm:inter_token_latency_seconds histogram\n" +
  'vllm:inter_token_latency_seconds_bucket{le="1"} 1\n' +
  'vllm:inter_token_latency_seconds_bucket{le="+Inf"} 2\n' +
  "vllm:inter_token_latency_seconds_count 2\nvllm:inter_token_latency_seconds_sum 3\n";

function serve(text: string): FakeServer {
  return serveHttp(() => new Response(text, { headers: { "content-type": "text/plain" } }));
}

/** The names of families, sorted. */
function families(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name).toSorted();
}

const naming = (style: "underscore" | "colon" | "both", hasAliases = false) => ({
  naming: { style, hasAliases },
});

Deno.test("METRICS_NAMES=colon gives vLLM's own names, and sanitized text otherwise", async () => {
  await using vllm = serveCapture("during-load-c40");
  await using service = startService(vllm.origin, naming("colon"));
  const text = await (await service.get("/metrics")).text();
  assert(text === capture("during-load-c40").text, "it differs from what vLLM writes");
});

Deno.test("a request chooses the names; another value is refused with a sentence", async () => {
  await using vllm = serve(NEW + "# TYPE up gauge\nup 1\n");
  await using service = startService(vllm.origin);
  const get = async (query: string): Promise<string> =>
    await (await service.get(`/metrics${query}`)).text();
  const underscores = renamed(NEW);
  const up = "# TYPE up gauge\nup 1\n";
  assertEquals(await get(""), underscores + up);
  assertEquals(await get("?names=colon"), NEW + up);
  assertEquals(await get("?names=both"), underscores + NEW + up);
  assertEquals(await get("?names=underscore&x=1"), underscores + up);
  for (const query of ["?names=colons", "?names=", "?names=colon&names=both"]) {
    const response = await service.get(`/metrics${query}`);
    assertEquals(response.status, 400, query);
    assertStringIncludes(await response.text(), "Use one of underscore, colon, both");
  }
});

Deno.test("METRICS_NAMES=both gives each of vLLM's families twice and no other", async () => {
  await using vllm = serveCapture("allflags-after-load");
  await using service = startService(vllm.origin, naming("both"));
  const names = families(await (await service.get("/metrics")).text());
  assertEquals(new Set(names).size, names.length);
  const own = families(capture("allflags-after-load").text);
  assertEquals(
    names,
    [
      ...own,
      ...families(renamed(own.map((name) => `# TYPE ${name}`).join("\n")))
        .filter((name) => name.startsWith("vllm_")),
    ].toSorted(),
  );
});

Deno.test.each([
  ["an old name", OLD, OLD + NEW],
  ["a new name", NEW, NEW + OLD],
  ["both names", OLD + NEW, OLD + NEW],
  [
    "a histogram",
    LATENCY,
    LATENCY + LATENCY.replaceAll("inter_token_latency", "time_per_output_token"),
  ],
  ["neither", "# TYPE vllm:x gauge\nvllm:x 1\n", "# TYPE vllm:x gauge\nvllm:x 1\n"],
])("METRICS_ALIASES adds the other name to %s", async (_, text, expected) => {
  await using vllm = serve(text);
  await using service = startService(vllm.origin, naming("underscore", true));
  assertEquals(await (await service.get("/metrics")).text(), renamed(expected));
  assertEquals(await (await service.get("/metrics?names=colon")).text(), expected);
});

Deno.test("servers of different versions have both names of a family in one merge", async () => {
  await using one = serve(OLD);
  await using other = serve(NEW);
  await using service = startService("", {
    servers: namedServers({ one: one.origin, other: other.origin }),
    ...naming("underscore", true),
  });
  const text = await (await service.get("/metrics")).text();
  assertEquals(families(text), ["vllm_gpu_cache_usage_perc", "vllm_kv_cache_usage_perc"]);
  for (const name of ["gpu", "kv"]) {
    for (const instance of ["one", "other"]) {
      const line = `vllm_${name}_cache_usage_perc{instance="${instance}",engine="0"} 0.5\n`;
      assertStringIncludes(text, line);
    }
  }
  const alone = await (await service.get("/metrics/one")).text();
  assertEquals(alone, renamed(OLD + NEW));
});

Deno.test("a body that comes slowly keeps its families together under both names", async () => {
  const half = LATENCY.length >> 1;
  await using vllm = serveHttp(() => {
    const parts = [LATENCY.slice(0, half), LATENCY.slice(half) + NEW];
    return new Response(ReadableStream.from(parts.map((part) => new TextEncoder().encode(part))));
  });
  await using service = startService(vllm.origin);
  const text = await (await service.get("/metrics?names=both")).text();
  assertEquals(text, renamed(LATENCY) + LATENCY + renamed(NEW) + NEW);
});
