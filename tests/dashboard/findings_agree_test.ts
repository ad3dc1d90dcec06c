/** Findings at the same time do not contradict each other, and do not look back over a restart. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Finding } from "../../lib/dashboard/view.ts";
import { startService, until } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { FakeVllm, type Load } from "./fake_vllm.ts";

/** A part of a vLLM's life. */
interface Phase {
  readonly seconds: number;
  readonly load: Load;
  readonly restarts?: boolean;
}

/** The findings after some phases, scraped every 5 s. */
async function findingsAfter(phases: readonly Phase[]): Promise<readonly Finding[]> {
  let nowMs = 1_795_492_800_000;
  const vllm = new FakeVllm();
  await using server = serveHttp(() => new Response(vllm.text()));
  await using service = startService(`${server.origin}/metrics`, { now: () => nowMs });
  for (const { seconds, load, restarts = false } of phases) {
    if (restarts) vllm.restart();
    for (let passed = 0; passed < seconds; passed += 5) {
      nowMs += 5_000;
      vllm.live(load);
      await (await service.get("/metrics")).text();
      await until(() => service.history.newestMs === nowMs, "the scrape in the history");
    }
  }
  const { findings } = await (await service.get("/api/v1/view")).json();
  return findings;
}

function idsOf(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ id, evidence }) => [id, ...evidence.map((symptom) => symptom.id)]);
}

/** Settings that more than one finding names. */
const SETTINGS = [
  "--max-num-seqs",
  "--max-num-batched-tokens",
  "--gpu-memory-utilization",
  "--max-model-len",
  "--tensor-parallel-size",
];

/** Settings with the direction that an action gives: the verb before it in its sentence. */
function directionsIn({ action }: Finding): string[] {
  return action.split(/[.;:](?:\s|$)/).flatMap((sentence) =>
    SETTINGS.flatMap((setting) => {
      const at = sentence.indexOf(setting);
      if (at < 0) return [];
      const verb = [...sentence.slice(0, at).matchAll(/\b(raise|raising|lower|lowering)\b/gi)].at(
        -1,
      );
      return verb === undefined ? [] : [`${verb[0].slice(0, 4).toLowerCase()} ${setting}`];
    })
  );
}

/** Fails when findings move a setting in two directions, or call the KV cache full and not full. */
function assertAgree(findings: readonly Finding[]): void {
  const directions = new Set(findings.flatMap(directionsIn));
  for (const setting of SETTINGS) {
    assert(
      !(directions.has(`rais ${setting}`) && directions.has(`lowe ${setting}`)),
      `${setting}: ${findings.map(({ id, action }) => `${id}: ${action}`).join("\n")}`,
    );
  }
  const ids = idsOf(findings);
  const isFull = ids.includes("preemptions") || ids.includes("memory_bound_queue");
  assert(!(isFull && ids.includes("scheduler_bound_queue")), ids.join());
}

Deno.test("a queue next to preemptions is bound by memory, however full the KV cache is on average", async () => {
  const load = { waiting: 20, kvCache: 0.75, preemptions: 3 };
  const findings = await findingsAfter([{ seconds: 120, load }]);
  assertEquals(idsOf(findings), ["memory_bound_queue", "preemptions"]);
  assertMatch(findings[0]?.why ?? "", /preempt/);
  assertAgree(findings);
});

/** Troubles that may come together. */
const TROUBLES: readonly Load[] = [
  { waiting: 20 },
  { waiting: 60, kvCache: 0.97 },
  { preemptions: 3 },
  { ttft: 4, queue: 2, prefill: 0.5 },
  { ttft: 4, queue: 0.02, prefill: 2 },
  { tpot: 0.5, interToken: 0.18 },
  { tpot: 0.5, interToken: 0.015 },
];

for (const [first, one] of TROUBLES.entries()) {
  Deno.test(`findings agree on what to do: ${JSON.stringify(one)} with others`, async () => {
    for (const other of TROUBLES.slice(first)) {
      const findings = await findingsAfter([{ seconds: 90, load: { ...one, ...other } }]);
      assert(findings.length > 0);
      assertAgree(findings);
    }
  });
}

Deno.test("the parts of a time to first token are not longer than the whole", async () => {
  // First tokens were late at first; the requests that waited then end only now.
  const findings = await findingsAfter([
    { seconds: 60, load: { ttft: 3, queue: 0.1, prefill: 0.1 } },
    { seconds: 60, load: { ttft: 1.5, queue: 5, prefill: 1 } },
  ]);
  const all = findings.flatMap((finding) => [finding, ...finding.evidence]);
  const { why = "" } = all.find(({ id }) => id === "slow_queue") ?? {};
  const [, whole, queue] =
    /took ([\d.]+) s .* of which ([\d.]+) s are spent in the queue/.exec(why) ??
      [];
  assert(Number(queue) > 0 && Number(queue) <= Number(whole), why);
});

const REJECTING = { waiting: 20, rejections: 200, errors: 10, preemptions: 9, ttft: 4, tpot: 0.5 };

Deno.test("what was wrong before a restart is not found after it", async () => {
  const findings = await findingsAfter([
    { seconds: 240, load: REJECTING },
    { seconds: 30, load: {}, restarts: true },
  ]);
  assertEquals(idsOf(findings), []);
});

Deno.test("requests that were turned away are counted since the restart", async () => {
  const findings = await findingsAfter([
    { seconds: 200, load: { rejections: 50 } },
    { seconds: 80, load: { rejections: 10 }, restarts: true },
  ]);
  const { why = "" } = findings.find(({ id }) => id === "rejections") ?? {};
  const shown = Number(/^(\d+) requests/.exec(why)?.[1]);
  // 160 were counted; the first 10 are those of the first scrape, before which nothing is known.
  assert(shown >= 148 && shown <= 162, why);
});
