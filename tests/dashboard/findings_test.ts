/** Each finding from the scrapes that cause it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FINDING_RULES } from "../../lib/dashboard/findings/findings.ts";
import type { Finding } from "../../lib/dashboard/view.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { builtView } from "./built_view.ts";
import { FakeVllm, type Load } from "./fake_vllm.ts";

const START_MS = 1_795_492_800_000;
const INTERVAL_MS = 5_000;

/** Servers that were scraped for a while. */
class Past {
  readonly store: HistoryStore;
  nowMs = START_MS;

  constructor(...instances: string[]) {
    this.store = new HistoryStore({ instances });
  }

  /** Adds scrapes every 5 s for a time: text, or an error. */
  scrape(seconds: number, textOf: (instance: string) => string | { error: string }): void {
    for (let passed = 0; passed < seconds; passed += INTERVAL_MS / 1_000) {
      this.nowMs += INTERVAL_MS;
      for (const { instance } of this.store.targets) {
        const answer = textOf(instance);
        const scrape = { instance, timeMs: this.nowMs };
        if (typeof answer !== "string") this.store.fail({ ...scrape, ...answer });
        else this.store.add({ ...scrape, body: new TextEncoder().encode(answer) });
      }
    }
  }

  /** The findings some time after the last scrape. */
  findings(afterMs = 0, viewedSinceMs = 0): readonly Finding[] {
    const settings = {
      goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
      intervalMs: INTERVAL_MS,
      windows: [300],
      viewedSinceMs,
    };
    const request = { selection: {}, windowSeconds: 300 };
    return builtView(this.store, request, this.nowMs + afterMs, settings).findings;
  }
}

/** The findings after a load on one server. */
function find(load: Load, seconds = 120): readonly Finding[] {
  const past = new Past("vllm-a");
  const vllm = new FakeVllm();
  past.scrape(seconds, () => {
    vllm.live(load);
    return vllm.text();
  });
  return past.findings();
}

/** Ids and levels of the findings. */
function idsOf(load: Load): string[] {
  return find(load).map(({ id, level }) => `${id} ${level}`);
}

/** Engines of one server or of several that differ in some numbers. */
function findAmong(
  peers: readonly {
    instance: string;
    engine: string;
    running?: number;
    kvCache?: number;
    pause?: number;
  }[],
): readonly Finding[] {
  const past = new Past(...new Set(peers.map(({ instance }) => instance)));
  let requests = 0;
  past.scrape(120, (instance) => {
    requests += 10;
    return peers.filter((peer) => peer.instance === instance).map((peer) => {
      const { engine, running = 9, kvCache = 0.2, pause = 0.02 } = peer;
      const labels = `{model_name="m",engine="${engine}"}`;
      return `vllm:num_requests_running${labels} ${running}\n` +
        `vllm:kv_cache_usage_perc${labels} ${kvCache}\n` +
        `vllm:generation_tokens_total${labels} ${requests}\n` +
        `vllm:inter_token_latency_seconds_sum${labels} ${requests * pause}\n` +
        `vllm:inter_token_latency_seconds_count${labels} ${requests}\n`;
    }).join("");
  });
  return past.findings();
}

/** Engines of one server by one number each. */
function engines(name: "running" | "kvCache" | "pause", ...values: number[]): readonly Finding[] {
  return findAmong(values.map((value, index) => ({
    instance: "a",
    engine: String(index),
    [name]: value,
  })));
}

Deno.test("nothing is wrong with a server that copes with its load", () => {
  assertEquals(find({}), []);
});

Deno.test("a queue with a full KV cache is bound by memory", () => {
  assertEquals(idsOf({ waiting: 1, kvCache: 0.9 }), ["memory_bound_queue warn"]);
  assertEquals(idsOf({ waiting: 50, kvCache: 0.99 }), ["memory_bound_queue bad"]);
  assertEquals(idsOf({ waiting: 0, kvCache: 0.99 }), []);
  const [finding] = find({ waiting: 7, kvCache: 0.934 });
  assertEquals(
    finding?.why,
    "At least 7 requests waited all through the last minute, and the KV cache was 93.4\u00a0% full.",
  );
  assertStringIncludes(finding?.action ?? "", "--gpu-memory-utilization 0.95");
});

Deno.test("a queue with room in the KV cache is bound by the scheduler", () => {
  assertEquals(idsOf({ waiting: 1, kvCache: 0.899 }), ["scheduler_bound_queue warn"]);
  assertEquals(idsOf({ waiting: 50, kvCache: 0.3 }), ["scheduler_bound_queue bad"]);
  assertStringIncludes(find({ waiting: 9, kvCache: 0.3 })[0]?.action ?? "", "--max-num-seqs first");
});

Deno.test("a queue of deferred requests points to adapters and transfers", () => {
  const actions = [4, 5].map((deferred) => find({ waiting: 10, deferred })[0]?.action ?? "");
  assertStringIncludes(actions[0] ?? "", "--max-num-seqs");
  assertStringIncludes(actions[1] ?? "", "--max-loras");
});

Deno.test("a queue of less than a minute is none", () => {
  const past = new Past("vllm-a");
  const vllm = new FakeVllm();
  for (const [seconds, waiting] of [[120, 0], [55, 20]] as const) {
    past.scrape(seconds, () => {
      vllm.live({ waiting });
      return vllm.text();
    });
  }
  assertEquals(past.findings(), []);
});

Deno.test("preemptions are found from one in a thousand seconds on", () => {
  assertEquals(find({ preemptions: 0.0045 }, 300), []);
  assertEquals(find({ preemptions: 0.0055 }, 300).map(({ level }) => level), ["warn"]);
  assertEquals(find({ preemptions: 20 }, 300).map(({ level }) => level), ["bad"]);
  assertMatch(
    find({ preemptions: 2.5 }, 300)[0]?.why ?? "",
    /^(30|29\.\d) preemptions per minute /,
  );
});

Deno.test("a low hit rate in the prefix cache is found once there were enough tokens", () => {
  assertEquals(idsOf({ prefixHits: 0.29 }), ["low_prefix_reuse warn"]);
  assertEquals(idsOf({ prefixHits: 0.31 }), []);
  assertEquals(idsOf({ prefixHits: 0.1, prefixQueries: 300 }), []);
});

Deno.test("a prefix cache that is off is reported as off, not as little used", () => {
  const past = new Past("vllm-a");
  const vllm = new FakeVllm();
  past.scrape(120, () => {
    vllm.live({ prefixHits: 0 });
    return `vllm:cache_config_info{engine="0",enable_prefix_caching="False"} 1\n${vllm.text()}`;
  });
  assertEquals(past.findings().map(({ id }) => id), ["prefix_caching_off"]);
});

Deno.test("errors are found from one in a hundred on", () => {
  assertEquals(idsOf({ errors: 0.16 }), []);
  assertEquals(idsOf({ errors: 0.201 }), ["error_share warn"]);
  assertEquals(idsOf({ errors: 1.001 }), ["error_share bad"]);
  assertMatch(
    find({ errors: 2 })[0]?.why ?? "",
    /^10\u00a0% of 4\d\d requests in the last 115 s ended with an error\.$/,
  );
});

Deno.test("failing KV transfers are found, with what fails", () => {
  const transfers = (failed: number, errors = 0): readonly Finding[] => {
    const past = new Past("vllm-a");
    const vllm = new FakeVllm();
    let total = 0;
    past.scrape(120, () => {
      vllm.live({ errors });
      total += failed;
      return `${vllm.text()}# TYPE vllm:nixl_num_failed_transfers counter\n` +
        `vllm:nixl_num_failed_transfers_total{engine="0"} ${total}\n` +
        `vllm:nixl_num_kv_expired_reqs_total{engine="0"} ${2 * total}\n`;
    });
    return past.findings();
  };
  assertEquals(transfers(0), []);
  const [finding, ...others] = transfers(1);
  assertEquals([finding?.id, finding?.level, others], ["kv_transfer_failures", "warn", []]);
  assertEquals(finding?.scope.instances, ["vllm-a"]);
  assertMatch(
    finding?.why ?? "",
    /^2[34] failed transfers, 4[678] expired KV leases in the last /,
  );
  // Requests that fail with it are its symptom.
  const [worse, ...rest] = transfers(1, 1.001);
  assertEquals([worse?.id, worse?.level, rest], ["kv_transfer_failures", "bad", []]);
  assertEquals(worse?.evidence.map(({ id }) => id), ["error_share"]);
});

/** Servers of models with the share of prompt tokens that came by KV transfer, and what waits. */
function disaggregated(
  servers: Readonly<Record<string, { model?: string; moved: number; waiting: number }>>,
): Finding | undefined {
  const past = new Past(...Object.keys(servers));
  let tokens = 0;
  past.scrape(120, (instance) => {
    tokens += 1_000;
    const { model = "m", moved = 0, waiting = 0 } = servers[instance] ?? {};
    const labels = `model_name="${model}",engine="0"`;
    const source = (name: string, share: number): string =>
      `vllm:prompt_tokens_by_source_total{${labels},source="${name}"} ${share * tokens}\n`;
    return `vllm:num_requests_running{${labels}} 4\n` +
      `vllm:num_requests_waiting{${labels}} ${waiting}\n` +
      `vllm:kv_cache_usage_perc{${labels}} 0.5\n` +
      `vllm:generation_tokens_total{${labels}} ${tokens}\n` +
      source("local_compute", 1 - moved) + source("external_kv_transfer", moved);
  });
  return past.findings().find(({ id }) => id === "prefill_decode_imbalance");
}

Deno.test("prefill servers that are busier than decode servers are found, and the reverse", () => {
  const [prefill, decode] = [{ moved: 0, waiting: 1 }, { moved: 0.9, waiting: 1 }];
  assertEquals(disaggregated({ p: prefill, d: decode }), undefined);
  const slow = disaggregated({ p: { ...prefill, waiting: 6 }, p2: prefill, d: decode });
  assertEquals(slow?.why, "Of m, 3.5 requests wait per prefill server and 1 per decode server.");
  assertEquals(slow?.scope, { instances: ["p", "p2"], engines: [], models: ["m"] });
  const other = disaggregated({ p: prefill, d: { ...decode, waiting: 3 } });
  assertStringIncludes(other?.action ?? "", "The decode servers are the bottleneck");
  assertEquals(disaggregated({ p: prefill, d: { ...decode, waiting: 2.9 } }), undefined);
});

Deno.test("servers of another model, and those that share an external cache, are no other side", () => {
  const [busy, decode] = [{ moved: 0, waiting: 9 }, { moved: 0.9, waiting: 0 }];
  assertEquals(disaggregated({ a: { ...busy, model: "other" }, d: decode }), undefined);
  assertEquals(disaggregated({ a: { ...busy, moved: 0.4 }, d: decode }), undefined);
});

Deno.test("clients that give up are found from one in ten on", () => {
  assertEquals(idsOf({ aborts: 1.9 }), []);
  assertEquals(idsOf({ aborts: 2.001 }), ["abort_share warn"]);
});

Deno.test("requests that a full queue rejects are found, with the setting that did it", () => {
  assertEquals(idsOf({ rejections: 0.1 }), ["rejections warn"]);
  assertEquals(idsOf({ rejections: 3 }), ["rejections bad"]);
  assertStringIncludes(
    find({ rejections: 1 })[0]?.why ?? "",
    "the limit was --max-num-queued-reqs.",
  );
});

Deno.test("first tokens that are slow without a queue point to prefill", () => {
  const slow = { ttft: 1.5, prefill: 0.6, queue: 0.19 };
  assertEquals(idsOf(slow), ["slow_prefill bad"]);
  assertEquals(idsOf({ ...slow, ttft: 0.7 }), []);
});

Deno.test("first tokens that wait in a queue that does not last are found", () => {
  const slow = { ttft: 1.5, prefill: 0.6, queue: 0.21 };
  assertEquals(idsOf(slow), ["slow_queue bad"]);
  assertEquals(idsOf({ ...slow, ttft: 0.7 }), []);
  // Late tokens are evidence of a steady queue, which is as bad as they are.
  const [queue, ...others] = find({ ...slow, waiting: 1 });
  assertEquals([queue?.id, queue?.level, others], ["scheduler_bound_queue", "bad", []]);
  assertEquals(queue?.evidence.map(({ id }) => id), ["slow_queue", "slo_burn"]);
});

Deno.test("output that is slow differs from output that stalls", () => {
  const slow = { tpot: 0.15, interToken: 0.09 };
  assertEquals(idsOf(slow), ["slow_decode bad"]);
  assertEquals(idsOf({ ...slow, tpot: 0.06 }), []);
  assertEquals(find(slow)[0]?.title, "Output is slow");
  assertEquals(find({ ...slow, interToken: 0.02 })[0]?.title, "Output stalls");
});

Deno.test("an engine that differs from the others is named", () => {
  const [finding, ...others] = engines("running", 3, 4, 24);
  assertEquals([finding?.id, finding?.level, others], ["engine_imbalance", "warn", []]);
  assertEquals(
    finding?.why,
    "In the last minute engine 2 had 24 running requests, " +
      "the other engines 4 running requests on average.",
  );
  assertEquals(engines("running", 3, 4), []);
});

Deno.test("engines with as many requests but uneven caches are named as well", () => {
  assertEquals(engines("kvCache", 0.2, 0.45).map(({ id }) => id), ["engine_imbalance"]);
  assertEquals(engines("kvCache", 0.2, 0.44), []);
});

Deno.test("servers with one engine each are compared as servers, once", () => {
  const [finding, ...others] = findAmong([
    { instance: "vllm-a", engine: "0", running: 3, pause: 0.02 },
    { instance: "vllm-b", engine: "0", running: 30, pause: 0.06 },
  ]);
  assertEquals([finding?.id, ...others.map(({ id }) => id)], ["slow_server", "server_imbalance"]);
  assertStringIncludes(others[0]?.why ?? "", "vllm-b had 30 running requests");
});

Deno.test("an engine slower than the others is named, a faster one is not", () => {
  const [finding, ...others] = engines("pause", 0.02, 0.04, 0.02);
  assertEquals([finding?.id, finding?.level, others], ["slow_engine", "warn", []]);
  assertEquals(
    finding?.why,
    "In the last 115 s the inter-token latency (ITL) of engine 1 was 40 ms, " +
      "that of the other engines 20 ms on average.",
  );
  assertEquals(engines("pause", 0.02, 0.039), []);
  assertEquals(engines("pause", 0.004, 0.0139), []);
  assertEquals(engines("pause", 0.06, 0.02, 0.06, 0.06), []);
});

const DOWN = {
  error: 'Cannot scrape "http://vllm:8000/metrics": connection refused. Is it running?',
};

Deno.test("a server that is down is found, with how long and why; a question is asked once", () => {
  const past = new Past("vllm-a");
  past.scrape(95, () => DOWN);
  const [finding, ...more] = past.findings();
  assertEquals(more, []);
  assertEquals([finding?.id, finding?.level], ["server_down", "bad"]);
  assertEquals(finding?.why, `vllm-a has been down for 90 s: ${DOWN.error}`);
  assert(!finding?.action.includes("?"), finding?.action);
  const both = new Past("vllm-a", "vllm-b");
  both.scrape(5, () => DOWN);
  assertEquals(both.findings()[0]?.title, "2 servers are down");
});

/** Lets servers run and restart some times. */
function restarted(times: number, ...instances: string[]): Past {
  const past = new Past(...instances);
  for (let time = 0; time <= times; time++) {
    const vllm = new FakeVllm();
    past.scrape(60, () => {
      vllm.live({});
      return vllm.text();
    });
    if (time < times) past.scrape(10, () => DOWN);
  }
  return past;
}

Deno.test("a server that restarts twice in an hour is found, one restart is a deployment", () => {
  assertEquals(restarted(1, "vllm-a").findings(), []);
  const [finding, ...more] = restarted(2, "vllm-a").findings();
  assertEquals([finding?.id, finding?.level, more], ["server_restarts", "warn", []]);
  assertEquals(finding?.why, "vllm-a: 2 restarts in the last hour, latest 55 s ago.");
  assertEquals(
    restarted(2, "vllm-a", "vllm-b").findings()[0]?.title,
    "2 servers are restart-looping",
  );
});

Deno.test("a server is stale after five intervals and 15 s, while somebody views it", () => {
  const past = new Past("vllm-a");
  const vllm = new FakeVllm();
  past.scrape(60, () => {
    vllm.live({});
    return vllm.text();
  });
  const idsAfter = (ms: number, viewedSinceMs?: number): string[] =>
    past.findings(ms, viewedSinceMs).map(({ id }) => id);
  assertEquals(idsAfter(25_000), []);
  assertEquals(idsAfter(25_001), ["server_stale"]);
  const viewedSinceMs = past.nowMs + 600_000;
  assertEquals(idsAfter(625_000, viewedSinceMs), []);
  assertEquals(idsAfter(625_001, viewedSinceMs), ["server_stale"]);
});

Deno.test("critical findings come before warnings", () => {
  assertEquals(
    idsOf({ waiting: 3, kvCache: 0.95, errors: 2, preemptions: 1 }),
    ["error_share bad", "memory_bound_queue warn"],
  );
});

Deno.test("each finding links to vLLM's documentation, and ends its sentences", () => {
  const load = {
    waiting: 60,
    kvCache: 0.99,
    errors: 3,
    aborts: 5,
    rejections: 9,
    ttft: 6,
    tpot: 3,
  };
  const findings = [...find(load), ...engines("running", 1, 20), ...restarted(2, "a").findings()];
  assert(findings.length >= 4);
  for (const { link, why, action } of findings) {
    assertMatch(link, /^https:\/\/docs\.vllm\.ai\/en\/stable\//);
    for (const text of [why, action]) assertMatch(text, /[.?]$/);
  }
});

Deno.test("ids of findings are unique", () => {
  assertEquals(new Set(FINDING_RULES.map(({ id }) => id)).size, FINDING_RULES.length);
});
