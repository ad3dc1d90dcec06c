import { assertEquals, assertMatch } from "@std/assert";
import type { Finding } from "../../lib/dashboard/view.ts";
import type { EngineOptions } from "../../lib/demo/scenario.ts";
import { type Scenario, SCENARIOS } from "../../lib/demo/scenario.ts";
import type { Workload } from "../../lib/demo/workload.ts";
import { letRun, look, OUTAGE, type Past, type ServerOptions, SLEEP } from "./scenario.ts";

/** What of the steady scenario is else. */
interface Change {
  readonly load?: number;
  readonly workload?: Partial<Workload>;
  readonly engine?: Partial<EngineOptions>;
}

/** The steady scenario with something else in it. */
function scenarioWith({ load = 1, workload, engine }: Change): Scenario {
  const { steady } = SCENARIOS;
  return {
    ...steady,
    phases: [{ durationMs: Infinity, load }],
    workload: { ...steady.workload, ...workload },
    engine: { ...steady.engine, ...engine },
  };
}

/** What is found of one server after a while. */
function findAfter(seconds: number, options: ServerOptions): readonly Finding[] {
  return look(letRun(seconds, { vllm: options })).findings;
}

/** The ids of causes and symptoms. */
function idsOf(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ id, evidence }) => [id, ...evidence.map((symptom) => symptom.id)]);
}

/** What is found of one server with something else than the steady scenario. */
function find(change: Change, options: ServerOptions = {}): readonly Finding[] {
  return findAfter(150, { ...options, scenario: scenarioWith(change) });
}

Deno.test("nothing is wrong with steady traffic, on either front end", () => {
  assertEquals(find({}), []);
  assertEquals(find({}, { frontend: "rust" }), []);
  assertEquals(find({}, { engines: 2 }), []);
});

Deno.test("short rushes make no queue that lasts, but are found where first tokens come late", () => {
  const burst = { ...SCENARIOS.burst, engine: { ...SCENARIOS.burst.engine, numGpuBlocks: 20_000 } };
  const findings = findAfter(130, { scenario: burst });
  assertEquals(idsOf(findings), ["slow_queue", "slow_decode", "slo_burn"]);
  assertMatch(
    findings[0]?.why ?? "",
    /\(SLO 1\ss\).*, of which [\d.]+\ss are spent in the queue/,
  );
});

Deno.test("a queue is found before it has lasted a minute, and until it is forgotten", () => {
  const options = { scenario: SCENARIOS.busy };
  for (const seconds of [60, 350]) {
    assertEquals(idsOf(findAfter(seconds, options)).includes("slow_queue"), true, `${seconds} s`);
  }
  const [between] = findAfter(120, options);
  assertEquals(between?.id, "memory_bound_queue");
  assertEquals(between?.evidence.some(({ id }) => id === "slow_queue"), true);
});

Deno.test("a small KV cache makes a queue that is bound by memory, and preemptions", () => {
  const findings = find({ load: 2, engine: { numGpuBlocks: 1_100 } });
  assertEquals(idsOf(findings).includes("memory_bound_queue"), true);
  assertEquals(idsOf(findings).includes("scheduler_bound_queue"), false);
  assertEquals(idsOf(findings).includes("preemptions"), true);
});

Deno.test("a small max_num_seqs makes a queue that is bound by the scheduler", () => {
  const findings = find({ engine: { maxNumSeqs: 4 } });
  assertEquals(idsOf(findings), ["scheduler_bound_queue", "slow_queue", "slo_burn"]);
  assertMatch(
    findings[0]?.why ?? "",
    /^At least \d+ requests waited .* full and 4 requests ran\.$/,
  );
});

Deno.test("prompts without a common beginning are seldom reused", () => {
  assertEquals(idsOf(find({ workload: { prefixShare: 0 } })), ["low_prefix_reuse"]);
});

Deno.test("requests that end with an error are found", () => {
  const [finding, ...others] = find({ workload: { errorShare: 0.2 } });
  assertEquals([finding?.id, finding?.level, others], ["error_share", "bad", []]);
});

Deno.test("clients that go away are found, whether the front end counts them or not", () => {
  const change = { workload: { abortShare: 0.3 } };
  assertEquals(idsOf(find(change, { frontend: "rust" })), ["abort_share"]);
  assertEquals(idsOf(find(change)), ["abort_share"]);
});

Deno.test("slow prefill is distinguished from a long queue", () => {
  const slow = { engine: { prefillTokensPerSecond: 900 } };
  assertEquals(idsOf(find({ load: 0.2, ...slow })), ["slow_prefill", "slo_burn"]);
  const findings = find({ load: 4, engine: { maxNumSeqs: 8 } });
  assertEquals(idsOf(findings), ["scheduler_bound_queue", "slow_queue", "slo_burn"]);
});

Deno.test("slow engine steps are distinguished from long prompts in between", () => {
  const [steps, ...others] = find({ load: 0.3, engine: { stepMs: 130 } });
  assertEquals([steps?.id, steps?.title, others], [
    "slow_decode",
    "Output is slow",
    [],
  ]);
  const findings = find({ load: 0.6, engine: { prefillTokensPerSecond: 1_500 } });
  assertEquals(idsOf(findings), ["slow_queue", "slow_decode", "slo_burn"]);
  assertEquals(findings[0]?.evidence.map(({ title }) => title), [
    "Output stalls",
    "An error budget is spent too fast",
  ]);
});

Deno.test("an engine that gets most of the requests is named", () => {
  const findings = find({}, { engines: 3, shares: [1, 1, 4] });
  assertEquals(idsOf(findings), ["engine_imbalance"]);
  assertMatch(
    findings[0]?.why ?? "",
    /^In the last minute engine 2 had \d+ running requests, the other engines \d+ /,
  );
});

Deno.test("a slow engine is named though it has no more requests than the others", () => {
  const findings = find({ load: 0.3 }, { engines: 3, engineOptions: [{}, { slowness: 3 }] });
  assertEquals(idsOf(findings), ["slow_engine"]);
  assertMatch(findings[0]?.why ?? "", /^In the last 3.min .* of engine 1 was \d/);
});

Deno.test("servers with different models may differ in speed", () => {
  const slow = { scenario: scenarioWith({ load: 0.1, engine: { slowness: 3 } }) };
  const past = (model: string): Past =>
    letRun(150, {
      "vllm-a": { scenario: scenarioWith({ load: 0.1 }) },
      "vllm-b": { ...slow, model },
    });
  assertEquals(look(past("another/model")).findings, []);
  assertEquals(idsOf(look(past("meta-llama/Llama-3.1-8B-Instruct")).findings), ["slow_server"]);
});

Deno.test("a server that gets most of the requests is named", () => {
  const past = letRun(150, {
    "vllm-a": { scenario: scenarioWith({ load: 0.3 }) },
    "vllm-b": { scenario: scenarioWith({ load: 1.5 }), seed: 8 },
    "vllm-c": { scenario: scenarioWith({ load: 0.3 }), seed: 9 },
  });
  const findings = look(past).findings;
  // Each has one engine, of which nothing more is to be said.
  assertEquals(idsOf(findings), ["server_imbalance"]);
  assertMatch(findings[0]?.why ?? "", /^In the last minute vllm-b had /);
  assertEquals(look(past, { selection: { instance: "vllm-a" } }).findings, []);
});

Deno.test("a server that is down is found, and forgotten once it is back", () => {
  const options = { scenario: OUTAGE };
  const [finding, ...others] = findAfter(110, options);
  assertEquals([finding?.id, finding?.level, others], ["server_down", "bad", []]);
  assertEquals(
    finding?.why,
    "vllm has been down for 20 s: Cannot scrape: connection refused.",
  );
  assertEquals(findAfter(180, options), []);
});

Deno.test("a server that restarts again and again is found while it is up, and named", () => {
  const past = letRun(260, {
    "vllm-a": { scenario: OUTAGE },
    "vllm-b": { scenario: scenarioWith({ load: 0.5 }), seed: 8 },
  });
  const findings = look(past).findings;
  assertEquals(idsOf(findings).includes("server_down"), false);
  assertEquals(
    findings.find(({ id }) => id === "server_restarts")?.why,
    "vllm-a: 2 restarts in the last hour, latest 20 s ago.",
  );
  assertEquals(look(past, { selection: { instance: "vllm-b" } }).findings, []);
});

Deno.test("restarts are forgotten after an hour", () => {
  const past = letRun(260, { vllm: { scenario: OUTAGE } });
  const idsAt = (seconds: number): string[] =>
    idsOf(look({ ...past, nowMs: past.nowMs + seconds * 1_000 }).findings);
  assertEquals(idsAt(3_400).includes("server_restarts"), true);
  assertEquals(idsAt(3_500).includes("server_restarts"), false);
});

Deno.test("a server that is not scraped any more is stale", () => {
  const past = letRun(120, { vllm: {} });
  const [finding, ...others] = look({ ...past, nowMs: past.nowMs + 40_000 }).findings;
  assertEquals([finding?.id, others], ["server_stale", []]);
  assertEquals(finding?.why, "The newest data of vllm is 40 s old.");
});

Deno.test("a server that sleeps is found, and forgotten once it is awake", () => {
  const options = { scenario: SLEEP };
  assertEquals(idsOf(findAfter(110, options)), ["server_sleeping"]);
  assertEquals(findAfter(180, options), []);
});

Deno.test("a full queue that turns requests away is found", () => {
  const findings = find({ load: 3, engine: { maxNumSeqs: 4 } }, { maxNumQueuedReqs: 20 });
  assertEquals(findings.map(({ id }) => id), ["scheduler_bound_queue"]);
  assertMatch(
    findings[0]?.evidence.find(({ id }) => id === "rejections")?.why ?? "",
    /503, [\d.]+\u00a0% of all; the limit was --max-num-queued-reqs\.$/,
  );
});
