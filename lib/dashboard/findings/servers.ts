/** Servers that do not answer, or do not work. */

import { formatSeconds } from "../format.ts";
import type { ViewTarget } from "../view.ts";
import {
  count,
  type Diagnosis,
  type FindingInput,
  type FindingRule,
  LINKS,
} from "./finding_rule.ts";

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

/** Ends a sentence that has no end yet. */
function withEnd(sentence: string): string {
  return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Servers that cannot be scraped. */
export const DOWN_SERVERS: FindingRule = {
  id: "server_down",
  title: "A server is down",
  condition: "the last scrape failed. Critical.",
  find({ targets, nowMs }): Diagnosis | undefined {
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
    };
  },
};

/** Servers that restart again and again. */
export const RESTARTING_SERVERS: FindingRule = {
  id: "server_restarts",
  title: "A server is restart-looping",
  condition:
    "at least two restarts in the last hour: scrapes failed and its counters began again, " +
    "or its count of prompt tokens fell. One restart is a deployment. Failed scrapes after which " +
    "the counters continue are no restart, nor is a time without scrapes.",
  find({ restarts, nowMs }): Diagnosis | undefined {
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
export const STALE_SERVERS: FindingRule = {
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
      link: LINKS.serve,
    };
  },
};

/** Servers with more series than the history keeps. */
export const CUT_SERVERS: FindingRule = {
  id: "series_cut",
  title: "A server has more series than this page keeps",
  condition:
    "samples of its last scrape were left out, because it has more than its share of the " +
    "20,000 series of all servers. `/metrics` is complete.",
  find({ targets }): Diagnosis | undefined {
    const cut = targets.filter(({ droppedSamples = 0 }) => droppedSamples > 0);
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
    };
  },
};

/** Servers that were put to sleep. */
export const SLEEPING_SERVERS: FindingRule = {
  id: "server_sleeping",
  title: "A server is asleep",
  condition: "none of its engines is awake.",
  find({ targets }): Diagnosis | undefined {
    const asleep = targets.filter(({ state }) => state === "sleeping");
    if (asleep.length === 0) return undefined;
    const names = asleep.map(({ instance }) => instance).join(", ");
    return {
      level: "warn",
      ...asleep.length > 1 && { title: `${asleep.length} servers are asleep` },
      why: `${names}: engine_sleep_state reports no engine awake.`,
      action: "It serves nothing until POST /wake_up. If this was not you, check who can reach " +
        "the sleep endpoints.",
      link: LINKS.sleepMode,
    };
  },
};
