/** The dashboards of Grafana; `deno task export` writes them. */

import { VizLegendOptionsBuilder } from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** A line of a panel: an expression of Prometheus, and the name of its series. */
type Line = readonly [expr: string, legend: string];
type Panel = readonly [title: string, unit: string, lines: readonly Line[]];

/** A dashboard as data. The file has the name `vllm-` and its id. */
type Board = {
  readonly id: string;
  readonly title: string;
  /** The metric that has the values of the variables. */
  readonly source: string;
  /** The variables beside the data source, with the label that each selects. */
  readonly variables: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, readonly Panel[]>>;
};

const MODEL_VARIABLES = { server: "instance", model: "model_name", engine: "engine" };
const SELECTED = '{instance=~"$server",model_name=~"$model",engine=~"$engine"}';
const OF_SERVER = '{instance=~"$server"}';
const ENGINE = "instance, model_name, engine";
const ENGINE_NAME = "{{instance}} {{engine}}";

/** The rate of a counter, summed by some labels. */
function rate(counter: string, by: string, selected = SELECTED): string {
  return `sum by (${by}) (rate(${counter}${selected}[$__rate_interval]))`;
}

function quantiles(title: string, family: string): Panel {
  const at = (quantile: number): Line => [
    `histogram_quantile(${quantile}, ${rate(`${family}_bucket`, "model_name, le")})`,
    `{{model_name}} p${quantile * 100}`,
  ];
  const mean = `${rate(`${family}_sum`, "model_name")} / ${rate(`${family}_count`, "model_name")}`;
  return [title, "s", [at(0.5), at(0.95), at(0.99), [mean, "{{model_name}} mean"]]];
}

/** A panel of one line. */
function one(title: string, unit: string, expr: string, legend: string): Panel {
  return [title, unit, [[expr, legend]]];
}

const gauge = (name: string): string => `sum by (${ENGINE}) (vllm_${name}${SELECTED})`;
/** Zero when nothing was counted yet. */
const orZero = (expr: string): string => `${expr} or vector(0)`;
const share = (part: string, whole: string, by: string): string =>
  `${rate(part, by)} / ${rate(whole, by)}`;

const TTFT = quantiles("Time to first token (TTFT)", "vllm_time_to_first_token_seconds");
const E2E = quantiles("End-to-end latency", "vllm_e2e_request_latency_seconds");
const REQUESTS = one(
  "Finished requests",
  "reqps",
  rate("vllm_request_success_total", "finished_reason"),
  "{{finished_reason}}",
);
const KV_CACHE = one(
  "KV cache usage",
  "percentunit",
  `max by (${ENGINE}) (vllm_kv_cache_usage_perc${SELECTED})`,
  ENGINE_NAME,
);
/** One server has its own name here, but the address of the service among vLLM's metrics. */
const up = (selected: string): Panel =>
  one("Servers that answer", "short", `vllm_metrics_upstream_up${selected}`, "{{instance}}");

/** All dashboards. */
const BOARDS: readonly Board[] = [
  {
    id: "overview",
    title: "vLLM overview",
    source: "vllm_num_requests_running",
    variables: MODEL_VARIABLES,
    rows: {
      Traffic: [
        REQUESTS,
        ["Tokens", "short", [
          [rate("vllm_prompt_tokens_total", "model_name"), "{{model_name}} prompt per second"],
          [rate("vllm_generation_tokens_total", "model_name"), "{{model_name}} output per second"],
        ]],
        ["Requests", "short", [
          [`sum by (model_name) (vllm_num_requests_running${SELECTED})`, "{{model_name}} running"],
          [`sum by (model_name) (vllm_num_requests_waiting${SELECTED})`, "{{model_name}} waiting"],
        ]],
      ],
      Health: [TTFT, KV_CACHE, up("")],
    },
  },
  {
    id: "latency",
    title: "vLLM latency",
    source: "vllm_num_requests_running",
    variables: MODEL_VARIABLES,
    rows: {
      "What users see": [
        TTFT,
        quantiles("Inter-token latency (ITL)", "vllm_inter_token_latency_seconds"),
        quantiles(
          "Time per output token (TPOT)",
          "vllm_request_time_per_output_token_seconds",
        ),
        E2E,
      ],
      "Where the time goes": [
        quantiles("Queue", "vllm_request_queue_time_seconds"),
        quantiles("Prefill", "vllm_request_prefill_time_seconds"),
        quantiles("Decode", "vllm_request_decode_time_seconds"),
      ],
    },
  },
  {
    id: "engines",
    title: "vLLM engines and caches",
    source: "vllm_num_requests_running",
    variables: MODEL_VARIABLES,
    rows: {
      Engines: [
        one("Running requests", "short", gauge("num_requests_running"), ENGINE_NAME),
        one("Waiting requests", "short", gauge("num_requests_waiting"), ENGINE_NAME),
        one(
          "Output tokens per second",
          "short",
          rate("vllm_generation_tokens_total", ENGINE),
          ENGINE_NAME,
        ),
        one(
          "Tokens of a step",
          "short",
          share("vllm_iteration_tokens_total_sum", "vllm_iteration_tokens_total_count", ENGINE),
          ENGINE_NAME,
        ),
      ],
      Caches: [
        KV_CACHE,
        one(
          "Preemptions per second",
          "short",
          rate("vllm_num_preemptions_total", ENGINE),
          ENGINE_NAME,
        ),
        one(
          "Prefix-cache hit rate",
          "percentunit",
          share("vllm_prefix_cache_hits_total", "vllm_prefix_cache_queries_total", ENGINE),
          ENGINE_NAME,
        ),
      ],
    },
  },
  {
    id: "pipeline",
    title: "vLLM metrics: the pipeline",
    source: "vllm_metrics_upstream_up",
    variables: { server: "instance" },
    rows: {
      Scrapes: [
        up(OF_SERVER),
        one(
          "Duration of the last scrape",
          "s",
          `vllm_metrics_scrape_duration_seconds${OF_SERVER}`,
          "{{instance}}",
        ),
        one(
          "Scrapes",
          "cps",
          rate("vllm_metrics_scrapes_total", "instance", OF_SERVER),
          "{{instance}}",
        ),
        one(
          "Failed scrapes",
          "cps",
          orZero(rate("vllm_metrics_scrape_failures_total", "instance, code", OF_SERVER)),
          "{{instance}} {{code}}",
        ),
        one(
          "Dropped lines",
          "cps",
          orZero(rate("vllm_metrics_dropped_lines_total", "reason", "")),
          "{{reason}}",
        ),
        one(
          "Samples of the last scrape",
          "short",
          `vllm_metrics_scrape_samples${OF_SERVER}`,
          "{{instance}}",
        ),
      ],
      Relay: [
        one(
          "Requests",
          "reqps",
          orZero(rate("vllm_metrics_relay_requests_total", "code", "")),
          "{{code}}",
        ),
        one(
          "Dropped data points",
          "cps",
          orZero(rate("vllm_metrics_relay_points_dropped_total", "reason", "")),
          "{{reason}}",
        ),
      ],
      Push: [
        one("Receiver takes it", "short", "vllm_metrics_push_up", "{{job}}"),
        ["Data points", "cps", [
          [rate("vllm_metrics_push_points_total", "job", ""), "{{job}} sent"],
          [orZero(rate("vllm_metrics_push_lost_points_total", "reason", "")), "lost: {{reason}}"],
        ]],
        one("Queue", "bytes", "vllm_metrics_push_queue_bytes", "{{job}}"),
      ],
      Process: [
        one("Series in the history", "short", "vllm_metrics_history_series", "{{job}}"),
        one(
          "Resident memory",
          "bytes",
          "process_resident_memory_bytes and on (job, instance) vllm_metrics_build_info",
          "{{job}} {{instance}}",
        ),
      ],
    },
  },
];

function panelOf([title, unit, lines]: Panel): PanelBuilder {
  const panel = new PanelBuilder().title(title).unit(unit).min(0).span(8).height(8)
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .datasource({ type: "prometheus", uid: "${datasource}" });
  lines.forEach(([expr, legend], index) =>
    panel.withTarget(
      new DataqueryBuilder().expr(expr).legendFormat(legend).refId(String.fromCharCode(65 + index)),
    )
  );
  return panel;
}

function build({ id, title, source, variables, rows }: Board): unknown {
  const board = new DashboardBuilder(title).uid(`vllm-metrics-${id}`).tags(["vllm"])
    .refresh("30s").time({ from: "now-1h", to: "now" })
    .withVariable(
      new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    );
  for (const [name, label] of Object.entries(variables)) {
    board.withVariable(
      new QueryVariableBuilder(name).query(`label_values(${source}, ${label})`)
        .datasource({ type: "prometheus", uid: "${datasource}" })
        .multi(true).includeAll(true).allValue(".*").refresh(1)
        .current({ selected: true, text: ["All"], value: ["$__all"] }),
    );
  }
  for (const [name, panels] of Object.entries(rows)) {
    board.withRow(new RowBuilder(name));
    for (const panel of panels) board.withPanel(panelOf(panel));
  }
  return board.build();
}

/** The dashboards' JSON by the name of the file. */
export function grafanaFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    BOARDS.map((board) => [`vllm-${board.id}.json`, `${JSON.stringify(build(board), null, 1)}\n`]),
  );
}
