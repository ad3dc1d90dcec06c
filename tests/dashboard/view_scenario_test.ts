import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { CHART_RULES } from "../../lib/dashboard/charts/charts.ts";
import { TILE_RULES } from "../../lib/dashboard/tiles.ts";
import type { View } from "../../lib/dashboard/view.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { chartOf, letRun, look, OUTAGE, type Past, SLEEP, START_MS, tileOf } from "./scenario.ts";

/** The charts that are there whatever vLLM does. */
const ALWAYS = CHART_RULES.filter(({ onlyWhenPresent }) => !onlyWhenPresent).map(({ id }) => id);

const STEADY = letRun(400, { vllm: {} });

/** All numbers of a view. */
function numbersOf({ tiles, charts }: View): (number | null)[] {
  return [
    ...tiles.flatMap(({ value, trend }) => [value, ...trend]),
    ...charts.flatMap(({ series }) => series.flatMap(({ values }) => values)),
  ];
}

Deno.test("with traffic every tile has a value and every chart has lines", () => {
  const view = look(STEADY);
  assertEquals(view.tiles.map(({ id }) => id), TILE_RULES.map(({ id }) => id));
  assertEquals(view.charts.map(({ id }) => id).filter((id) => ALWAYS.includes(id)), ALWAYS);
  for (const { id, note, value, trend } of view.tiles) {
    if (id === "http_errors") continue;
    assertEquals([id, note, value !== null, trend.length], [id, "", true, 31]);
  }
  for (const { id, note, series, times } of view.charts) {
    assertEquals([id, note], [id, ""]);
    assert(series.length > 0, id);
    for (const { values } of series) assertEquals(values.length, times.length);
  }
  for (const number of numbersOf(view)) assert(number === null || Number.isFinite(number));
});

Deno.test("numbers have no more than five significant digits", () => {
  for (const number of numbersOf(look(STEADY))) {
    assertEquals(number, number === null ? null : Number(number.toPrecision(5)));
  }
});

Deno.test("tiles show what the history says of the window", () => {
  const view = look(STEADY);
  const { history, nowMs } = STEADY;
  const grid = { startMs: nowMs, endMs: nowMs, stepMs: 1_000 };
  const ask = { grid, rangeMs: 300_000 };
  const [rate] = history.rate({ metric: "generation_tokens_total", ...ask });
  const [[ttft] = []] = history.quantiles([0.95], {
    metric: "time_to_first_token_seconds",
    ...ask,
  });
  assertAlmostEquals(tileOf(view, "generation_tokens").value ?? 0, rate?.values[0] ?? -1, 0.01);
  assertAlmostEquals(tileOf(view, "ttft_p95").value ?? 0, ttft?.values[0] ?? -1, 1e-4);
});

Deno.test("a tile and the chart beside it agree", () => {
  const view = look(STEADY);
  const last = (chart: string, line: string): number | null | undefined =>
    chartOf(view, chart).series.find(({ name }) => name === line)?.values.at(-1);
  assertEquals(last("running", "running"), tileOf(view, "running").value);
  assertEquals(last("kv_cache", "in use"), tileOf(view, "kv_cache").value);
});

Deno.test("without traffic tiles and charts say so, and show neither 0 nor NaN", () => {
  const idle = { ...SCENARIOS.steady, phases: [{ durationMs: Infinity, load: 0 }] as const };
  const view = look(letRun(100, { vllm: { scenario: idle } }));
  const saying = view.tiles.filter(({ note }) => note === "no traffic");
  assertEquals(saying.map(({ id }) => id), [
    "requests",
    "prompt_tokens",
    "generation_tokens",
    "prefix_hits",
    "ttft_p95",
    "inter_token_p95",
    "e2e_p95",
    "success",
    "ttft_goal",
    "tpot_goal",
  ]);
  assert(saying.every(({ value, level }) => value === null && level === "none"));
  assertEquals(
    ["running", "waiting", "kv_cache", "preemptions"].map((id) => tileOf(view, id).value),
    [0, 0, 0, 0],
  );
  const filled = view.charts.filter(({ id, note }) => note === "" && ALWAYS.includes(id))
    .map(({ id }) => id);
  assertEquals(filled, ["running", "waiting", "kv_cache"]);
  assert(view.charts.every(({ note }) => note === "" || note === "no traffic"));
  assertEquals(view.findings, []);
});

Deno.test("an idle Rust front end, which does not write its histograms yet, has no traffic", () => {
  const idle = { ...SCENARIOS.steady, phases: [{ durationMs: Infinity, load: 0 }] as const };
  const view = look(letRun(60, { vllm: { scenario: idle, frontend: "rust" } }));
  assertEquals(tileOf(view, "ttft_p95").note, "no traffic");
  assertEquals(chartOf(view, "ttft").note, "no traffic");
});

Deno.test("an outage is a gap in every line, and the tiles say that the server is down", () => {
  const past = letRun(110, { vllm: { scenario: OUTAGE } });
  const view = look(past);
  assertEquals(view.targets.map(({ state }) => state), ["down"]);
  for (const { id, value, note } of view.tiles) {
    assertEquals([id, value, note], [id, null, "server down"]);
  }
  for (const { id, kind, series, times } of view.charts) {
    if (kind === "heatmap") continue;
    const down = times.findIndex((time) => time >= START_MS / 1_000 + 90);
    for (const { values } of series) {
      assertEquals([id, values.slice(down).every((value) => value === null)], [id, true]);
    }
  }
});

Deno.test("after a restart, with all counters at 0, no rate is negative or huge", () => {
  const view = look(letRun(200, { vllm: { scenario: OUTAGE } }));
  assertEquals(view.targets.map(({ state }) => state), ["up"]);
  const [input] = chartOf(view, "tokens").series;
  for (const value of input?.values ?? []) {
    assert(value === null || (value >= 0 && value < 10_000), String(value));
  }
});

Deno.test("a server that sleeps is up, and marked as sleeping", () => {
  const view = look(letRun(110, { vllm: { scenario: SLEEP } }));
  assertEquals(view.targets.map(({ state, up }) => [state, up]), [["sleeping", true]]);
});

Deno.test("engines are compared, and the odd one out is named", () => {
  const view = look(letRun(90, { vllm: { engines: 3, shares: [1, 1, 4] } }));
  assertEquals(
    view.charts.map(({ id }) => id).filter((id) => /^(?:engines|servers)_/.test(id)),
    ["engines_kv_cache", "engines_running", "engines_tokens"],
  );
  const chart = chartOf(view, "engines_running");
  assertEquals(chart.series.map(({ name }) => name), ["engine 0", "engine 1", "engine 2"]);
  assert(chart.remark?.startsWith("engine 2 differs from the others: "), chart.remark);
  assertEquals(view.engines, ["0", "1", "2"]);
});

Deno.test("the KV cache of one engine is one line, that of several the fullest, mean and emptiest", () => {
  const names = (past: Past): string[] =>
    chartOf(look(past), "kv_cache").series.map(({ name }) => name);
  assertEquals(names(letRun(30, { vllm: {} })), ["in use"]);
  assertEquals(names(letRun(30, { vllm: { engines: 2 } })), ["max", "mean", "min"]);
  assertEquals(names(letRun(30, { a: {}, b: { seed: 8 } })), ["max", "mean", "min"]);
});

Deno.test("engines that do the same have no odd one out", () => {
  const view = look(letRun(60, { vllm: { engines: 2 } }));
  assertEquals(chartOf(view, "engines_running").remark, undefined);
});

Deno.test("of many engines those farthest from the mean are drawn", () => {
  const engines = 20;
  const shares = Array.from({ length: engines }, (_, index) => index === 7 ? 10 : 1);
  const view = look(letRun(40, { vllm: { engines, shares } }));
  const { series, remark = "" } = chartOf(view, "engines_running");
  assertEquals(series.length, 16);
  assertEquals(view.engines, Array.from({ length: engines }, (_, index) => String(index)));
  assert(series.some(({ name }) => name === "engine 7"));
  assert(remark.startsWith("engine 7 differs"), remark);
  assert(remark.endsWith("16 of 20 are drawn, those farthest from the mean."), remark);
});

function twoServers(): Past {
  return letRun(90, {
    "vllm-a": { model: "llama", engines: 2 },
    "vllm-b": { model: "qwen", seed: 8 },
  });
}

Deno.test("servers are compared, and engines carry the names of their servers", () => {
  const view = look(twoServers());
  assertEquals(chartOf(view, "servers_running").series.map(({ name }) => name), [
    "vllm-a",
    "vllm-b",
  ]);
  assertEquals(chartOf(view, "engines_kv_cache").series.map(({ name }) => name), [
    "vllm-a, engine 0",
    "vllm-a, engine 1",
    "vllm-b, engine 0",
  ]);
});

Deno.test("engines that are one a server are compared as servers only", () => {
  const view = look(letRun(10, { "vllm-a": {}, "vllm-b": { seed: 8 } }));
  assertEquals(
    view.charts.map(({ id }) => id).filter((id) => /^(?:engines|servers)_/.test(id)),
    ["servers_kv_cache", "servers_running", "servers_tokens"],
  );
});

Deno.test("models, engines and servers can be chosen, whatever is chosen now", () => {
  const past = twoServers();
  const all = look(past);
  assertEquals([all.models, all.engines, all.instances], [
    ["llama", "qwen"],
    ["0", "1"],
    ["vllm-a", "vllm-b"],
  ]);
  const chosen = look(past, { selection: { model: "qwen" } });
  assertEquals([chosen.models, chosen.engines, chosen.instances], [
    ["llama", "qwen"],
    ["0"],
    ["vllm-a", "vllm-b"],
  ]);
  const running = (view: View): number => tileOf(view, "running").value ?? NaN;
  const parts = ["vllm-a", "vllm-b"].map((instance) =>
    running(look(past, { selection: { instance } }))
  );
  assertEquals(running(chosen), parts[1]);
  assertEquals(running(all), (parts[0] ?? 0) + (parts[1] ?? 0));
});

Deno.test("the table of servers has the time since vLLM's start", () => {
  const [one, two] = [60, 120].map((seconds) =>
    look(letRun(seconds, { vllm: {} })).fleet[0]?.uptime ?? NaN
  );
  assertEquals(Math.round((two ?? NaN) - (one ?? NaN)), 60);
});

Deno.test("a model that is not there is without data, not an error", () => {
  const view = look(STEADY, { selection: { model: "no such model" } });
  assertEquals(
    new Set(view.tiles.map(({ value, note }) => `${value} ${note}`)),
    new Set(["0 ", "null no data"]),
  );
  // The API server's own charts are of no model.
  const ofModels = view.charts.filter(({ group }) => group !== "api_server");
  assertEquals(new Set(ofModels.map(({ note }) => note)), new Set(["no data"]));
});

Deno.test("a server that was not scraped for long is without data, not without traffic", () => {
  const view = look({ ...STEADY, nowMs: STEADY.nowMs + 400_000 });
  assertEquals(
    new Set(view.tiles.map(({ value, note }) => `${value} ${note}`)),
    new Set(["null no data"]),
  );
});

Deno.test("speculative decoding has charts where there is any", () => {
  const { steady } = SCENARIOS;
  const engine = { ...steady.engine, speculation: { acceptance: [0.8, 0.6, 0.4] } };
  const view = look(letRun(120, { vllm: { scenario: { ...steady, engine } } }));
  const last = (id: string): number => chartOf(view, id).series[0]?.values.at(-1) ?? NaN;
  assert(last("draft_acceptance") > 0.3 && last("draft_acceptance") < 0.8);
  assert(last("draft_length") > 1.5 && last("draft_length") < 4);
});

Deno.test("what an old vLLM does not have is said to be not reported", () => {
  const history = new HistoryStore({ instances: ["vllm"] });
  const labels = '{model_name="m",engine="0"}';
  const names = ["running", "waiting"].map((what, index) =>
    `vllm_num_requests_${what}${labels} ${index + 2}\n`
  );
  const body = new TextEncoder().encode(names.join(""));
  history.add({ instance: "vllm", timeMs: START_MS, body });
  const view = look({ history, nowMs: START_MS + 1_000 });
  assertEquals(tileOf(view, "tpot_goal").note, "not reported by this vLLM");
  assertEquals(chartOf(view, "per_output_token").note, "not reported by this vLLM");
  // Without reasons, all that wait are one line.
  assertEquals(chartOf(view, "waiting").series.map(({ name }) => name), ["waiting"]);
  assertEquals(tileOf(view, "waiting").value, 3);
});

Deno.test("queue, prefill and decode are shares of the time of a request", () => {
  const { unit, series, times } = chartOf(look(STEADY), "phases");
  assertEquals([unit, series.map(({ name }) => name)], ["share", ["queue", "prefill", "decode"]]);
  const last = series.map(({ values }) => values[times.length - 1] ?? 0);
  assertAlmostEquals(last.reduce((sum, value) => sum + value, 0), 1, 1e-3);
  assert((last[2] ?? 0) > 0.5, `decode takes ${last[2]}`);
});
