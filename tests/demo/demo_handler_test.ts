import { assert, assertEquals } from "@std/assert";
import { createDemoHandler, pastScrapes } from "../../lib/demo/demo_handler.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { SimulatedVllm, type SimulatedVllmOptions } from "../../lib/demo/simulated_vllm.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { letRun, START_MS } from "../dashboard/scenario.ts";
import { startServer } from "./server.ts";

function ask(path: string, frontend: "python" | "rust" = "python"): Response {
  const subject = startServer({ frontend });
  subject.run(30);
  return createDemoHandler(subject.server)(new Request(`http://demo${path}`));
}

Deno.test.each(
  [
    ["python", "text/plain; version=1.0.0; charset=utf-8"],
    ["rust", "application/openmetrics-text; version=1.0.0; charset=utf-8"],
  ] as const,
)("/metrics of the %s front end has its content type", async (frontend, type) => {
  const response = ask("/metrics", frontend);
  assertEquals([response.status, response.headers.get("content-type")], [200, type]);
  assert((await response.text()).startsWith("# HELP "));
});

Deno.test("/health is empty and /version is vLLM's", async () => {
  const health = ask("/health");
  assertEquals([health.status, await health.text()], [200, ""]);
  assertEquals(await ask("/version").json(), { version: "0.33.0" });
});

Deno.test("/v1/models names the model of the metrics", async () => {
  const { data: [model] } = await ask("/v1/models").json();
  assertEquals([model.id, model.max_model_len], ["meta-llama/Llama-3.1-8B-Instruct", 16_384]);
});

Deno.test("other paths are not found", async () => {
  const response = ask("/metricsfoo");
  assertEquals([response.status, await response.json()], [404, { detail: "Not Found" }]);
});

const UNTIL_MS = START_MS + 120_000;

function serverOf(options: Partial<SimulatedVllmOptions>): SimulatedVllm {
  return new SimulatedVllm({
    scenario: SCENARIOS.steady,
    seed: 7,
    startMs: START_MS,
    ...options,
  });
}

Deno.test("the past has its interval and ends at now, and so does the server", () => {
  const server = serverOf({});
  const options = { instance: "a", untilMs: UNTIL_MS, stepMs: 50_000 };
  const times = [...pastScrapes(server, options)].map(({ timeMs }) => timeMs - START_MS);
  assertEquals(times, [0, 50_000, 100_000]);
  assertEquals(server.nowMs, UNTIL_MS);
});

Deno.test.each<["python" | "rust"]>([["python"], ["rust"]])(
  "the past of the %s front end gives the same history as sanitized scrapes",
  (frontend) => {
    const past = new HistoryStore({ instances: ["a"] });
    const options = { instance: "a", untilMs: UNTIL_MS + 1, stepMs: 2_000 };
    for (const scrape of pastScrapes(serverOf({ frontend, engines: 2 }), options)) past.add(scrape);
    const { history } = letRun(120, { a: { frontend, engines: 2 } });
    const [one, other] = [past, history].map((store) => {
      const grid = { startMs: START_MS + 60_000, endMs: UNTIL_MS, stepMs: 10_000 };
      const range = { grid, rangeMs: 60_000, by: ["engine"] };
      return {
        series: store.series,
        running: store.gauge({ metric: "num_requests_running", grid, by: ["engine"] }),
        tokens: store.rate({ ...range, metric: "generation_tokens_total" }),
        firstToken: store.quantiles([0.95], { ...range, metric: "time_to_first_token_seconds" })
          .flat(),
      };
    });
    assertEquals(one, other);
    assertEquals(one?.running.length, 2);
  },
);

Deno.test("a simulated SGLang fills the history as vLLM does, each rank as an engine", () => {
  const store = new HistoryStore({ instances: ["a"] });
  const options = { instance: "a", untilMs: UNTIL_MS + 1, stepMs: 2_000 };
  const server = serverOf({ frontend: "sglang", engines: 2 });
  for (const scrape of pastScrapes(server, options)) store.add(scrape);
  const grid = { startMs: UNTIL_MS, endMs: UNTIL_MS, stepMs: 1 };
  const running = store.gauge({ metric: "num_requests_running", grid, by: ["engine"] });
  assertEquals(running.map(({ labels }) => labels), [{ engine: "0" }, { engine: "1" }]);
  const range = { grid, rangeMs: 60_000 };
  const positive = (lines: readonly { values: readonly (number | null)[] }[]): boolean =>
    lines.length === 1 && (lines[0]?.values[0] ?? 0) > 0;
  for (const metric of ["generation_tokens_total", "request_success_total"]) {
    assert(positive(store.rate({ ...range, metric })), metric);
  }
  for (
    const metric of [
      "time_to_first_token_seconds",
      "inter_token_latency_seconds",
      "request_prompt_tokens",
    ]
  ) assert(positive(store.quantiles([0.5], { ...range, metric }).flat()), metric);
  assert(positive(store.gauge({ metric: "kv_cache_usage_perc", grid, aggregate: "max" })));
});
