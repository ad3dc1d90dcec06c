import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { startServer, steady, type Subject } from "./server.ts";

/** Equal requests: 160 tokens in, 100 out. */
const EVEN = {
  prompt: { median: 160, sigma: 0, max: 160 },
  output: { median: 100, sigma: 0, max: 100 },
  maxTokens: [200],
  prefixShare: 0,
  abortShare: 0,
  malformedShare: 0,
};

Deno.test("a request that is alone takes the time of its steps", () => {
  const engine = { stepMs: 10, sequenceMs: 2, contextMs: 0, prefillTokensPerSecond: 16_000 };
  const scenario = steady({ workload: { ...EVEN, requestsPerSecond: 0.01 }, engine });
  const subject = startServer({ scenario });
  subject.run(3_600);
  const { stats } = subject.engine();
  assert(stats.endToEnd.count > 10);
  const mean = ({ sum, count }: { sum: number; count: number }): number => sum / count;
  // Sometimes two overlap.
  assertAlmostEquals(mean(stats.firstToken), 0.020, 0.001);
  assertAlmostEquals(mean(stats.interToken), 0.012, 0.000_2);
  assertAlmostEquals(mean(stats.endToEnd), 0.020 + 99 * 0.012, 0.01);
  assertEquals(stats.finished.stop, stats.endToEnd.count);
});

Deno.test("a batch has no more requests than maxNumSeqs; the others wait", () => {
  const scenario = steady({
    workload: { ...EVEN, requestsPerSecond: 50 },
    engine: { maxNumSeqs: 8 },
  });
  const subject = startServer({ scenario });
  for (let second = 1; second <= 60; second++) {
    subject.run(1);
    assert(subject.engine().running <= 8, `${subject.engine().running}`);
  }
  assertEquals(subject.engine().running, 8);
  assert(subject.engine().waiting > 100);
  assert(subject.engine().kvUsage < 0.1);
  assertEquals(subject.engine().stats.preemptions, 0);
});

Deno.test("a request without a free block preempts the latest, which is recomputed", () => {
  const scenario = steady({
    workload: { ...EVEN, requestsPerSecond: 30 },
    engine: { maxModelLen: 512, numGpuBlocks: 200 },
  });
  const subject = startServer({ scenario });
  let fullest = 0;
  for (let second = 1; second <= 60; second++) {
    subject.run(1);
    fullest = Math.max(fullest, subject.engine().kvUsage);
    assert(subject.engine().kvUsage <= 1);
  }
  const { stats } = subject.engine();
  assert(fullest > 0.95, `${fullest}`);
  assert(stats.preemptions > 20, `${stats.preemptions}`);
  assert(stats.requestPreemptions.sum > 0);
  // All answers are complete nevertheless.
  assertEquals(stats.requestGeneration.sum, 100 * stats.requestGeneration.count);
});

Deno.test("a shared prefix is computed once and then found in the cache", () => {
  const workload = { prefixShare: 1, prefixes: 1, prefixTokens: 640, requestsPerSecond: 2 };
  const subject = startServer({ scenario: steady({ workload: { ...EVEN, ...workload } }) });
  subject.run(300);
  const { stats } = subject.engine();
  assert(stats.endToEnd.count > 400);
  // 640 of 800 tokens, except for the first ones.
  assertAlmostEquals(stats.prefixHits / stats.prefixQueries, 0.8, 0.01);
});

/** Requests whose whole prefix had to be computed: 640 of 800 tokens. */
function misses({ engine }: Subject): number {
  const { prefixQueries, prefixHits } = engine().stats;
  return prefixQueries / 800 - prefixHits / 640;
}

Deno.test("unused prefixes are evicted once their blocks are reused", () => {
  const workload = { ...EVEN, prefixShare: 1, prefixes: 50, prefixTokens: 640 };
  const [large = 0, small = 0] = [20_000, 1_500].map((numGpuBlocks) => {
    const subject = startServer({ scenario: steady({ workload, engine: { numGpuBlocks } }) });
    subject.run(1_800);
    return misses(subject);
  });
  // 50 prefixes of 40 blocks need 2,000; a few more misses are of requests that came together.
  assert(large >= 50 && large < 70, `${large}`);
  assert(small > 5 * large, `${small}`);
});

Deno.test("sleep drops the cached prefixes", () => {
  const workload = { ...EVEN, prefixShare: 1, prefixes: 1, prefixTokens: 640 };
  const phases = [{ durationMs: 60_000, load: 1 }, {
    durationMs: 1_000,
    load: 0,
    state: "asleep",
  }] as const;
  const awake = steady({ workload });
  const [always = 0, napping = 0] = [awake, { ...awake, phases }].map((scenario) => {
    const subject = startServer({ scenario });
    subject.run(600);
    return misses(subject);
  });
  assert(napping >= always + 9, `${napping}`);
});

Deno.test("a slow engine has longer times than the others, with the same share of requests", () => {
  const subject = startServer({
    engines: 3,
    engineOptions: [{}, { slowness: 2 }],
    shares: [1, 1, 1],
  });
  subject.run(600);
  const means = [0, 1, 2].map((index) => {
    const { interToken } = subject.engine(index).stats;
    return interToken.sum / interToken.count;
  });
  const [first = 0, slow = 0, third = 0] = means;
  assert(slow > 2 * first && slow > 2 * third, `${means}`);
});

Deno.test("a full queue rejects requests with 503 and counts them", () => {
  const subject = startServer({
    scenario: steady({ workload: { ...EVEN, requestsPerSecond: 100 } }),
    maxNumQueuedReqs: 50,
  });
  for (let second = 1; second <= 60; second++) {
    subject.run(1);
    assert(subject.engine().waiting <= 50, `${subject.engine().waiting}`);
  }
  const { rejected, http } = subject.server.run;
  assert(rejected > 100);
  const refused = Object.values(http.handlers).reduce(
    (sum, { requests }) => sum + requests["5xx"],
    0,
  );
  assertEquals(refused, rejected);
  assert(subject.text().includes(`reason="max_num_queued_reqs"} ${rejected}.0\n`));
});

Deno.test("an engine whose KV cache cannot hold one request is refused", () => {
  const engine = { maxModelLen: 1_024, numGpuBlocks: 63 };
  assertThrows(
    () => startServer({ scenario: steady({ engine }) }),
    RangeError,
    "'numGpuBlocks' must hold 'maxModelLen' tokens: current value is 63",
  );
});
