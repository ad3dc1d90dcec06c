import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { parseConfig } from "../../lib/config/config.ts";
import { budgetsOf, costOf, pricesOf, rangeAt } from "../../lib/dashboard/cost.ts";
import { Scope } from "../../lib/dashboard/scope.ts";
import type { Budget, Cost } from "../../lib/dashboard/view.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { start } from "../commands/process.ts";
import { seriesOf, until } from "../fakes.ts";
import { letRun, type Past } from "./scenario.ts";

const { busy, sleep, steady } = SCENARIOS;

function costIn({ history, nowMs }: Past, setting: string, names: readonly string[]): Cost {
  const result = parseConfig(
    { GPU_COST_PER_HOUR: setting, VLLM_METRICS_URL: "http://a" },
    () => "",
  );
  const priceOf = result.ok ? pricesOf(result.config.prices) : undefined;
  if (priceOf === undefined) throw new Error(`No price in "${setting}"`);
  return costOf(new Scope(history, {}, rangeAt(nowMs, 300)), names, priceOf);
}

function partsOf({ inputPerHour, outputPerHour, idlePerHour }: Cost): number {
  return inputPerHour + outputPerHour + idlePerHour;
}

Deno.test("the parts of the cost add up to the price of the servers, with and without traffic", () => {
  const past = letRun(400, {
    a: { scenario: steady },
    b: { scenario: busy, seed: 3 },
    c: { scenario: { ...sleep, phases: [{ durationMs: 1e9, load: 0, state: "asleep" }] } },
  });
  const cost = costIn(past, "2.5,b=10", ["a", "b", "c"]);
  assertEquals(cost.perHour, 15);
  assertAlmostEquals(partsOf(cost), 15, 0.001);
  assertAlmostEquals(cost.idlePerHour, 2.5, 0.001);
  // Generated tokens take most of the time of a request, and there are fewer of them.
  assert((cost.perMillionOutput ?? 0) > (cost.perMillionInput ?? Infinity));
});

Deno.test("tokens cost what an hour costs, by the tokens of an hour", () => {
  const past = letRun(400, { a: {} });
  const { perMillionOutput, outputPerHour } = costIn(past, "4", ["a"]);
  const grid = { startMs: past.nowMs, endMs: past.nowMs, stepMs: 1_000 };
  const question = { metric: "generation_tokens_total", grid, rangeMs: 300_000 };
  const perHour = (past.history.rate(question)[0]?.values[0] ?? 0) * 3_600;
  assertAlmostEquals((perMillionOutput ?? 0) * perHour / 1e6, outputPerHour, 0.01);
});

Deno.test("a server without a price costs nothing, and without any price there is no cost", () => {
  const past = letRun(60, { a: {}, b: {} });
  assertEquals(costIn(past, "b=3", ["a", "b"]).perHour, 3);
  assertEquals(pricesOf([]), undefined);
});

Deno.test("budgets: what SLO_TARGET allows is spent as fast as requests miss the SLO", () => {
  const past = letRun(400, { a: {} });
  const at = (target: number, ttftSeconds: number): Budget | undefined =>
    budgetsOf(
      { ttftSeconds, tpotSeconds: 0.1, target },
      300,
      (seconds) => new Scope(past.history, {}, rangeAt(past.nowMs, seconds)),
    )[0];
  const met = at(0.9, 600);
  assertEquals([met?.goodput, met?.left, met?.burn5m, met?.level], [1, 1, 0, "good"]);
  const missed = at(0.9, 0.0001);
  const { goodput = 1, burn5m, left } = missed ?? {};
  // Ten times of what is allowed: a budget of a tenth, when nearly all miss.
  assertAlmostEquals(burn5m ?? 0, (1 - (goodput ?? 1)) / 0.1, 0.01);
  assertAlmostEquals(left ?? 0, 1 - (burn5m ?? 0), 0.01);
  assertEquals(missed?.level, "warn");
  assertEquals(at(0.99, 0.0001)?.level, "bad");
});

Deno.test("the page's data and /-/metrics have the cost of GPU_COST_PER_HOUR", async () => {
  const env = { LISTEN_ADDRESS: "127.0.0.1:0", GPU_COST_PER_HOUR: "2.5" };
  await using demo = await start(["demo", "--servers", "2"], { env });
  const origin = await demo.origin();
  const cost = await until(async () => {
    const view: { cost: Cost | null } = await (await fetch(`${origin}/api/v1/view`)).json();
    return view.cost?.perMillionOutput ? view.cost : undefined;
  }, "the cost of tokens");
  assertEquals(cost.perHour, 5);
  assertAlmostEquals(partsOf(cost), 5, 0.001);
  const text = await (await fetch(`${origin}/-/metrics`)).text();
  const parts = [...seriesOf(text)].filter(([name]) =>
    name.startsWith("vllm_metrics_cost_per_hour")
  );
  assertEquals(parts.length, 3);
  assertAlmostEquals(parts.reduce((sum, [, value]) => sum + value, 0), 5, 0.001);
  assertMatch(text, /^vllm_metrics_cost_per_million_tokens\{tokens="output"\} [\d.]+$/m);
});

Deno.test.each([
  ["free", 'cannot use "free": it is no price above 0. Write one such as "2.5", or "a=2.5" for'],
  ["1,b=-2", 'cannot use "b=-2": it is no price above 0.'],
])("GPU_COST_PER_HOUR=%s is refused", (text, message) => {
  const result = parseConfig({ GPU_COST_PER_HOUR: text, VLLM_METRICS_URL: "http://a" }, () => "");
  const mistakes = result.ok ? [] : result.mistakes;
  assertEquals(mistakes.filter((each) => each.includes(message)).length, 1, `${mistakes}`);
});
