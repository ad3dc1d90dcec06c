/** A rule that looks for one problem, what it reads, and links to vLLM's documentation. */

import type { Goals } from "../../config/config.ts";
import type { History, Selection } from "../../history/history.ts";
import type { Scope } from "../scope.ts";
import type { Finding, ViewTarget } from "../view.ts";

/** What {@linkcode FindingInput} is made from. */
export interface FindingContext {
  /** The history. */
  readonly history: History;
  /** Which series. */
  readonly selection: Selection;
  /** The time, in milliseconds since 1970. */
  readonly nowMs: number;
  /** When the first of the present viewers came, in milliseconds since 1970. */
  readonly viewedSinceMs: number;
  /** Distance of two scrapes, in milliseconds. */
  readonly intervalMs: number;
  /** The operator's goals. */
  readonly goals: Goals;
  /** The selected servers. */
  readonly targets: readonly ViewTarget[];
}

/** The restarts of one server. */
export interface Restarts {
  /** The server. */
  readonly instance: string;
  /** When it restarted in the last hour, ascending, in milliseconds since 1970. */
  readonly timesMs: readonly number[];
}

/** An engine that has running requests and makes no progress. */
export interface StalledEngine {
  /** Server and engine, such as `vllm-a, engine 1`. */
  readonly name: string;
  /** Its running requests. */
  readonly running: number;
}

/** Numbers that several rules look at, so that their findings agree. Unknown ones are undefined. */
export interface SharedNumbers {
  /** Engines that have running requests and make no progress. */
  readonly stalled: readonly StalledEngine[];
  /** The fewest requests that waited at any time of the last minute. */
  readonly waiting: number | undefined;
  /** The mean usage of the fullest KV cache in the last minute, 0 to 1. */
  readonly kvCache: number | undefined;
  /** Preemptions per second over five minutes. */
  readonly preemptions: number | undefined;
  /** Requests that ended in five minutes, by reason; derived client disconnects are one of them. */
  readonly ended: Readonly<Record<string, number>>;
  /** 95th percentile of the time to first token over five minutes, in seconds. */
  readonly ttftP95: number | undefined;
  /** 95th percentile of the time per output token over five minutes, in seconds. */
  readonly tpotP95: number | undefined;
}

/** What the rules read. None of its time ranges begins before the newest restart. */
export interface FindingInput extends FindingContext {
  /** Restarts of the servers. */
  readonly restarts: readonly Restarts[];
  /** The last minute in points of five seconds. */
  readonly minute: Scope;
  /** The last minute as one value. */
  readonly wholeMinute: Scope;
  /** The last five minutes as one value. */
  readonly recent: Scope;
  /** The last quarter of an hour as one value. */
  readonly quarterHour: Scope;
  /** Numbers that several rules look at. */
  readonly shared: SharedNumbers;
}

/** A finding without its id; without a title it has that of its rule. */
export type Diagnosis = Omit<Finding, "id" | "title"> & Partial<Pick<Finding, "title">>;

/** Looks for one problem. */
export interface FindingRule {
  /** Stable id of the finding. */
  readonly id: string;
  /** Its title. */
  readonly title: string;
  /** When it is reported, for the documentation: Markdown without a heading. */
  readonly condition: string;
  /** Reads its numbers; undefined when there is no problem. */
  readonly find: (input: FindingInput) => Diagnosis | undefined;
}

const DOCS = "https://docs.vllm.ai/en/stable";

/** Pages of vLLM's documentation. */
export const LINKS = {
  tuning: `${DOCS}/configuration/optimization/`,
  preemption: `${DOCS}/configuration/optimization/#preemption`,
  chunkedPrefill: `${DOCS}/configuration/optimization/#chunked-prefill`,
  memory: `${DOCS}/configuration/conserving_memory/`,
  engineArguments: `${DOCS}/configuration/engine_args/`,
  serve: `${DOCS}/cli/serve/`,
  prefixCaching: `${DOCS}/features/automatic_prefix_caching/`,
  sleepMode: `${DOCS}/features/sleep_mode/`,
  dataParallel: `${DOCS}/serving/data_parallel_deployment/`,
  troubleshooting: `${DOCS}/usage/troubleshooting/`,
  metrics: `${DOCS}/usage/metrics/`,
} as const;

/** A count with its noun: `1 request`, `12 requests`. */
export function count(number: number, noun: string): string {
  const rounded = Math.round(number);
  return `${rounded.toLocaleString("en-US")} ${noun}${rounded === 1 ? "" : "s"}`;
}

/** The value of a line at a single time; undefined when there is none. */
export function valueOf(line: readonly (number | null)[] | undefined): number | undefined {
  return line?.[0] ?? undefined;
}
