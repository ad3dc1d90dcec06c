/** The alerts as rules of Prometheus, with burn rates of the goals. */

import type { Limits } from "../config/provision_config.ts";
import { type Alert, alertList } from "../parseable/content/alerts.ts";

/** Where an alert links to, unless `export --runbook` says otherwise. */
export const RUNBOOK = "https://github.com/OWNER/vllm-metrics/blob/main/docs/runbook.md";

/** An alerting rule, as Prometheus reads it. */
export type AlertRule = {
  /** Its name. */
  readonly alert: string;
  /** It fires for each series of this. */
  readonly expr: string;
  /** How long the expression has to hold; none for at once. */
  readonly for?: string;
  /** Sent with its notifications. */
  readonly labels: { readonly severity: string };
  /** Sent with its notifications. */
  readonly annotations: Readonly<Record<"summary" | "description" | "runbook_url", string>>;
};

/** A recording rule, as Prometheus reads it. */
export type RecordingRule = { readonly record: string; readonly expr: string };

/** A group of rules. */
export type RuleGroup = { readonly name: string; readonly rules: readonly Rule[] };
/** A rule. */
export type Rule = AlertRule | RecordingRule;

/** What Prometheus needs of an alert beside its text. */
type Condition = {
  readonly name: string;
  readonly expr: (alert: Alert) => string;
  /** How long the expression has to hold: WINDOW is all through the alert's window. */
  readonly lasting?: string;
  /** The findings of the page that say more. */
  readonly findings: readonly string[];
};

const WINDOW = "window";
const ENGINE = "instance, model_name, engine";

/** The increase of a counter in the alert's window, by some labels. */
function increase(counter: string, by: string, { windowMinutes }: Alert): string {
  return `sum by (${by}) (increase(${counter}[${windowMinutes}m]))`;
}

function share(part: string, whole: string, by: string, alert: Alert): string {
  return `${increase(part, by, alert)} / ${increase(whole, by, alert)} > ${alert.threshold}`;
}

const progress = (name: string): string => `sum by (${ENGINE}) (increase(vllm_${name}[1m]))`;

/** By the alert's title. */
const CONDITIONS: Readonly<Record<string, Condition>> = {
  "vLLM: engine stalled": {
    name: "VllmEngineStalled",
    // Without enough samples there is no increase, and no alert either.
    expr: () =>
      `sum by (${ENGINE}) (min_over_time(vllm_num_requests_running[1m])) > 0` +
      ` and ${progress("generation_tokens_total")} == 0 and ${
        progress("prompt_tokens_total")
      } == 0` +
      ` unless ${progress("iteration_tokens_total_count")} > 0`,
    lasting: "1m",
    findings: ["engine_stalled"],
  },
  "vLLM: KV cache nearly full": {
    name: "VllmKvCacheNearlyFull",
    expr: ({ threshold }) => `vllm_kv_cache_usage_perc > ${threshold}`,
    lasting: WINDOW,
    findings: ["memory_bound_queue"],
  },
  "vLLM: requests waiting": {
    name: "VllmRequestsWaiting",
    expr: () => "vllm_num_requests_waiting > 0",
    lasting: WINDOW,
    findings: ["memory_bound_queue", "scheduler_bound_queue"],
  },
  "vLLM: preemptions": {
    name: "VllmPreemptions",
    expr: (alert) => `${increase("vllm_num_preemptions_total", ENGINE, alert)} > 0`,
    findings: ["preemptions"],
  },
  "vLLM: requests fail": {
    name: "VllmRequestsFail",
    expr: (alert) =>
      share(
        'vllm_request_success_total{finished_reason=~"abort|error"}',
        "vllm_request_success_total",
        "model_name",
        alert,
      ),
    findings: ["error_share", "abort_share", "rejections"],
  },
  "vLLM: first token too late": {
    name: "VllmFirstTokenLate",
    expr: ({ threshold, windowMinutes }) =>
      "histogram_quantile(0.95, sum by (model_name, le) " +
      `(rate(vllm_time_to_first_token_seconds_bucket[${windowMinutes}m]))) > ${threshold}`,
    findings: ["slow_queue", "slow_prefill"],
  },
  "vLLM metrics: no data": {
    name: "VllmMetricsNoData",
    expr: () => "absent(vllm_metrics_upstream_up)",
    lasting: WINDOW,
    findings: ["server_stale"],
  },
  "vLLM: down": {
    name: "VllmDown",
    expr: () => "vllm_metrics_upstream_up == 0",
    lasting: WINDOW,
    findings: ["server_down", "server_restarts"],
  },
  "vLLM metrics: scrapes fail": {
    name: "VllmMetricsScrapesFail",
    expr: (alert) =>
      share(
        "vllm_metrics_scrape_failures_total",
        "vllm_metrics_scrapes_total",
        "instance",
        alert,
      ),
    findings: ["server_down", "server_restarts"],
  },
  "vLLM metrics: relay fails": {
    name: "VllmMetricsRelayFails",
    expr: (alert) =>
      share(
        'vllm_metrics_relay_requests_total{code!="200"}',
        "vllm_metrics_relay_requests_total",
        "job",
        alert,
      ),
    findings: [],
  },
  "vLLM metrics: data lost": {
    name: "VllmMetricsDataLost",
    expr: (alert) =>
      ["dropped_records", "retries_failed"].map((name) =>
        `${increase(`fluentbit_output_${name}_total`, "name", alert)} > 0`
      ).join(" or "),
    findings: [],
  },
};

/** A goal: the share SLO_TARGET of the requests should be within it. */
type Goal = {
  readonly id: string;
  readonly name: string;
  readonly setting: string;
  readonly family: string;
  /** Bounds of vLLM's buckets, in seconds. */
  readonly bounds: readonly number[];
  readonly seconds: (goals: Limits["goals"]) => number;
  readonly findings: readonly string[];
};

const TAIL = [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const GOALS: readonly Goal[] = [
  {
    id: "ttft",
    name: "Ttft",
    setting: "SLO_TTFT",
    family: "vllm_time_to_first_token_seconds",
    bounds: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
      .concat([20, 40, 80, 160, 640, 2_560]),
    seconds: ({ ttftSeconds }) => ttftSeconds,
    findings: ["slow_queue", "slow_prefill"],
  },
  {
    id: "tpot",
    name: "Tpot",
    setting: "SLO_TPOT",
    family: "vllm_request_time_per_output_token_seconds",
    bounds: [0.01, 0.025, 0.05, 0.075, ...TAIL],
    seconds: ({ tpotSeconds }) => tpotSeconds,
    findings: ["slow_decode"],
  },
];
/**
 * A long window that is over the burn rate, and a short one that says that it still is. In the SRE
 * workbook's table the budget is of 30 days.
 */
const BURNS = [
  { speed: "Fast", long: "1h", short: "5m", rate: 14.4, severity: "critical" },
  { speed: "Steady", long: "6h", short: "30m", rate: 6, severity: "high" },
  { speed: "Slow", long: "3d", short: "6h", rate: 1, severity: "medium" },
] as const;
const WINDOWS = ["5m", "30m", "1h", "6h", "3d"];

const recordOf = ({ id }: Goal, window: string): string =>
  `model:vllm_${id}_missed:ratio_rate${window}`;

/** The largest bucket within the goal: only at a bucket's bound can requests be counted. */
function boundWithin({ bounds }: Goal, seconds: number): number {
  return bounds.findLast((bound) => bound <= seconds) ?? bounds[0] ?? seconds;
}

function recordings(goal: Goal, limits: Limits): RecordingRule[] {
  const bound = boundWithin(goal, goal.seconds(limits.goals));
  // vLLM's two front ends write 1.0 and 1.
  const le = Number.isInteger(bound) ? `${bound}|${bound}.0` : String(bound);
  return WINDOWS.map((window) => ({
    record: recordOf(goal, window),
    expr: `1 - sum by (model_name) (rate(${goal.family}_bucket{le=~"${le}"}[${window}])) / ` +
      `sum by (model_name) (rate(${goal.family}_count[${window}]))`,
  }));
}

/** What the runbook has of an alert. */
export type RunbookEntry = {
  readonly rule: AlertRule;
  /** Ids of the page's findings. */
  readonly findings: readonly string[];
};

function ruleOf(
  alert: string,
  { title, text, severity }: Pick<Alert, "title" | "text" | "severity">,
  expr: string,
  lasting?: string,
): AlertRule {
  const url = `${RUNBOOK}#${alert.toLowerCase()}`;
  return {
    alert,
    expr,
    ...(lasting !== undefined && { for: lasting }),
    labels: { severity },
    annotations: { summary: title, description: text, runbook_url: url },
  };
}

function percent(share: number): number {
  return Math.round(share * 10_000) / 100;
}

function burns(goal: Goal, limits: Limits): RunbookEntry[] {
  const { target } = limits.goals;
  const seconds = goal.seconds(limits.goals);
  const bound = boundWithin(goal, seconds);
  return BURNS.map(({ speed, long, short, rate, severity }) => {
    const limit = Math.round(rate * (1 - target) * 1e6) / 1e6;
    const over = (window: string): string => `${recordOf(goal, window)} > ${limit}`;
    const text = `More than ${percent(limit)} % of the requests of ${long} and ` +
      `of ${short} took longer than ${bound} s (the bucket of vLLM within ${goal.setting}=` +
      `${seconds}s). At ${rate} times the rate that SLO_TARGET=${target} allows, ` +
      `the budget of 30 days lasts ${Math.round(30 * 24 / rate)} hours.`;
    const alert = { title: `vLLM: ${goal.id.toUpperCase()} goal missed`, text, severity };
    const expr = `${over(long)} and ${over(short)}`;
    return { rule: ruleOf(`Vllm${goal.name}Burn${speed}`, alert, expr), findings: goal.findings };
  });
}

/** All alerts with what the runbook has of them; the burn rates come last. */
export function alertRules(limits: Limits): readonly RunbookEntry[] {
  const alerts = alertList({ stream: "", ...limits }).map((alert): RunbookEntry => {
    const condition = CONDITIONS[alert.title];
    if (condition === undefined) throw new Error(`"${alert.title}" has no rule of Prometheus`);
    const { name, expr, findings } = condition;
    const lasting = condition.lasting === WINDOW ? `${alert.windowMinutes}m` : condition.lasting;
    return { rule: ruleOf(name, alert, expr(alert), lasting), findings };
  });
  return [...alerts, ...GOALS.flatMap((goal) => burns(goal, limits))];
}

/** The groups of a rule file. */
export function ruleGroups(limits: Limits): readonly RuleGroup[] {
  return [
    { name: "vllm-goals", rules: GOALS.flatMap((goal) => recordings(goal, limits)) },
    { name: "vllm-alerts", rules: alertRules(limits).map(({ rule }) => rule) },
  ];
}
