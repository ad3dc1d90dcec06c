import { assert, assertEquals } from "@std/assert";
import { alertRules } from "../../lib/export/rules.ts";

const LIMITS = { goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 }, kvLimit: 0.9 };
const RULES = new URL("../../deploy/prometheus/vllm.yaml", import.meta.url).pathname;

/** Series by minutes in the notation of promtool, and minutes at which the alert fires and does not. */
interface Case {
  readonly series: Readonly<Record<string, string>>;
  /** Seconds between samples. @default {60} */
  readonly every?: number;
  readonly fires: number;
  readonly clears: number;
}

const ENGINE = 'instance="a",model_name="m",engine="0"';
const GENERATED = `vllm_generation_tokens_total{${ENGINE}}`;

/** A goal's buckets: 100 requests a minute of which none is in time, and later all are. */
function goal(family: string, le: string, missed: number, met: number): Case["series"] {
  const series = `${family}_bucket{model_name="m",le="${le}"}`;
  return {
    [`${family}_count{model_name="m"}`]: `0+100x${missed + met}`,
    [series]: `0+0x${missed} 100+100x${met}`,
  };
}

const TTFT = "vllm_time_to_first_token_seconds";
const TPOT = "vllm_request_time_per_output_token_seconds";

/** By alert. Minutes are those since the first sample. */
const CASES: Readonly<Record<string, Case>> = {
  VllmEngineStalled: {
    every: 15,
    series: {
      [`vllm_num_requests_running{${ENGINE}}`]: "1x120",
      [GENERATED]: "0x60 10+10x60",
      [`vllm_prompt_tokens_total{${ENGINE}}`]: "5x120",
      [`vllm_iteration_tokens_total_count{${ENGINE}}`]: "5x120",
    },
    fires: 10,
    clears: 20,
  },
  VllmKvCacheNearlyFull: {
    series: { [`vllm_kv_cache_usage_perc{${ENGINE}}`]: "0.95x20 0.5x20" },
    fires: 15,
    clears: 25,
  },
  VllmRequestsWaiting: {
    series: { [`vllm_num_requests_waiting{${ENGINE}}`]: "3x20 0x20" },
    fires: 10,
    clears: 25,
  },
  VllmPreemptions: {
    series: { [`vllm_num_preemptions_total{${ENGINE}}`]: "0+1x10 10x30" },
    fires: 8,
    clears: 30,
  },
  VllmRequestsFail: {
    series: {
      'vllm_request_success_total{model_name="m",finished_reason="error"}': "0+10x10 100x30",
      'vllm_request_success_total{model_name="m",finished_reason="stop"}': "0+90x40",
    },
    fires: 8,
    clears: 30,
  },
  VllmFirstTokenLate: {
    series: {
      [`${TTFT}_bucket{model_name="m",le="1.0"}`]: "0x20 100+100x30",
      [`${TTFT}_bucket{model_name="m",le="+Inf"}`]: "0+100x50",
      [`${TTFT}_bucket{model_name="m",le="5.0"}`]: "0+100x50",
    },
    fires: 15,
    clears: 45,
  },
  VllmMetricsNoData: {
    series: { 'vllm_metrics_upstream_up{instance="a"}': "_x20 1x20" },
    fires: 10,
    clears: 30,
  },
  VllmDown: {
    series: { 'vllm_metrics_upstream_up{instance="a"}': "0x20 1x20" },
    fires: 10,
    clears: 30,
  },
  VllmMetricsScrapesFail: {
    series: {
      'vllm_metrics_scrape_failures_total{instance="a",code="REFUSED"}': "0+10x10 100x30",
      'vllm_metrics_scrapes_total{instance="a"}': "0+30x40",
    },
    fires: 8,
    clears: 30,
  },
  VllmMetricsRelayFails: {
    series: {
      'vllm_metrics_relay_requests_total{job="j",code="503"}': "0+10x10 100x30",
      'vllm_metrics_relay_requests_total{job="j",code="200"}': "0+30x40",
    },
    fires: 8,
    clears: 30,
  },
  VllmMetricsDataLost: {
    series: { 'fluentbit_output_dropped_records_total{name="otlp"}': "0+5x10 50x30" },
    fires: 8,
    clears: 30,
  },
  VllmTtftBurnFast: { series: goal(TTFT, "1.0", 90, 90), fires: 80, clears: 150 },
  VllmTtftBurnSteady: { series: goal(TTFT, "1.0", 500, 300), fires: 480, clears: 700 },
  VllmTtftBurnSlow: { series: goal(TTFT, "1.0", 500, 900), fires: 480, clears: 1_390 },
  VllmTpotBurnFast: { series: goal(TPOT, "0.1", 90, 90), fires: 80, clears: 150 },
  VllmTpotBurnSteady: { series: goal(TPOT, "0.1", 500, 300), fires: 480, clears: 700 },
  VllmTpotBurnSlow: { series: goal(TPOT, "0.1", 500, 900), fires: 480, clears: 1_390 },
};

async function promtool(args: readonly string[]): Promise<string> {
  const command = new Deno.Command("promtool", {
    args: [...args],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(success, text);
  return text;
}

Deno.test("promtool accepts the rules", async () => {
  await promtool(["check", "rules", RULES]);
});

Deno.test("each alert fires and clears", async () => {
  const names = alertRules(LIMITS).map(({ rule }) => rule.alert);
  assertEquals(Object.keys(CASES).toSorted(), names.toSorted());
  const tests = Object.entries(CASES).map(([name, { series, every = 60, fires, clears }]) => ({
    name,
    interval: `${every}s`,
    input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
    promql_expr_test: [[fires, 1], [clears, 0]].map(([minutes, value]) => ({
      expr: `count(ALERTS{alertname="${name}",alertstate="firing"}) or vector(0)`,
      eval_time: `${minutes}m`,
      exp_samples: [{ labels: "{}", value }],
    })),
  }));
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    // JSON is YAML.
    const text = JSON.stringify({ rule_files: [RULES], evaluation_interval: "1m", tests });
    await Deno.writeTextFile(file, text);
    await promtool(["test", "rules", file]);
  } finally {
    await Deno.remove(file);
  }
});
