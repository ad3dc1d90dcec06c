import { assert, assertEquals } from "@std/assert";
import { createDemoHandler } from "../../lib/demo/demo_handler.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { SimulatedVllm } from "../../lib/demo/simulated_vllm.ts";
import { startServe } from "../commands/process.ts";
import { merged } from "../exposition/merged.ts";
import { captures, formatOf, readCapture, sanitized } from "../exposition/sanitized.ts";
import { seriesOf, until } from "../fakes.ts";
import { startPrometheus } from "./prometheus.ts";
import { promtoolCheck } from "./promtool.ts";
import { python } from "./python.ts";

/** How long Prometheus scrapes, in seconds. */
const SECONDS = 12;

function sanitizedCapture(path: string): string {
  return sanitized(readCapture(path), { format: formatOf(path) }).text;
}

const [SOME, ALL] = [
  ["idle.txt", "during-load-c40.txt", "dp2-during-load.txt", "weird-after-load.txt"],
  captures().filter((path) => !path.includes("/") || /-0[1-5]\.txt$/.test(path)),
];

Deno.test.each<[string, string[], Record<string, string>]>([
  ["some captures", SOME, {}],
  ["one capture eight times", Array.from({ length: 8 }, () => "allflags-after-load.txt"), {}],
  ["all captures, types in conflict", ALL, {}],
  ["labels that clash", SOME, {
    clash: '# TYPE a gauge\na{instance="x"} 1\na{instance="y",exported_instance="z"} 2 1000\n',
    more: '# HELP a Help.\n# TYPE a gauge\na{exported_instance="x"} 1\n# TYPE b counter\nb 1\n',
    other: "# HELP a Another.\n# TYPE a gauge\na 3\n# TYPE b gauge\nb 2\n",
  }],
])("prometheus_client's merge of %s is the same", async (_, paths, more) => {
  const named = paths.map((path, index) => [`${index}-${path}`, sanitizedCapture(path)] as const);
  const servers = [...named, ...Object.entries(more)];
  const { text } = merged(Object.fromEntries(servers));
  const answer = await python("merge_oracle.py", JSON.stringify({ servers, merged: text }));
  const { samples, difference, repeated } = JSON.parse(answer);
  assertEquals([difference, repeated], [[], []]);
  assert(samples > 400 * named.length / 2, `${samples} samples`);
  const { code, remarks } = await promtoolCheck(text);
  assert(code === 0 || code === 3, remarks);
});

/** A simulated vLLM that fails at some of its requests. */
function serveDemo(
  seed: number,
  fails: (request: number) => boolean,
): Deno.HttpServer<Deno.NetAddr> {
  const startMs = Date.now() - 60_000;
  const vllm = new SimulatedVllm({
    scenario: SCENARIOS.steady,
    seed,
    engines: 1,
    frontend: "python",
    startMs,
    warmUpMs: 60_000,
  });
  const answer = createDemoHandler(vllm);
  let requests = 0;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen(): void {} }, (request) => {
    if (fails(requests++)) return new Response(null, { status: 500 });
    vllm.advance(Date.now());
    return answer(request);
  });
}

Deno.test("Prometheus scrapes eight servers as one, while one of them fails now and then", async () => {
  await using stack = new AsyncDisposableStack();
  const names = Array.from({ length: 8 }, (_, index) => `vllm-${index + 1}`);
  const urls = names.map((name, index) => {
    const server = serveDemo(index, (request) => name === "vllm-8" && request % 3 === 1);
    stack.defer(() => server.shutdown());
    return `${name}=http://127.0.0.1:${server.addr.port}`;
  });
  const service = stack.use(await startServe({ env: { VLLM_METRICS_URL: urls.join() } }));
  const origin = await service.origin();
  await using prometheus = await startPrometheus({ vllm: origin });

  const scrapes = await until(async () => {
    const [counted] = await prometheus.query('count_over_time(up{job="vllm"}[1m])');
    return Number(counted?.value) >= SECONDS ? Number(counted?.value) : undefined;
  }, "Prometheus to scrape for a while");
  const [worst] = await prometheus.query('min_over_time(up{job="vllm"}[1m])');
  assertEquals(worst?.value, "1");
  const target = (await prometheus.targets()).get("vllm");
  assertEquals([target?.health, target?.lastError], ["up", ""]);

  // Seven servers are in every scrape, the eighth in those that it did not fail.
  const counts = await prometheus.query("count_over_time(vllm_num_requests_running[1m])");
  const byName = new Map(counts.map(({ metric, value }) => [metric.instance, Number(value)]));
  assertEquals([...byName.keys()].toSorted(), names);
  for (const name of names.slice(0, 7)) {
    assert((byName.get(name) ?? 0) >= scrapes - 1, `${name}: ${byName.get(name)} of ${scrapes}`);
  }
  const eighth = byName.get("vllm-8") ?? 0;
  assert(eighth > 0 && eighth <= scrapes - 3, `vllm-8: ${eighth} of ${scrapes}`);
  const own = seriesOf(await (await fetch(`${origin}/-/metrics`)).text());
  const failures = 'vllm_metrics_scrape_failures_total{instance="vllm-8",code="UPSTREAM_STATUS"}';
  assert((own.get(failures) ?? 0) >= 3, `${own.get(failures)} failures`);

  // A histogram is one family, and the sum over its servers is what Prometheus can work with.
  const known = await prometheus.metadata("vllm");
  assertEquals(known.get("vllm_time_to_first_token_seconds")?.type, "histogram");
  const [p95] = await prometheus.query(
    "histogram_quantile(0.95, sum by (le) (vllm_time_to_first_token_seconds_bucket))",
  );
  assert(Number(p95?.value) > 0, p95?.value);
});
