/** The numbers that the templates name. */

import type { Engine } from "./engine.ts";
import type { SimulatedVllm } from "./simulated_vllm.ts";
import { type HandlerStats, Histogram, type Summary } from "./stats.ts";

/** Numbers, summaries and histograms by their name in the templates. */
export type Values = Readonly<Record<string, number | Summary>>;

/** How long the process loads before it is ready, in milliseconds. */
const LOADING_MS = 25_000;
/** CPU time of loading, and per second of serving. */
const LOADING_CPU_SECONDS = 19;
const CPU_SHARE = 0.31;
/** Objects collected and collections per second, by generation of Python's garbage collector. */
const OBJECTS_PER_SECOND = [41, 6.3, 0.9];
const COLLECTIONS_PER_SECOND = [1.9, 0.17, 0.012];

const TRANSFER_TIMES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 5];

/** What is not simulated: KV cache sampling and transfers. */
const EMPTY = {
  blockTimes: new Histogram([
    ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
    ...[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800],
  ]),
  transferTimes: new Histogram(TRANSFER_TIMES),
  postTimes: new Histogram([0.001, ...TRANSFER_TIMES]),
  transferBytes: new Histogram(Array.from({ length: 12 }, (_, power) => 2_048 * 4 ** power)),
  transferDescriptors: new Histogram([
    ...[10, 20, 30, 50, 75, 100, 200, 400],
    ...[1_000, 2_000, 4_000, 10_000, 20_000, 50_000],
  ]),
};

function indexed(name: string, values: readonly number[]): Values {
  return Object.fromEntries(values.map((value, index) => [name + index, value]));
}

/** The numbers of one route. */
function routeValues(prefix: string, stats: HandlerStats): Values {
  const { requests, durations, received, sent } = stats;
  const values = { ...requests, Seconds: durations, Received: received, Sent: sent };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

/** The numbers of a server as a whole: its process, HTTP side and queue limits. */
export function serverValues({ run, nowMs, state }: SimulatedVllm): Values {
  const { startMs, rejected, http } = run;
  const cpuSeconds = LOADING_CPU_SECONDS + CPU_SHARE * (nowMs - startMs) / 1_000;
  const inProcess = (rate: number): number =>
    Math.floor(rate * ((nowMs - startMs + LOADING_MS) / 1_000));
  return {
    ...EMPTY,
    processStart: (startMs - LOADING_MS) / 1_000,
    cpuSeconds: Math.round(cpuSeconds * 100) / 100,
    ...indexed("objects", OBJECTS_PER_SECOND.map(inProcess)),
    ...indexed("collections", COLLECTIONS_PER_SECOND.map(inProcess)),
    awake: Number(state === "awake"),
    asleep: Number(state === "asleep"),
    rejected,
    httpSeconds: http.durations,
    ...routeValues("chat", http.handlers["/v1/chat/completions"]),
    ...routeValues("completions", http.handlers["/v1/completions"]),
  };
}

/** The numbers of an engine. */
export function engineValues({ stats, running, waiting, kvUsage }: Engine): Values {
  const { acceptedByPosition, finished, ...counted } = stats;
  return {
    ...counted,
    ...finished,
    ...indexed("accepted", acceptedByPosition),
    acceptedTokens: acceptedByPosition.reduce((sum, accepted) => sum + accepted, 0),
    computedTokens: stats.computedTokens,
    running,
    waiting,
    kvUsage,
  };
}

/** When a series was created, in milliseconds since 1970: at the start, or with its first request. */
export function createdMs({ run }: SimulatedVllm, name: string): number {
  const [, route, what = ""] = /^(chat|completions)(.*)$/.exec(name) ?? [];
  if (route === undefined) return run.startMs;
  const handlers = run.http.handlers;
  const { firstMs } = handlers[route === "chat" ? "/v1/chat/completions" : "/v1/completions"];
  return firstMs.get(what) ?? Math.min(...firstMs.values());
}
