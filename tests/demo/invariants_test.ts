import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { SCENARIO_NAMES, SCENARIOS } from "../../lib/demo/scenario.ts";
import { seriesOf } from "../fakes.ts";
import { START_MS, startServer, steady } from "./server.ts";

const HOUR_SECONDS = 3_600;

Deno.test.each([["steady", 60], ["busy", 480]] as const)(
  "Little's law holds for an hour of %s traffic",
  (name, longestSeconds) => {
    // The Rust front end counts every request; the Python one omits aborted ones.
    const subject = startServer({ scenario: SCENARIOS[name], frontend: "rust" });
    const [{ server }, engine] = [subject, subject.engine()];
    const { endToEnd } = engine.stats;
    const lookSeconds = 0.01;
    let area = 0;
    for (let look = 1; look <= HOUR_SECONDS / lookSeconds; look++) {
      server.advance(START_MS + look * lookSeconds * 1_000);
      area += (engine.running + engine.waiting) * lookSeconds;
    }
    assert(endToEnd.count > 5_000);
    const longest = endToEnd.bounds.indexOf(longestSeconds);
    assertEquals(endToEnd.cumulative(longest), endToEnd.count, "a request took longer");
    // Errors: requests still inside, up to their longest time, and one look per arrival and end.
    // Relative to the area both shrink with the length of the run.
    const inside = (engine.running + engine.waiting) * longestSeconds;
    const late = endToEnd.count * lookSeconds;
    const mean = area / HOUR_SECONDS;
    const rateTimesTime = endToEnd.sum / HOUR_SECONDS;
    const tolerance = (inside + late) / HOUR_SECONDS;
    assert(tolerance < mean / 2, `a tolerance of ${tolerance} says nothing about ${mean}`);
    assertAlmostEquals(mean, rateTimesTime, tolerance);
  },
);

Deno.test("requests arrive at the configured rate", () => {
  const { server, run } = startServer();
  run(HOUR_SECONDS);
  const { http, engines } = server.run;
  const inside = engines.reduce((sum, { running, waiting }) => sum + running + waiting, 0);
  const expected = SCENARIOS.steady.workload.requestsPerSecond * HOUR_SECONDS;
  // Four standard deviations of a Poisson count.
  assertAlmostEquals(http.durations.count + inside, expected, 4 * Math.sqrt(expected));
});

Deno.test.each([...SCENARIO_NAMES].flatMap((name) => [[name, 1], [name, 3]] as const))(
  "counts agree with one another in %s with %d engine(s)",
  (name, engines) => {
    const subject = startServer({ scenario: SCENARIOS[name], engines });
    subject.run(400);
    for (let index = 0; index < engines; index++) {
      checkCounts(seriesOf(subject.text()), `engine="${index}"`);
    }
  },
);

/** Checks the numbers of one engine. */
function checkCounts(series: Map<string, number>, engine: string): void {
  const own = [...series].filter(([name]) => name.includes(`{${engine}`));
  const total = (prefix: string): number => {
    const found = own.filter(([name]) => name.startsWith(`${prefix}{`));
    assert(found.length > 0, prefix);
    return found.reduce((sum, [, value]) => sum + value, 0);
  };
  const finished = total("vllm:request_success_total");
  assert(finished > 10, `only ${finished} requests`);
  for (const family of PER_REQUEST) assertEquals(total(`vllm:${family}_count`), finished, family);
  const prompt = total("vllm:prompt_tokens_total");
  const generated = total("vllm:generation_tokens_total");
  const cached = total("vllm:prompt_tokens_cached_total");
  assertEquals(total("vllm:prompt_tokens_by_source_total"), prompt);
  assertEquals(
    total("vllm:prompt_tokens_cached_by_source_total"),
    total("vllm:prefix_cache_hits_total"),
  );
  assert(total("vllm:prefix_cache_queries_total") >= prompt);
  assertEquals(total("vllm:iteration_tokens_total_sum"), prompt - cached + generated);
  assertEquals(
    total("vllm:inter_token_latency_seconds_count"),
    generated - total("vllm:time_to_first_token_seconds_count"),
  );
  assertEquals(
    total("vllm:num_requests_waiting_by_reason"),
    total("vllm:num_requests_waiting"),
  );
  assertAlmostEquals(
    total("vllm:request_queue_time_seconds_sum") + total("vllm:request_inference_time_seconds_sum"),
    total("vllm:e2e_request_latency_seconds_sum"),
    1e-6,
  );
  assertAlmostEquals(
    total("vllm:request_prefill_time_seconds_sum") + total("vllm:request_decode_time_seconds_sum"),
    total("vllm:request_inference_time_seconds_sum"),
    1e-6,
  );
  const usage = total("vllm:kv_cache_usage_perc");
  assert(usage >= 0 && usage <= 1, `${usage}`);
  checkBuckets(own);
}

const PER_REQUEST = [
  ...["request_prompt_tokens", "request_generation_tokens", "request_max_num_generation_tokens"],
  ...["request_params_n", "request_params_max_tokens", "request_prefill_kv_computed_tokens"],
  ...["request_time_per_output_token_seconds", "e2e_request_latency_seconds"],
  ...["request_queue_time_seconds", "request_inference_time_seconds", "request_num_preemptions"],
  ...["request_prefill_time_seconds", "request_decode_time_seconds"],
];

/** Checks that buckets never fall, and that the last one counts all. */
function checkBuckets(series: readonly (readonly [string, number])[]): void {
  const values = new Map(series);
  let before = 0;
  for (const [name, value] of series) {
    if (!name.includes("_bucket{")) continue;
    const isFirst = !name.startsWith(lastFamily);
    lastFamily = name.slice(0, name.indexOf("{"));
    assert(isFirst || value >= before, `${name} fell from ${before} to ${value}`);
    before = value;
    if (!name.includes('le="+Inf"')) continue;
    const count = name.replace("_bucket{", "_count{").replace('le="+Inf",', "");
    assertEquals(values.get(count), value, count);
  }
}
let lastFamily = "";

Deno.test("counters and histograms never fall, except at a restart", () => {
  const subject = startServer({ scenario: SCENARIOS.outage, engines: 2 });
  let before = new Map<string, number>();
  let restarts = 0;
  for (let second = 0; second < 300; second++) {
    subject.run(1);
    if (subject.server.state === "down") {
      if (before.size > 0) restarts++;
      before = new Map();
      continue;
    }
    const now = seriesOf(subject.text());
    for (const [name, value] of now) {
      if (!/^\w[\w:]*(?:_total|_bucket|_count|_sum)(?:\{|$)/.test(name)) continue;
      assert(value >= (before.get(name) ?? 0), `${name} fell from ${before.get(name)} to ${value}`);
    }
    before = now;
  }
  assertEquals(restarts, 2);
});

Deno.test.each([...SCENARIO_NAMES].map((name) => [name] as const))(
  "%s: the state does not depend on the steps in which time passes",
  (name) => {
    const options = { scenario: SCENARIOS[name], engines: 2, warmUpMs: 30_000 };
    const [once, pieces] = [startServer(options), startServer(options)];
    once.run(350);
    for (let piece = 0; piece < 3_500; piece++) pieces.run(0.1);
    assertEquals(pieces.text(), once.text());
  },
);

Deno.test("equal seeds give equal bytes, different seeds do not", () => {
  const texts = [1, 1, 2].map((seed) => {
    const subject = startServer({ seed, scenario: SCENARIOS.busy });
    subject.run(120);
    return subject.text();
  });
  assertEquals(texts[0], texts[1]);
  assertNotEquals(texts[0], texts[2]);
});

Deno.test("counts of speculative decoding add up", () => {
  const speculation = { acceptance: [0.8, 0.5] };
  const subject = startServer({ scenario: steady({ engine: { speculation } }) });
  subject.run(300);
  const { drafts, draftTokens, acceptedByPosition, interToken } = subject.engine().stats;
  const [first = 0, second = 0] = acceptedByPosition;
  assertEquals(draftTokens, 2 * drafts);
  // One draft per step behind the first token of a request.
  assertEquals(drafts, interToken.count);
  assertAlmostEquals(first / drafts, 0.8, 0.01);
  assertAlmostEquals(second / first, 0.5, 0.01);
});
