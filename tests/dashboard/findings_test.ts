import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { findAll, RULES } from "../../lib/dashboard/findings/findings.ts";
import type { Observations } from "../../lib/dashboard/findings/observations.ts";
import type { Finding, ViewTarget } from "../../lib/dashboard/view.ts";

const NOW_MS = 1_000_000_000;

const UP: ViewTarget = {
  instance: "vllm-a",
  state: "up",
  up: true,
  error: "",
  lastSuccessMs: NOW_MS - 2_000,
  sinceMs: NOW_MS - 600_000,
};

/** A server under a load that it copes with. */
const FINE: Observations = {
  nowMs: NOW_MS,
  lookedSinceMs: NOW_MS - 3_600_000,
  intervalMs: 2_000,
  goals: { ttftSeconds: 1, tpotSeconds: 0.1 },
  targets: [UP],
  restarts: [{ instance: "vllm-a", timesMs: [] }],
  stalled: [],
  waiting: 0,
  waitingMean: 0,
  deferred: 0,
  running: 20,
  kvCache: 0.5,
  preemptions: 0,
  prefixQueries: 50_000,
  prefixHits: 0.6,
  prefixCachingOff: false,
  ended: { stop: 900, length: 100, error: 0, abort: 0 },
  rejected: { "max_num_queued_reqs": 0 },
  ttftP95: 0.4,
  tpotP95: 0.03,
  interTokenP50: 0.02,
  queueMean: 0.01,
  prefillMean: 0.19,
  engines: { running: [], kvCache: [], pause: [] },
  servers: { running: [], kvCache: [], pause: [] },
};

/** Finds what is wrong when some numbers differ from those of a server that is fine. */
function find(change: Partial<Observations>): Finding[] {
  return findAll({ ...FINE, ...change });
}

/** Names and levels of what is found. */
function idsOf(change: Partial<Observations>): string[] {
  return find(change).map(({ id, level }) => `${id} ${level}`);
}

Deno.test("nothing is wrong with a server that copes with its load", () => {
  assertEquals(find({}), []);
});

Deno.test("nothing is wrong where nothing is known", () => {
  const { nowMs, lookedSinceMs, intervalMs, goals } = FINE;
  const unknown = { state: "unknown", up: undefined } as const;
  assertEquals(
    findAll({
      nowMs,
      lookedSinceMs,
      intervalMs,
      goals,
      targets: [{ ...UP, ...unknown, lastSuccessMs: undefined, sinceMs: undefined }],
      restarts: [],
      stalled: [],
      waiting: undefined,
      waitingMean: undefined,
      deferred: undefined,
      running: undefined,
      kvCache: undefined,
      preemptions: undefined,
      prefixQueries: undefined,
      prefixHits: undefined,
      prefixCachingOff: false,
      ended: {},
      rejected: {},
      ttftP95: undefined,
      tpotP95: undefined,
      interTokenP50: undefined,
      queueMean: undefined,
      prefillMean: undefined,
      engines: FINE.engines,
      servers: FINE.servers,
    }),
    [],
  );
});

Deno.test("a queue with a full KV cache is bound by memory", () => {
  assertEquals(idsOf({ waiting: 1, kvCache: 0.9 }), ["memory_bound_queue warn"]);
  assertEquals(idsOf({ waiting: 50, kvCache: 0.99 }), ["memory_bound_queue bad"]);
  assertEquals(idsOf({ waiting: 0, kvCache: 0.99 }), []);
  const [finding] = find({ waiting: 7, kvCache: 0.934 });
  assertEquals(
    finding?.why,
    "7 requests or more waited all through the last minute, and the KV cache was 93.4\u00a0% full.",
  );
  assertStringIncludes(finding?.action ?? "", "gpu_memory_utilization");
});

Deno.test("a queue with room in the KV cache is bound by the scheduler", () => {
  assertEquals(idsOf({ waiting: 1, kvCache: 0.899 }), ["scheduler_bound_queue warn"]);
  assertEquals(idsOf({ waiting: 50, kvCache: 0.3 }), ["scheduler_bound_queue bad"]);
  assertEquals(idsOf({ waiting: 5, kvCache: undefined }), []);
  assertStringIncludes(find({ waiting: 9, kvCache: 0.3 })[0]?.action ?? "", "max_num_seqs first");
});

Deno.test("a queue of deferred requests points to adapters and transfers", () => {
  const actions = [4, 5].map((deferred) => find({ waiting: 10, deferred })[0]?.action ?? "");
  assertStringIncludes(actions[0] ?? "", "max_num_seqs");
  assertStringIncludes(actions[1] ?? "", "max_loras");
});

Deno.test("preemptions are found from one in a thousand seconds on", () => {
  assertEquals(idsOf({ preemptions: 0.0009 }), []);
  assertEquals(idsOf({ preemptions: 0.001 }), ["preemptions warn"]);
  assertEquals(idsOf({ preemptions: 1 }), ["preemptions bad"]);
  assertMatch(find({ preemptions: 0.5 })[0]?.why ?? "", /^30 preemptions a minute /);
});

Deno.test("few hits in the prefix cache are found once there were enough tokens", () => {
  assertEquals(idsOf({ prefixHits: 0.29 }), ["low_prefix_reuse warn"]);
  assertEquals(idsOf({ prefixHits: 0.3 }), []);
  assertEquals(idsOf({ prefixHits: 0.1, prefixQueries: 9_999 }), []);
});

Deno.test("a prefix cache that is off is said to be off, not little used", () => {
  assertEquals(idsOf({ prefixCachingOff: true, prefixHits: 0 }), ["prefix_caching_off warn"]);
});

Deno.test("errors are found from one in a hundred on", () => {
  assertEquals(idsOf({ ended: { stop: 992, error: 8 } }), []);
  assertEquals(idsOf({ ended: { stop: 99, error: 1 } }), ["error_share warn"]);
  assertEquals(idsOf({ ended: { stop: 95, error: 5 } }), ["error_share bad"]);
  assertEquals(
    find({ ended: { stop: 95, error: 5 } })[0]?.why,
    "5\u00a0% of 100 requests in the last five minutes ended with an error.",
  );
});

Deno.test("clients that give up are found from one in ten on", () => {
  assertEquals(idsOf({ ended: { stop: 91, abort: 9 } }), []);
  assertEquals(idsOf({ ended: { stop: 90, abort: 10 } }), ["abort_share warn"]);
});

Deno.test("requests that a full queue turns away are found, with the setting that did it", () => {
  const rejected = { "max_num_queued_reqs": 3, "max_num_queued_tokens": 0 };
  assertEquals(idsOf({ rejected }), ["rejections warn"]);
  assertEquals(idsOf({ rejected: { "max_num_queued_reqs": 100 } }), ["rejections bad"]);
  assertStringIncludes(find({ rejected })[0]?.why ?? "", "the limit was max_num_queued_reqs.");
});

Deno.test("first tokens that are slow without a queue point to prefill", () => {
  const slow = { ttftP95: 1, prefillMean: 0.6, queueMean: 0.2 };
  assertEquals(idsOf(slow), ["slow_prefill warn"]);
  assertEquals(idsOf({ ...slow, ttftP95: 3 }), ["slow_prefill bad"]);
  assertEquals(idsOf({ ...slow, ttftP95: 0.99 }), []);
  assertEquals(idsOf({ ...slow, waitingMean: 1 }), ["slow_prefill warn"]);
  assertEquals(idsOf({ ...slow, waitingMean: 1.1 }), []);
});

Deno.test("first tokens that wait in a queue that does not last are found", () => {
  const slow = { ttftP95: 1, prefillMean: 0.6, queueMean: 0.21 };
  assertEquals(idsOf(slow), ["slow_queue warn"]);
  assertEquals(idsOf({ ...slow, ttftP95: 3 }), ["slow_queue bad"]);
  assertEquals(idsOf({ ...slow, ttftP95: 0.99 }), []);
  // A queue that lasts is told by what it waits for.
  assertEquals(idsOf({ ...slow, waiting: 1 }), ["scheduler_bound_queue warn"]);
});

Deno.test("answers that are written slowly are told from those that stall", () => {
  const slow = { tpotP95: 0.1, interTokenP50: 0.05 };
  assertEquals(idsOf(slow), ["slow_decode warn"]);
  assertEquals(idsOf({ ...slow, tpotP95: 0.31 }), ["slow_decode bad"]);
  assertEquals(idsOf({ ...slow, tpotP95: 0.099 }), []);
  assertEquals(find(slow)[0]?.title, "Answers are written slowly");
  assertEquals(find({ ...slow, interTokenP50: 0.049 })[0]?.title, "Answers stall");
});

Deno.test("an engine unlike the others is named", () => {
  const running = [
    { name: "engine 0", value: 3 },
    { name: "engine 1", value: 4 },
    { name: "engine 2", value: 24 },
  ];
  const [finding] = find({ engines: { running, kvCache: [], pause: [] } });
  assertEquals([finding?.id, finding?.level], ["engine_imbalance", "warn"]);
  assertEquals(
    finding?.why,
    "In the last minute engine 2 had 24 running requests, " +
      "the others 4 running requests on average.",
  );
  assertEquals(find({ engines: { running: running.slice(0, 2), kvCache: [], pause: [] } }), []);
});

Deno.test("engines with as many requests but uneven caches are named as well", () => {
  const kvCache = [{ name: "engine 0", value: 0.2 }, { name: "engine 1", value: 0.45 }];
  const running = [{ name: "engine 0", value: 9 }, { name: "engine 1", value: 9 }];
  assertEquals(idsOf({ engines: { running, kvCache, pause: [] } }), ["engine_imbalance warn"]);
  const close = [{ name: "engine 0", value: 0.2 }, { name: "engine 1", value: 0.44 }];
  assertEquals(idsOf({ engines: { running, kvCache: close, pause: [] } }), []);
});

Deno.test("engines that are one a server are told as servers", () => {
  const running = [{ name: "vllm-a", value: 3 }, { name: "vllm-b", value: 30 }];
  const both = { running, kvCache: [], pause: [] };
  assertEquals(idsOf({ engines: both, servers: both }), ["server_imbalance warn"]);
});

Deno.test("a server unlike the others is named", () => {
  const running = [{ name: "vllm-a", value: 3 }, { name: "vllm-b", value: 30 }];
  const [finding] = find({ servers: { running, kvCache: [], pause: [] } });
  assertEquals(finding?.id, "server_imbalance");
  assertStringIncludes(finding?.why ?? "", "vllm-b had 30 running requests");
});

Deno.test("an engine slower than the others is named, a faster one is not", () => {
  const engines = (...values: number[]): Partial<Observations> => {
    const pause = values.map((value, index) => ({ name: `engine ${index}`, value }));
    return { engines: { running: [], kvCache: [], pause } };
  };
  const [finding, ...others] = find(engines(0.02, 0.04, 0.02));
  assertEquals([finding?.id, finding?.level, others], ["slow_engine", "warn", []]);
  assertEquals(
    finding?.why,
    "In the last minute the pause between tokens of engine 1 was 40 ms, " +
      "that of the others 20 ms on average.",
  );
  assertEquals(find(engines(0.02, 0.039)), []);
  assertEquals(find(engines(0.004, 0.0139)), []);
  assertEquals(find(engines(0.06, 0.02, 0.06, 0.06)), []);
});

Deno.test("a server slower than the others is named once", () => {
  const pause = [{ name: "vllm-a", value: 0.02 }, { name: "vllm-b", value: 0.06 }];
  const both = { running: [], kvCache: [], pause };
  assertEquals(idsOf({ engines: both, servers: both }), ["slow_server warn"]);
});

Deno.test("a server that is down is found, with how long and why", () => {
  const down: ViewTarget = {
    ...UP,
    state: "down",
    up: false,
    error: 'Cannot scrape "http://vllm:8000/metrics": connection refused.',
    sinceMs: NOW_MS - 90_000,
  };
  const [finding, ...more] = find({ targets: [down] });
  assertEquals(more, []);
  assertEquals([finding?.id, finding?.level], ["server_down", "bad"]);
  assertEquals(
    finding?.why,
    'vllm-a has been down for 90 s: Cannot scrape "http://vllm:8000/metrics": connection refused.',
  );
  assertEquals(
    find({ targets: [down, { ...down, instance: "b" }] })[0]?.title,
    "2 servers are down",
  );
});

Deno.test("a server that restarted twice in the last hour is found, one restart is a deploy", () => {
  const timesMs = [NOW_MS - 600_000, NOW_MS - 40_000];
  const once = { instance: "vllm-b", timesMs: timesMs.slice(1) };
  const [finding, ...more] = find({ restarts: [{ instance: "vllm-a", timesMs }, once] });
  assertEquals([finding?.id, finding?.level, more], ["server_restarts", "warn", []]);
  assertEquals(
    finding?.why,
    "vllm-a went away or began anew 2 times in the last hour, the last time 40 s ago.",
  );
  assertEquals(idsOf({ restarts: [once] }), []);
});

Deno.test("all servers that restart again and again are named in one finding", () => {
  const timesMs = [NOW_MS - 600_000, NOW_MS - 300_000, NOW_MS - 180_000];
  const restarts = ["vllm-a", "vllm-b"].map((instance) => ({ instance, timesMs }));
  const [finding, ...more] = find({ restarts });
  assertEquals([finding?.title, more], ["2 servers restart again and again", []]);
  assertMatch(finding?.why ?? "", /^vllm-a .* 3 times .* 3 min ago\. vllm-b .* 3 min ago\.$/);
});

Deno.test("the question that comes with an error ends its sentence and is asked once", () => {
  const error = "Cannot scrape: connection refused. Is vLLM running, and is the port right?";
  const down: ViewTarget = { ...UP, state: "down", up: false, error, sinceMs: NOW_MS - 5_000 };
  const [finding] = find({ targets: [down] });
  assertEquals(finding?.why, `vllm-a has been down for 5 s: ${error}`);
  assert(!finding?.action.includes("?"), finding?.action);
});

Deno.test("a server is stale after five intervals, and not before 15 seconds", () => {
  const aged = (ms: number): readonly ViewTarget[] => [{ ...UP, lastSuccessMs: NOW_MS - ms }];
  assertEquals(idsOf({ targets: aged(15_000) }), []);
  assertEquals(idsOf({ targets: aged(15_001) }), ["server_stale warn"]);
  assertEquals(idsOf({ targets: aged(50_000), intervalMs: 10_000 }), []);
  assertEquals(idsOf({ targets: aged(50_001), intervalMs: 10_000 }), ["server_stale warn"]);
});

Deno.test("a server is not stale because nobody looked for a while", () => {
  const targets = [{ ...UP, lastSuccessMs: NOW_MS - 600_000 }];
  assertEquals(idsOf({ targets, lookedSinceMs: NOW_MS - 15_000 }), []);
  assertEquals(idsOf({ targets, lookedSinceMs: NOW_MS - 15_001 }), ["server_stale warn"]);
});

Deno.test("a server of which not all series are kept is found", () => {
  const targets = [UP, { ...UP, instance: "vllm-b", droppedSamples: 1_200 }];
  assertEquals(idsOf({ targets }), ["series_cut warn"]);
  assertEquals(
    find({ targets })[0]?.why,
    "1,200 samples of the last scrape of vllm-b are not kept.",
  );
});

Deno.test("a server that sleeps is found", () => {
  assertEquals(idsOf({ targets: [{ ...UP, state: "sleeping" }] }), ["server_sleeping warn"]);
});

Deno.test("what is bad comes before what is a warning", () => {
  assertEquals(
    idsOf({ preemptions: 2, waiting: 3, kvCache: 0.95, ended: { stop: 9, error: 1 } }),
    ["error_share bad", "preemptions bad", "memory_bound_queue warn"],
  );
});

/** Everything wrong at once, as far as that is possible. */
const ALL_WRONG: Partial<Observations> = {
  waiting: 60,
  kvCache: 0.99,
  preemptions: 2,
  prefixHits: 0,
  ended: { stop: 1, error: 1, abort: 1 },
  rejected: { "max_num_queued_reqs": 9 },
  ttftP95: 9,
  tpotP95: 9,
  restarts: [{ instance: "vllm-a", timesMs: [NOW_MS - 90_000, NOW_MS - 30_000] }],
  targets: [
    { ...UP, state: "sleeping", lastSuccessMs: NOW_MS - 60_000, droppedSamples: 9 },
    { ...UP, state: "down", up: false },
  ],
  servers: {
    running: [{ name: "a", value: 1 }, { name: "b", value: 20 }],
    kvCache: [],
    pause: [{ name: "a", value: 0.02 }, { name: "b", value: 0.06 }],
  },
  engines: {
    running: [
      { name: "a, engine 0", value: 1 },
      { name: "a, engine 1", value: 1 },
      { name: "b, engine 0", value: 20 },
    ],
    kvCache: [],
    pause: [
      { name: "a, engine 0", value: 0.02 },
      { name: "a, engine 1", value: 0.02 },
      { name: "b, engine 0", value: 0.06 },
    ],
  },
};

Deno.test("every rule finds what it is named after, and the titles are those of the document", () => {
  const document = Deno.readTextFileSync(
    new URL("../../docs/live-page.md", import.meta.url).pathname,
  ).replace(/\s+/g, " ");
  const changes = [
    ALL_WRONG,
    { waiting: 60, kvCache: 0.1 },
    { ttftP95: 9, queueMean: 0.2 },
    { prefixCachingOff: true },
    { stalled: [{ name: "vllm-a, engine 0", running: 3 }] },
  ];
  for (const [id, rule] of Object.entries(RULES)) {
    const found = changes.map((change) => rule({ ...FINE, ...change }))
      .filter((finding) => finding !== undefined);
    assertEquals([id, found.map((finding) => finding.id)], [id, [id]]);
    assertStringIncludes(document, `**${found[0]?.title}**`);
  }
});

Deno.test("each finding links to vLLM's documentation, and ends its sentences", () => {
  for (const { link, why, action } of find(ALL_WRONG)) {
    assertMatch(link, /^https:\/\/docs\.vllm\.ai\/en\/stable\//);
    for (const text of [why, action]) assertMatch(text, /[.?]$/);
  }
});
