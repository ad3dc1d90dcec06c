import { assert, assertEquals } from "@std/assert";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { seriesOf } from "../fakes.ts";
import { START_MS, startServer } from "./server.ts";

const MODEL = 'model_name="meta-llama/Llama-3.1-8B-Instruct"';

Deno.test("steady: nobody waits long and nothing is preempted", () => {
  const subject = startServer();
  subject.run(1_800);
  const { stats } = subject.engine();
  assertEquals(stats.preemptions, 0);
  const { firstToken, queue } = stats;
  assert(firstToken.cumulative(firstToken.bounds.indexOf(1)) / firstToken.count > 0.99);
  assert(queue.cumulative(queue.bounds.indexOf(0.3)) / queue.count > 0.99);
});

Deno.test("busy: a queue grows while the KV cache is full, and drains", () => {
  const subject = startServer({ scenario: SCENARIOS.busy });
  let [longest, fullest] = [0, 0];
  for (let second = 0; second < 240; second++) {
    subject.run(1);
    longest = Math.max(longest, subject.engine().waiting);
    fullest = Math.max(fullest, subject.engine().kvUsage);
  }
  assert(longest > 20, `${longest}`);
  assert(fullest > 0.98, `${fullest}`);
  assert(subject.engine().stats.preemptions > 50);
  subject.run(110);
  assertEquals(subject.engine().waiting, 0);
});

Deno.test("burst: requests wait only after the burst", () => {
  const subject = startServer({ scenario: SCENARIOS.burst });
  subject.run(49);
  assertEquals(subject.engine().waiting, 0);
  subject.run(11);
  assert(subject.engine().running > 60);
  subject.run(45);
  assertEquals(subject.engine().waiting, 0);
  assert(subject.engine().running < 20);
});

Deno.test("outage: the server is down for a while and restarts with empty counters", () => {
  const subject = startServer({ scenario: SCENARIOS.outage });
  subject.run(89);
  assertEquals(subject.server.state, "awake");
  const before = seriesOf(subject.text());
  subject.run(2);
  assertEquals(subject.server.state, "down");
  subject.run(27);
  assertEquals(subject.server.state, "down");
  subject.run(2);
  assertEquals(subject.server.state, "awake");
  const after = seriesOf(subject.text());
  const created = `vllm:prompt_tokens_created{engine="0",${MODEL}}`;
  const prompt = `vllm:prompt_tokens_total{engine="0",${MODEL}}`;
  assertEquals([before.get(created), after.get(created)], [START_MS / 1e3, START_MS / 1e3 + 120]);
  assertEquals(after.get(prompt), 0);
  const began = (after.get("process_start_time_seconds") ?? 0) - START_MS / 1e3;
  assert(began > 90 && began < 120, `the process started ${began} s after the first one was ready`);
  subject.run(20);
  assert((seriesOf(subject.text()).get(prompt) ?? 0) > 0);
});

Deno.test("sleep: the state shows it, requests are aborted, and the cache is empty", () => {
  const subject = startServer({ scenario: SCENARIOS.sleep, frontend: "python" });
  const states = (): (number | undefined)[] => {
    const series = seriesOf(subject.text());
    return ["awake", "weights_offloaded", "discard_all"].map((state) =>
      series.get(`vllm:engine_sleep_state{engine="0",${MODEL},sleep_state="${state}"}`)
    );
  };
  subject.run(74);
  assertEquals(states(), [1, 0, 0]);
  assert(subject.engine().running > 0);
  subject.run(2);
  assertEquals(states(), [0, 1, 0]);
  assertEquals([subject.engine().running, subject.engine().kvUsage], [0, 0]);
  const counted = subject.engine().stats.endToEnd.count;
  subject.run(43);
  assertEquals(states(), [0, 1, 0]);
  assertEquals(subject.engine().stats.endToEnd.count, counted);
  subject.run(2);
  assertEquals(states(), [1, 0, 0]);
  subject.run(60);
  assert(subject.engine().stats.endToEnd.count > counted);
});

Deno.test("the warm-up has steady traffic, also before a busy phase", () => {
  const subject = startServer({ scenario: SCENARIOS.busy, warmUpMs: 300_000 });
  subject.run(300);
  assertEquals(subject.engine().waiting, 0);
  subject.run(235);
  assert(subject.engine().waiting > 20);
});
