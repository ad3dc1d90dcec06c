/** The families of a server as a whole: its process, its HTTP side, its queue limits. */

import type { Child, Labels } from "./exposition.ts";
import { type HandlerName, HANDLERS, type Sizes, STATUSES } from "./http_stats.ts";
import type { SimulatedVllm } from "./simulated_vllm.ts";

/** How long the process loads before it is ready, in milliseconds. */
const LOADING_MS = 25_000;
/** CPU time of the process: what loading takes, and for each second behind it. */
const LOADING_CPU_SECONDS = 19;
const CPU_SHARE = 0.31;
/** Objects collected and collections of each generation of Python's collector, for each second. */
const COLLECTED = [41, 6.3, 0.9];
const COLLECTIONS = [1.9, 0.17, 0.012];

function value(labels: Labels, read: () => number): Child {
  return { labels, source: { kind: "number", read } };
}

function processChildren(server: SimulatedVllm, name: string): Child[] {
  const { run } = server;
  const seconds = (): number => (server.nowMs - run.startMs + LOADING_MS) / 1_000;
  const generations = (rates: readonly number[]): Child[] =>
    rates.map((rate, generation) =>
      value([["generation", String(generation)]], () => Math.floor(rate * seconds()))
    );
  switch (name) {
    case "python_gc_objects_collected":
      return generations(COLLECTED);
    case "python_gc_objects_uncollectable":
      return generations([0, 0, 0]);
    case "python_gc_collections":
      return generations(COLLECTIONS);
    case "python_info":
      return [value([
        ["implementation", "CPython"],
        ["major", "3"],
        ["minor", "12"],
        ["patchlevel", "11"],
        ["version", "3.12.11"],
      ], () => 1)];
    case "process_virtual_memory_bytes":
      return [value([], () => 21_474_836_480)];
    case "process_resident_memory_bytes":
      return [value([], () => 1_610_612_736)];
    case "process_start_time_seconds":
      return [value([], () => (run.startMs - LOADING_MS) / 1_000)];
    case "process_cpu_seconds":
      return [value([], () => {
        const serving = (server.nowMs - run.startMs) / 1_000;
        return Math.round((LOADING_CPU_SECONDS + CPU_SHARE * serving) * 100) / 100;
      })];
    case "process_open_fds":
      return [value([], () => 75)];
    case "process_max_fds":
      return [value([], () => 20_000)];
    default:
      return [];
  }
}

function httpRequests({ run }: SimulatedVllm): Child[] {
  return HANDLERS.flatMap((handler) => {
    const { requests, firstMs } = run.http.handlers[handler];
    return STATUSES.map((status): Child => ({
      labels: [["method", "POST"], ["status", status], ["handler", handler]],
      source: { kind: "number", read: () => requests[status] },
      createdSeconds: () => (firstMs[status] ?? 0) / 1_000,
      isShown: () => requests[status] > 0,
    }));
  });
}

/** When the first request of a route ended, in seconds since 1970. */
function firstSeconds({ run }: SimulatedVllm, handler: HandlerName): number {
  const times = Object.values(run.http.handlers[handler].firstMs);
  return Math.min(...times.filter((time) => time !== undefined)) / 1_000;
}

function httpChildren(server: SimulatedVllm, name: string): Child[] {
  const { http } = server.run;
  const perHandler = (child: (handler: HandlerName) => Pick<Child, "labels" | "source">): Child[] =>
    HANDLERS.map((handler) => ({
      ...child(handler),
      createdSeconds: () => firstSeconds(server, handler),
      isShown: () => http.handlers[handler].durations.count > 0,
    }));
  const sizes = (of: (handler: HandlerName) => Sizes): Child[] =>
    perHandler((handler) => ({
      labels: [["handler", handler]],
      source: {
        kind: "summary",
        count: () => of(handler).count,
        sum: () => of(handler).sum,
      },
    }));
  switch (name) {
    case "http_requests":
      return httpRequests(server);
    case "http_request_size_bytes":
      return sizes((handler) => http.handlers[handler].received);
    case "http_response_size_bytes":
      return sizes((handler) => http.handlers[handler].sent);
    case "http_request_duration_seconds":
      return perHandler((handler) => ({
        labels: [["method", "POST"], ["handler", handler]],
        source: { kind: "histogram", histogram: http.handlers[handler].durations },
      }));
    case "http_request_duration_highr_seconds":
      return [{
        labels: [],
        source: { kind: "histogram", histogram: http.durations },
        createdSeconds: () => server.run.startMs / 1_000,
      }];
    default:
      return [];
  }
}

function rejections({ run, model }: SimulatedVllm): Child[] {
  const rejected: readonly (readonly [string, () => number])[] = [
    ["max_num_queued_reqs", () => run.rejected],
    ["max_num_queued_tokens", () => 0],
  ];
  return rejected.map(([reason, read]) => ({
    ...value([["model_name", model], ["reason", reason]], read),
    createdSeconds: () => run.startMs / 1_000,
  }));
}

/**
 * The children of one family.
 *
 * @param server The server, in its latest run.
 * @param name The family's name without `_total`.
 * @returns Its children; none for a name that is not known, and none of the process when there are
 * several: then nobody knows which one would answer.
 */
export function serverChildren(server: SimulatedVllm, name: string): Child[] {
  if (name === "vllm:admission_rejections") return rejections(server);
  if (name.startsWith("http_")) return httpChildren(server, name);
  return server.run.engines.length > 1 ? [] : processChildren(server, name);
}
