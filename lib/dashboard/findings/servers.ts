/** Servers that do not answer, or do not work. */

import { formatSeconds } from "../format.ts";
import type { FindingScope, ViewTarget } from "../view.ts";
import {
  count,
  type Diagnosis,
  type FindingContext,
  type FindingInput,
  type FindingRule,
  LINKS,
  modelsOf,
  STALLED_MS,
} from "./rule.ts";

/** More than one restart in this time is a loop. */
const RESTARTS_MS = 3_600_000;
/** A server is stale when this many scrapes in a row are missing … */
const STALE_INTERVALS = 5;
/** … and not before this, in milliseconds: a busy vLLM takes a second for a scrape. */
const STALE_MS = 15_000;
/** One restart in an hour is a deployment; this many are a loop. */
const LOOP_RESTARTS = 2;

/** The time since then, in words. */
function since(nowMs: number, thenMs: number | undefined): string {
  if (thenMs === undefined) return "an unknown time";
  return formatSeconds(Math.max(0, Math.round((nowMs - thenMs) / 1_000)));
}

/** Some servers with their models. */
function scopeOfServers(context: FindingContext, instances: readonly string[]): FindingScope {
  const { history, selection } = context;
  return { instances, engines: [], models: modelsOf(history, selection, instances) };
}

/** When the first of some things began. */
function earliest(times: readonly (number | undefined)[]): Pick<Diagnosis, "sinceMs"> {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? {} : { sinceMs: Math.min(...known) };
}

/** Ends a sentence that has no end yet. */
function withEnd(sentence: string): string {
  return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Servers that cannot be scraped. */
const DOWN_SERVERS: FindingRule = {
  id: "server_down",
  title: "A server is down",
  condition: "the last scrape failed. Critical.",
  find(input): Diagnosis | undefined {
    const { targets, nowMs } = input;
    const down = targets.filter(({ state }) => state === "down");
    if (down.length === 0) return undefined;
    const sentences = down.map(({ instance, sinceMs, error }) =>
      `${instance} has been down for ${since(nowMs, sinceMs)}: ${withEnd(error)}`
    );
    return {
      level: "bad",
      ...down.length > 1 && { title: `${down.length} servers are down` },
      why: sentences.join(" "),
      action: "vLLM refuses connections until it has loaded the model; its log shows how far it " +
        "is. If its address changed, change VLLM_METRICS_URL.",
      link: LINKS.troubleshooting,
      scope: scopeOfServers(input, down.map(({ instance }) => instance)),
      ...earliest(down.map(({ sinceMs }) => sinceMs)),
      severity: down.length,
    };
  },
};

/** Servers that restart again and again. */
const RESTARTING_SERVERS: FindingRule = {
  id: "server_restarts",
  title: "A server is restart-looping",
  condition:
    "at least two restarts in the last hour: scrapes failed and its counters began again, " +
    "or its count of prompt tokens fell. One restart is a deployment. Failed scrapes after which " +
    "the counters continue are no restart, nor is a time without scrapes.",
  explains: ["server_down"],
  find(input): Diagnosis | undefined {
    const { history, targets, nowMs } = input;
    const restarts = targets.map(({ instance }) => ({
      instance,
      timesMs: history.restarts(instance, nowMs - RESTARTS_MS, nowMs),
    }));
    const looping = restarts.filter(({ timesMs }) => timesMs.length >= LOOP_RESTARTS);
    if (looping.length === 0) return undefined;
    const sentences = looping.map(({ instance, timesMs }) =>
      `${instance}: ${count(timesMs.length, "restart")} in the last hour, latest ${
        since(nowMs, timesMs.at(-1))
      } ago.`
    );
    return {
      level: "warn",
      ...looping.length > 1 && { title: `${looping.length} servers are restart-looping` },
      why: sentences.join(" "),
      action: "Read the end of vLLM's log before its last start. CUDA out of memory: lower " +
        "--max-model-len, or free GPU memory that other processes hold. Container killed: raise " +
        "its memory limit. If startup was killed, raise the liveness probe's initial delay above " +
        "the model load time. Several servers behind one address look the same: name each in " +
        "VLLM_METRICS_URL.",
      link: LINKS.troubleshooting,
      scope: scopeOfServers(input, looping.map(({ instance }) => instance)),
      ...earliest(looping.map(({ timesMs }) => timesMs[0])),
      severity: Math.max(...looping.map(({ timesMs }) => timesMs.length)),
    };
  },
};

function isStale({ state, lastSuccessMs }: ViewTarget, input: FindingInput): boolean {
  const limitMs = Math.max(STALE_MS, STALE_INTERVALS * input.intervalMs);
  // Without a viewer nothing has to scrape: only scrapes missing since then are late.
  const ageMs = input.nowMs - Math.max(lastSuccessMs ?? 0, input.viewedSinceMs);
  return state !== "down" && lastSuccessMs !== undefined && ageMs > limitMs;
}

/** Servers whose data is old, though no scrape has failed. */
const STALE_SERVERS: FindingRule = {
  id: "server_stale",
  title: "The data is old",
  condition: "no scrape for five intervals, and for 15 s at least, although there was a viewer.",
  find(input): Diagnosis | undefined {
    const stale = input.targets.filter((target) => isStale(target, input));
    if (stale.length === 0) return undefined;
    const sentences = stale.map(({ instance, lastSuccessMs }) =>
      `The newest data of ${instance} is ${since(input.nowMs, lastSuccessMs)} old.`
    );
    return {
      level: "warn",
      why: sentences.join(" "),
      action: "vLLM answers slowly: under load a scrape can take seconds. If it lasts, raise " +
        "--api-server-count, and check SCRAPE_TIMEOUT.",
      flag: "--api-server-count",
      link: LINKS.serve,
      scope: scopeOfServers(input, stale.map(({ instance }) => instance)),
      ...earliest(stale.map(({ lastSuccessMs }) => lastSuccessMs)),
    };
  },
};

/** Servers with more series than the history keeps. */
const CUT_SERVERS: FindingRule = {
  id: "series_cut",
  title: "A server has more series than this page keeps",
  condition:
    "samples of its last scrape were left out, because it has more than its share of the " +
    "20,000 series of all servers. `/metrics` is complete.",
  isHint: true,
  find(input): Diagnosis | undefined {
    const cut = input.targets.filter(({ droppedSamples = 0 }) => droppedSamples > 0);
    if (cut.length === 0) return undefined;
    const sentences = cut.map(({ instance, droppedSamples = 0 }) =>
      `${count(droppedSamples, "sample")} of the last scrape of ${instance} are not kept.`
    );
    return {
      level: "warn",
      ...cut.length > 1 && { title: `${cut.length} servers have more series than this page keeps` },
      why: sentences.join(" "),
      action: "Tiles and charts may miss its newest models, engines or adapters; /metrics is " +
        "complete. vLLM keeps every label set until it restarts: restart it, or reduce the number " +
        "of LoRA adapters and engines behind one address.",
      link: LINKS.metrics,
      scope: scopeOfServers(input, cut.map(({ instance }) => instance)),
    };
  },
};

/** Servers that were put to sleep. */
const SLEEPING_SERVERS: FindingRule = {
  id: "server_sleeping",
  title: "A server is asleep",
  condition: "none of its engines is awake.",
  find(input): Diagnosis | undefined {
    const asleep = input.targets.filter(({ state }) => state === "sleeping");
    if (asleep.length === 0) return undefined;
    const names = asleep.map(({ instance }) => instance).join(", ");
    return {
      level: "warn",
      ...asleep.length > 1 && { title: `${asleep.length} servers are asleep` },
      why: `${names}: engine_sleep_state reports no engine awake.`,
      action: "It serves nothing until POST /wake_up. If this was not you, check who can reach " +
        "the sleep endpoints.",
      link: LINKS.sleepMode,
      scope: scopeOfServers(input, asleep.map(({ instance }) => instance)),
    };
  },
};

/** Engines that have running requests and make no progress. */
const STALLED_ENGINES: FindingRule = {
  id: "engine_stalled",
  title: "An engine is stalled",
  condition: "it has had running requests for 30 s, but its counts of prompt tokens, output " +
    "tokens and engine steps did not change. Critical. The API server still answers `/metrics`. " +
    "It needs scrapes over these 30 s, which the service makes unless HISTORY_IDLE_INTERVAL is 0. " +
    "`check` fails on it.",
  explains: [
    "memory_bound_queue",
    "scheduler_bound_queue",
    "preemptions",
    "slow_queue",
    "slow_prefill",
    "slow_decode",
    "slo_burn",
    "rejections",
    "error_share",
    "abort_share",
    "slow_server",
    "slow_engine",
    "server_imbalance",
    "engine_imbalance",
  ],
  find(input): Diagnosis | undefined {
    const { shared: { stalled }, nowMs } = input;
    if (stalled.length === 0) return undefined;
    const engines = stalled.map(({ name, running }) =>
      `${name}: ${count(running, "request")} running`
    );
    return {
      level: "bad",
      ...stalled.length > 1 && { title: `${stalled.length} engines are stalled` },
      why: `${engines.join("; ")}, but no token and no engine step was counted for at least ${
        STALLED_MS / 1_000
      } s. The API server still answers.`,
      action: "The engine process hangs. Usual causes: a tensor-parallel rank that died or waits " +
        "in a collective operation (NCCL), a GPU error, or a stopped process. Look at the end of " +
        "vLLM's log, at nvidia-smi and at dmesg. Restart vLLM; a liveness probe on /health may " +
        "not notice.",
      link: LINKS.troubleshooting,
      scope: {
        ...scopeOfServers(input, [...new Set(stalled.map(({ instance }) => instance))]),
        engines: stalled.map(({ name }) => name),
      },
      sinceMs: nowMs - STALLED_MS,
      severity: stalled.length,
    };
  },
};

/** Rules on servers, root causes first. */
export const SERVER_RULES: readonly FindingRule[] = [
  RESTARTING_SERVERS,
  DOWN_SERVERS,
  STALLED_ENGINES,
];

/** Rules on servers that explain nothing else. */
export const QUIET_SERVER_RULES: readonly FindingRule[] = [
  STALE_SERVERS,
  SLEEPING_SERVERS,
  CUT_SERVERS,
];
