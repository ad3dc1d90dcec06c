/** Findings over time: one card per incident, as bad as its harm, and what is no incident. */

import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { IncidentLog } from "../../lib/dashboard/incidents.ts";
import { applyPatch, createPatch } from "../../lib/dashboard/patch.ts";
import type { Finding, View } from "../../lib/dashboard/view.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import {
  letRun,
  look,
  OUTAGE,
  type Past,
  type ServerOptions,
  SLEEP,
  START_MS,
} from "./scenario.ts";
import { chartOf, tileOf } from "./scenario.ts";

const QUEUES = ["slow_queue", "memory_bound_queue", "scheduler_bound_queue", "preemptions"];

/** The view some seconds after the start. */
function at(past: Past, seconds: number): View {
  return look({ ...past, nowMs: START_MS + seconds * 1_000 });
}

function isQueue({ id }: Finding): boolean {
  return QUEUES.includes(id);
}

const BUSY = letRun(240, { vllm: { scenario: SCENARIOS.busy } });

Deno.test("a queue that grows is one card, and its level never falls", () => {
  let worst = 0;
  let latest = 0;
  for (let seconds = 70; seconds <= 240; seconds += 10) {
    const view = at(BUSY, seconds);
    const queues = view.findings.filter(isQueue);
    const late = tileOf(view, "ttft_p95").value ?? 0;
    if (queues.length === 0) continue;
    assertEquals(queues.length, 1, `${seconds} s: ${queues.map(({ id }) => id)}`);
    const level = queues[0]?.level === "bad" ? 2 : 1;
    if (late >= latest) assert(level >= worst, `${seconds} s: ${queues[0]?.id} fell`);
    [worst, latest] = [level, late];
  }
  assertEquals(worst, 2);
});

Deno.test("a card is as bad as its worst symptom, and as the tiles of its harm", () => {
  const view = at(BUSY, 200);
  const [card] = view.findings.filter(isQueue);
  assertEquals([card?.level, tileOf(view, "ttft_goal").level], ["bad", "bad"]);
  assertGreater(card?.evidence.length ?? 0, 0);
  assertEquals(card?.scope.instances, ["vllm"]);
  assertEquals(card?.scope.models.length, 1);
  assertEquals([view.status.state, view.status.level], ["degraded", "bad"]);
  assertEquals(view.rangeSeconds, 200);
});

Deno.test("there is no verdict before a minute of scrapes", () => {
  const view = at(BUSY, 40);
  assertEquals(view.findings, []);
  // What the last scrape says is known at once; a rate or percentile is not.
  const rated = view.tiles.filter(({ level }) => level !== "none").map(({ id }) => id);
  assertEquals(rated, ["waiting", "kv_cache"]);
  assertEquals(tileOf(view, "ttft_p95").note, "collecting, needs 1 min");
  assertEquals(view.status.state, "collecting");
});

Deno.test.each([["asleep", SLEEP], ["down", OUTAGE]])(
  "a server that is %s has no good tiles and no good budgets",
  (state, scenario) => {
    const view = look(letRun(110, { vllm: { scenario } }));
    assertEquals(view.status.state, state);
    const good = [...view.tiles, ...view.budgets].filter(({ level }) => level === "good");
    assertEquals(good.map(({ id }) => id), []);
  },
);

Deno.test("eight equal servers are never unlike each other, from their start on", () => {
  const servers: Record<string, ServerOptions> = {};
  for (let index = 0; index < 8; index++) servers[`vllm-${index}`] = { seed: index + 1 };
  const past = letRun(100, servers);
  for (let seconds = 10; seconds <= 100; seconds += 15) {
    const ids = at(past, seconds).findings.map(({ id }) => id);
    assertEquals(ids.filter((id) => id.includes("imbalance") || id.startsWith("slow_")), []);
  }
});

Deno.test("of two servers the other is named, and other models are not compared", () => {
  const busy = { ...SCENARIOS.steady, phases: [{ durationMs: Infinity, load: 2 }] as const };
  const calm = { ...SCENARIOS.steady, phases: [{ durationMs: Infinity, load: 0.2 }] as const };
  const look2 = (model?: string): Finding | undefined =>
    look(letRun(130, {
      "vllm-a": { scenario: calm },
      "vllm-b": { scenario: busy, seed: 8, ...model === undefined ? {} : { model } },
    })).findings.find(({ id }) => id === "server_imbalance");
  const found = look2();
  assertMatch(found?.why ?? "", /vllm-b had .*, vllm-a /);
  assertEquals(found?.why.includes("other"), false);
  assertEquals(look2("another/model"), undefined);
});

Deno.test("a percentile inside the first bucket is a bound, and the mean is drawn", () => {
  const view = look(letRun(200, { vllm: {} }));
  const chart = chartOf(view, "queue_time");
  assertEquals(chart.below, 0.3);
  const p50 = chart.series.find(({ name }) => name === "p50")?.values.at(-1) ?? NaN;
  // Half of the first bucket, 150 ms, is what interpolation makes up.
  assertLess(p50, 0.1);
  assertEquals(chartOf(view, "ttft").thresholds, [{ name: "SLO_TTFT", value: 1, level: "warn" }]);
});

Deno.test("a time that is past is shown as it was", () => {
  const past = letRun(240, { vllm: { scenario: SCENARIOS.busy } });
  const toMs = START_MS + 200_000;
  const view = look(past, { windowSeconds: 120, toMs });
  assertEquals([view.toMs, view.fromMs, view.isLive], [toMs, toMs - 120_000, false]);
  assertEquals(view.findings.some(isQueue), true);
  assertEquals(view.rangeSeconds, 120);
});

Deno.test("the fleet table names the engine of each server", () => {
  const { fleet } = look(letRun(90, { a: {}, b: { frontend: "sglang", seed: 8 } }));
  assertEquals(fleet.map(({ instance, engine }) => [instance, engine]), [
    ["a", "vLLM"],
    ["b", "SGLang"],
  ]);
});

Deno.test("restarts are markers in the charts", () => {
  const { markers } = look(letRun(200, { vllm: { scenario: OUTAGE } }));
  assertEquals(markers.map(({ kind, text }) => [kind, text]), [["restart", "vllm restarted"]]);
});

/** A finding of a server. */
function finding(id: string, evidence: readonly string[] = []): Finding {
  const [first] = at(BUSY, 200).findings;
  if (first === undefined) throw new Error("There is no finding");
  return {
    ...first,
    id,
    level: id === "slow_queue" ? "warn" : "bad",
    sinceMs: 1_000,
    evidence: evidence.map((symptom) => ({ id: symptom, title: symptom, why: "" })),
  };
}

Deno.test("an incident goes on when its root cause is recognized, and ends", () => {
  const log = new IncidentLog();
  log.record(1_000, [finding("slow_queue")]);
  log.record(31_000, [finding("memory_bound_queue", ["slow_queue"])]);
  assertEquals(log.beginOf(["memory_bound_queue"]), 1_000);
  log.record(61_000, []);
  assertEquals(log.beginOf(["memory_bound_queue"]), undefined);
  const [incident, ...others] = log.list(undefined);
  assertEquals(others, []);
  assertEquals(
    [incident?.id, incident?.level, incident?.fromMs, incident?.toMs],
    ["memory_bound_queue", "bad", 1_000, 31_000],
  );
  assertEquals(log.list("another"), []);
});

Deno.test("a view and its change make the next view, in a tenth of its size", () => {
  const [before, after] = [200, 202].map((seconds) => at(BUSY, seconds));
  if (before === undefined || after === undefined) throw new Error("There is no view");
  const wire = JSON.stringify(createPatch(before, after));
  const next = applyPatch(before, JSON.parse(wire));
  assertEquals(JSON.parse(JSON.stringify(next)), JSON.parse(JSON.stringify(after)));
  assertLess(wire.length, JSON.stringify(after).length / 10);
});

Deno.test("a server that answers 503 starts, unless it was up before: then it is down", () => {
  const timeMs = START_MS;
  const error = "Cannot scrape: vLLM answered 503.";
  const never = new HistoryStore({ instances: ["vllm"] });
  never.fail({ instance: "vllm", timeMs, error });
  const starting = look({ history: never, nowMs: timeMs + 1_000 });
  assertEquals(starting.targets.map(({ state }) => state), ["starting"]);
  assertEquals(starting.findings.map(({ id }) => id), []);

  const { history, nowMs } = letRun(110, { vllm: {} });
  for (let late = 2_000; late <= 20_000; late += 2_000) {
    history.fail({ instance: "vllm", timeMs: nowMs + late, error });
  }
  const died = look({ history, nowMs: nowMs + 21_000 });
  assertEquals(died.targets.map(({ state }) => state), ["down"]);
  assertEquals(died.findings.map(({ id }) => id), ["server_down"]);
});
