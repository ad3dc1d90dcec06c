/** Rules on servers that do not answer, or do not work. */

import { formatSeconds } from "../format.ts";
import type { Finding, ViewTarget } from "../view.ts";
import type { Observations } from "./observations.ts";
import { count, LINKS } from "./rule.ts";

/** A server is stale when so many scrapes in a row are missing … */
const STALE_INTERVALS = 5;
/** … but not before this, in milliseconds: a busy vLLM takes a second for a scrape. */
const STALE_MS = 15_000;

/** So many restarts in an hour are no deploy. */
const LOOP_RESTARTS = 2;

/** How long ago, for people. */
function ago(nowMs: number, thenMs: number | undefined): string {
  if (thenMs === undefined) return "an unknown time";
  return formatSeconds(Math.max(0, Math.round((nowMs - thenMs) / 1_000)));
}

/** A sentence has its end already when it came with a hint. */
function withEnd(sentence: string): string {
  return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Servers that cannot be scraped. */
export function downServers({ targets, nowMs }: Observations): Finding | undefined {
  const down = targets.filter(({ state }) => state === "down");
  if (down.length === 0) return undefined;
  const sentences = down.map(({ instance, sinceMs, error }) =>
    `${instance} has been down for ${ago(nowMs, sinceMs)}: ${withEnd(error)}`
  );
  return {
    id: "server_down",
    level: "bad",
    title: down.length === 1 ? "A server is down" : `${down.length} servers are down`,
    why: sentences.join(" "),
    action: "While vLLM starts it refuses connections; its log says how far it is. If it has " +
      "another address now, change VLLM_METRICS_URL.",
    link: LINKS.troubleshooting,
  };
}

/** Servers that restart again and again; once is a deploy. */
export function restartingServers({ restarts, nowMs }: Observations): Finding | undefined {
  const restarting = restarts.filter(({ timesMs }) => timesMs.length >= LOOP_RESTARTS);
  if (restarting.length === 0) return undefined;
  const sentences = restarting.map(({ instance, timesMs }) =>
    `${instance} went away or began anew ${timesMs.length} times in the last hour, ` +
    `the last time ${ago(nowMs, timesMs.at(-1))} ago.`
  );
  return {
    id: "server_restarts",
    level: "warn",
    title: restarting.length === 1
      ? "A server restarts again and again"
      : `${restarting.length} servers restart again and again`,
    why: sentences.join(" "),
    action: "Read the end of vLLM's log before its last start. CUDA out of memory: lower " +
      "max_model_len, or free memory that other programs hold on the GPU. A container that was killed: give it more memory. " +
      "A start that was broken off: the liveness probe must wait longer than vLLM loads. Several " +
      "servers behind one address look the same: name each in VLLM_METRICS_URL.",
    link: LINKS.troubleshooting,
  };
}

function isStale({ state, lastSuccessMs }: ViewTarget, observations: Observations): boolean {
  const limitMs = Math.max(STALE_MS, STALE_INTERVALS * observations.intervalMs);
  // While nobody looks nobody need scrape: only what is missing since then is late.
  const waitedMs = observations.nowMs - Math.max(lastSuccessMs ?? 0, observations.lookedSinceMs);
  return state !== "down" && lastSuccessMs !== undefined && waitedMs > limitMs;
}

/** Servers whose numbers are old, though no scrape has failed. */
export function staleServers(observations: Observations): Finding | undefined {
  const stale = observations.targets.filter((target) => isStale(target, observations));
  if (stale.length === 0) return undefined;
  const sentences = stale.map(({ instance, lastSuccessMs }) =>
    `The newest numbers of ${instance} are ${ago(observations.nowMs, lastSuccessMs)} old.`
  );
  return {
    id: "server_stale",
    level: "warn",
    title: "The numbers are old",
    why: sentences.join(" "),
    action: "vLLM answers slowly, or not yet: a server under load can take seconds. If it lasts, " +
      "raise api_server_count, and look at SCRAPE_TIMEOUT.",
    link: LINKS.serve,
  };
}

/** Servers with more series than the history has room for. */
export function cutServers({ targets }: Observations): Finding | undefined {
  const cut = targets.filter(({ droppedSamples = 0 }) => droppedSamples > 0);
  if (cut.length === 0) return undefined;
  const sentences = cut.map(({ instance, droppedSamples = 0 }) =>
    `${count(droppedSamples, "sample")} of the last scrape of ${instance} are not kept.`
  );
  return {
    id: "series_cut",
    level: "warn",
    title: cut.length === 1
      ? "A server has more series than this page keeps"
      : `${cut.length} servers have more series than this page keeps`,
    why: sentences.join(" "),
    action: "Tiles and charts may miss its newest models, engines or adapters; /metrics is " +
      "complete. vLLM keeps every label set until it restarts: restart it, or reduce the number of " +
      "LoRA adapters and engines behind one address.",
    link: LINKS.metrics,
  };
}

/** Servers that were put to sleep. */
export function sleepingServers({ targets }: Observations): Finding | undefined {
  const asleep = targets.filter(({ state }) => state === "sleeping");
  if (asleep.length === 0) return undefined;
  const names = asleep.map(({ instance }) => instance).join(", ");
  return {
    id: "server_sleeping",
    level: "warn",
    title: asleep.length === 1 ? "A server is asleep" : `${asleep.length} servers are asleep`,
    why: `${names}: engine_sleep_state says that no engine is awake.`,
    action: "It answers no requests until it is woken (POST /wake_up). If nobody put it to " +
      "sleep, look at who may reach its sleep mode endpoints.",
    link: LINKS.sleepMode,
  };
}
