/** All alerts, and the JSON that Parseable 2.9.5 takes of them. */

import type { JsonObject } from "../json.ts";
import { TAG } from "./dashboard.ts";
import { type ContentSettings, metrics, of, type Query, queryText } from "./query.ts";
import DATA_LOST from "./sql/alerts/data-lost.sql" with { type: "text" };
import ENGINE_STALLED from "./sql/alerts/engine-stalled.sql" with { type: "text" };
import FAILED_SHARE from "./sql/alerts/failed-share.sql" with { type: "text" };
import KV_CACHE from "./sql/alerts/kv-cache.sql" with { type: "text" };
import NO_DATA from "./sql/alerts/no-data.sql" with { type: "text" };
import PREEMPTIONS from "./sql/alerts/preemptions.sql" with { type: "text" };
import TTFT from "./sql/alerts/ttft.sql" with { type: "text" };
import VLLM_DOWN from "./sql/alerts/vllm-down.sql" with { type: "text" };
import WAITING from "./sql/alerts/waiting.sql" with { type: "text" };

/** An alert. Critical ones are evaluated every two minutes, others every five. */
export type Alert = {
  /** Unique and stable: an update finds the alert by it. */
  readonly title: string;
  readonly severity: "critical" | "high" | "medium" | "low";
  /** When it fires and what to do then; one line. */
  readonly text: string;
  /**
   * Its query. The topmost aggregate is the value: a plain COUNT, SUM, MIN or MAX, with an alias.
   * Parseable accepts arithmetic around it too, but reads 0 then. A filter on a second aggregate is
   * in an inner query, since HAVING counts as one.
   */
  readonly query: Query;
  /** How a row's value compares with the threshold when it fires; without rows the value is 0. */
  readonly operator: ">" | "<";
  readonly threshold: number;
  /** How far back it looks. */
  readonly windowMinutes: number;
};

/** The body of `POST /api/v1/alerts` without `targets`. Parseable does not require unique titles. */
export type AlertBody = JsonObject & {
  readonly title: string;
  readonly tags: readonly string[];
  readonly query: string;
};

const { RUNNING, FINISHED, FIRST_ROW, UPSTREAM_UP, SCRAPES, SCRAPE_FAILURES } = metrics;
/** Share of requests that may fail. */
const FAILED_SHARE_LIMIT = 0.05;
/** Share of scrapes, or of requests to the relay, that may fail. */
const PIPELINE_SHARE_LIMIT = 0.1;

/** The alerts, for the operator's goals and limits. */
export function alertList({ goals, kvLimit }: ContentSettings): readonly Alert[] {
  const percent = Math.round(kvLimit * 1_000) / 10;
  const list: readonly (Omit<Alert, "operator"> & Partial<Pick<Alert, "operator">>)[] = [
    {
      title: "vLLM: engine stalled",
      severity: "critical",
      text: "An engine has had running requests for a minute, but counted no token and no engine " +
        "step. The engine process hangs, though the API server still answers: a tensor-parallel " +
        "rank that died or waits in NCCL, a GPU error, or a stopped process. See the end of " +
        "vLLM's log, nvidia-smi and dmesg, and restart vLLM.",
      query: {
        ...of(
          ENGINE_STALLED,
          [RUNNING, metrics.OUTPUT_TOKENS, metrics.INPUT_TOKENS, metrics.STEPS],
          ["engine_name"],
        ),
        values: { running: RUNNING },
      },
      threshold: 0,
      windowMinutes: 2,
    },
    {
      title: "vLLM: KV cache nearly full",
      severity: "high",
      text: `The KV cache of an engine has been more than ${percent} % full for 10 minutes. ` +
        "Raise --gpu-memory-utilization, lower --max-model-len, send it fewer requests, or add an " +
        "engine.",
      query: of(KV_CACHE, [metrics.KV_CACHE], ["engine_name"]),
      threshold: kvLimit,
      windowMinutes: 10,
    },
    {
      title: "vLLM: requests waiting",
      severity: "medium",
      text:
        "Requests have been waiting for an engine for 5 minutes. If the KV cache is full, give it " +
        "more memory or add engines; otherwise raise --max-num-seqs or --max-num-batched-tokens.",
      query: of(WAITING, [metrics.WAITING], ["engine_name"]),
      threshold: 0,
      windowMinutes: 5,
    },
    {
      title: "vLLM: preemptions",
      severity: "medium",
      text: "Requests were preempted within 10 minutes and had to be recomputed. Raise " +
        "--gpu-memory-utilization, or lower --max-num-seqs.",
      query: of(PREEMPTIONS, [metrics.PREEMPTIONS], ["engine_name"]),
      threshold: 0,
      windowMinutes: 10,
    },
    {
      title: "vLLM: requests fail",
      severity: "high",
      text: `More than ${FAILED_SHARE_LIMIT * 100} % of the requests of 10 minutes ended with ` +
        "error or abort. See vLLM's log for errors, and the clients' timeouts for aborts.",
      query: {
        ...of(FAILED_SHARE, [FINISHED], ["model_name"]),
        values: { part: "finished_reason IN ('abort', 'error')", whole: "TRUE" },
      },
      threshold: FAILED_SHARE_LIMIT,
      windowMinutes: 10,
    },
    {
      title: "vLLM: first token too late",
      severity: "high",
      text: `The p95 of the time to first token (TTFT) was above ${goals.ttftSeconds} s ` +
        "(SLO_TTFT) in the last 10 minutes. See waiting requests, KV cache usage and prompt length.",
      query: of(TTFT, [metrics.TTFT], ["model_name"]),
      threshold: goals.ttftSeconds,
      windowMinutes: 10,
    },
    {
      title: "vLLM metrics: no data",
      severity: "critical",
      text:
        "No data for 5 minutes, neither of vLLM nor of the proxy. Check that the proxy and Fluent " +
        "Bit run, and their logs.",
      // Parseable evaluates an alert when it is created. The first row counts, so that a new
      // installation does not start with a critical alert before Fluent Bit has sent anything.
      query: of(NO_DATA, [RUNNING, UPSTREAM_UP, FIRST_ROW]),
      operator: "<",
      threshold: 1,
      windowMinutes: 5,
    },
    {
      title: "vLLM: down",
      severity: "critical",
      text:
        "No scrape of a vLLM server succeeded for 3 minutes. Check that it runs; the cause is in " +
        "vllm_metrics_scrape_failures_total.",
      query: of(VLLM_DOWN, [UPSTREAM_UP], ["server"]),
      threshold: 0,
      windowMinutes: 3,
    },
    {
      title: "vLLM metrics: scrapes fail",
      severity: "medium",
      text: `More than ${PIPELINE_SHARE_LIMIT * 100} % of the scrapes of 10 minutes failed, so ` +
        "there are gaps in the data. The proxy's log says why; a vLLM under load may need a " +
        "longer SCRAPE_TIMEOUT.",
      query: {
        sql: FAILED_SHARE,
        metrics: [SCRAPE_FAILURES, SCRAPES],
        by: ["server"],
        values: {
          part: `metric_name = '${SCRAPE_FAILURES}'`,
          whole: `metric_name = '${SCRAPES}'`,
        },
      },
      threshold: PIPELINE_SHARE_LIMIT,
      windowMinutes: 10,
    },
    {
      title: "vLLM metrics: relay fails",
      severity: "high",
      text: `More than ${PIPELINE_SHARE_LIMIT * 100} % of the requests to the relay were not ` +
        "stored in the last 10 minutes. Fluent Bit retries those answered 503. The proxy's log " +
        "has Parseable's responses.",
      query: {
        ...of(FAILED_SHARE, ["vllm_metrics_relay_requests_total"], ["server"]),
        values: { part: "code <> '200'", whole: "TRUE" },
      },
      threshold: PIPELINE_SHARE_LIMIT,
      windowMinutes: 10,
    },
    {
      title: "vLLM metrics: data lost",
      severity: "high",
      text:
        "Fluent Bit dropped records in the last 10 minutes. See its log for refused requests and " +
        "a full disk.",
      query: of(DATA_LOST, [metrics.FLUENT_BIT_DROPPED, metrics.FLUENT_BIT_FAILED], ["name"]),
      threshold: 0,
      windowMinutes: 10,
    },
  ];
  return list.map((alert) => ({ operator: ">", ...alert }));
}

/** The bodies of the alerts. */
export function alerts(settings: ContentSettings): readonly AlertBody[] {
  return alertList(settings).map((alert) => alertBody(alert, settings.stream));
}

/** The text is a comment before the SQL as well: Parseable's notifications quote only the query. */
function alertBody(alert: Alert, stream: string): AlertBody {
  const { severity, title, text, query, operator, threshold, windowMinutes } = alert;
  const everyMinutes = severity === "critical" ? 2 : 5;
  return {
    severity,
    title,
    // The only kind that open-source Parseable evaluates.
    alertType: "threshold",
    query: `/* ${text} */\n${queryText(query, stream)}`,
    thresholdConfig: { operator, value: threshold },
    evalConfig: {
      rollingWindow: {
        evalStart: `${windowMinutes}m`,
        evalEnd: "now",
        evalFrequency: everyMinutes,
      },
    },
    // Minutes between notifications while it fires; at most evalFrequency.
    notificationConfig: { interval: everyMinutes },
    tags: [TAG, "vllm"],
    runbook: text,
  };
}
