/**
 * What the panels of vLLM's own Grafana dashboards show, and where it is here. The panels are those
 * of `tools/generate_grafana_dashboards.py` in vLLM at 0b9faa41.
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { CHART_RULES } from "../../lib/dashboard/charts/charts.ts";
import { formatValue } from "../../lib/dashboard/format.ts";
import { TILE_RULES } from "../../lib/dashboard/tiles.ts";
import type { View } from "../../lib/dashboard/view.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { builtView } from "./built_view.ts";
import { chartOf, letRun, look, START_MS } from "./scenario.ts";

/** Where a panel's answer is: `chart ID`, `tile ID`, `fleet COLUMN`, or why it is nowhere. */
const PANELS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  overview: {
    "Requests / s": "tile requests",
    "Input tok/s": "tile prompt_tokens",
    "Output tok/s": "tile generation_tokens",
    "5xx ratio": "tile http_errors",
    "TTFT p95": "tile ttft_p95",
    "ITL p95": "tile inter_token_p95",
    "E2E p95": "tile e2e_p95",
    Unreachable: "fleet state",
    Engines: "because: the selector of engines lists them",
    Running: "tile running",
    Waiting: "tile waiting",
    "KV cache": "tile kv_cache",
    Preemptions: "tile preemptions",
    "Prefix hits": "tile prefix_hits",
    "TTFT SLO": "tile ttft_goal",
    "TPOT SLO": "tile tpot_goal",
    "Per-model summary": "fleet model",
    "Time to first token (TTFT)": "chart ttft",
    "Inter-token latency (ITL)": "chart inter_token",
    "Time per output token (TPOT)": "chart per_output_token",
    "End-to-end latency": "chart e2e",
    "Queue time": "chart queue_time",
    "Mean time per request phase": "chart phases",
    "TTFT distribution": "because: percentiles show it, and heat maps are kept for lengths",
    "Inter-token latency distribution": "because: as above",
    "End-to-end latency distribution": "because: as above",
    "Token throughput": "chart tokens",
    "Finished requests by reason": "chart finish_reasons",
    "Scheduler queue": "chart waiting",
    "KV cache usage": "chart kv_cache",
    "Preemptions / s": "tile preemptions",
    "Tokens per engine step": "chart step_tokens",
    "Cache hit rates": "chart cache_hits",
    "Prompt tokens by source": "chart prompt_sources",
    "Prompt length": "chart prompt_length",
    "Output length": "chart output_length",
    "Finish reason share": "chart finish_reasons",
    "Prompt length distribution": "chart prompt_length",
    "Output length distribution": "chart output_length",
    "HTTP requests by status": "chart http_status",
    "HTTP requests by endpoint": "chart http_handlers",
    "HTTP mean duration by endpoint": "chart http_duration",
  },
  instances: {
    Instances: "fleet instance",
    "Running requests": "chart engines_running",
    "Waiting requests": "fleet waiting",
    "KV cache usage": "chart engines_kv_cache",
    "Requests / s": "because: output tokens compare servers better; explore request_success_total",
    "Input tokens / s": "because: as above; explore prompt_tokens_total by instance",
    "Output tokens / s": "chart engines_tokens",
    "TTFT p95": "fleet ttft",
    "Inter-token latency p95": "fleet itl",
    "E2E latency p95": "because: it follows the output length; explore e2e_request_latency_seconds",
    "Mean queue time": "because: part of TTFT; explore request_queue_time_seconds by instance",
    "Engine steps / s": "chart engine_steps",
    "Mean tokens per engine step": "chart step_tokens",
    "Preemptions / s": "tile preemptions",
    "Waiting requests by reason": "chart waiting",
    "Prefix cache hit rate": "chart cache_hits",
    "CPU usage": "chart api_cpu",
    "Resident memory": "chart api_memory",
    "Open file descriptors": "chart open_files",
    Uptime: "chart uptime",
    "Cache configuration": "fleet kvCapacity",
    "LoRA adapters": "chart lora_adapters",
    "Engine sleep state": "fleet state",
    "Sleep mode and weight updates": "because: too rare for a chart; explore " +
      "sleep_mode_operation_duration_seconds by operation",
    "Estimated compute per GPU": "chart gpu_flops",
    "Estimated memory traffic per GPU": "chart gpu_memory_traffic",
  },
  kvCache: {
    "Max KV cache usage": "chart kv_cache",
    "Mean KV cache usage": "chart kv_cache",
    "Prefix cache hit rate": "tile prefix_hits",
    "Cached prompt tokens": "chart cached_share",
    "Preemptions / s": "tile preemptions",
    "Waiting for capacity": "chart waiting",
    "KV cache usage by engine": "chart engines_kv_cache",
    "Scheduler queue": "chart running",
    "Preemptions / s by engine": "because: few; explore num_preemptions_total by engine",
    "Prompt tokens by source": "chart prompt_sources",
    "Prefix cache hit rate by engine": "because: the explorer has hits and queries by engine",
    "Cached prompt tokens by tier": "chart cached_tiers",
    "Prompt and computed tokens per request": "chart prefill_saved",
    "Cache hit rates": "chart cache_hits",
    "Block lifetime": "chart kv_block_lifetime",
    "Idle time before eviction": "chart kv_block_idle",
    "Block reuse gap": "chart kv_block_reuse",
    "External prefix cache hit rate": "chart cache_hits",
    "Requests waiting on KV loads": "chart kv_fetch",
    "Prompt tokens loaded via KV transfer": "chart prompt_sources",
    "Transfer duration": "chart nixl_time",
    "Transfer throughput": "chart nixl_throughput",
    "Transfers / s": "chart nixl_transfers",
    "Bytes per transfer": "chart nixl_size",
    "Transfer post time": "chart nixl_post",
    "Descriptors per transfer": "chart nixl_descriptors",
    "Transfer failures / s": "chart nixl_failures",
    "Offload throughput": "chart offload_throughput",
    "Offload transfer bandwidth": "chart offload_bandwidth",
    "Mean offload transfer size": "chart offload_size",
    "Offload lookup latency p99": "chart offload_lookup",
    "CPU offload buffer usage": "chart offload_buffer",
    "Failed and skipped stores / s": "chart offload_failures",
    "Store admission outcomes": "chart simple_offload_outcomes",
    "Blocks restored from offload / s": "chart simple_offload_loads",
    "Offload pool blocks": "chart simple_offload_blocks",
  },
  speculativeDecoding: {
    "Draft acceptance rate": "chart draft_acceptance",
    "Acceptance length": "chart draft_length",
    "Accepted tokens / s": "chart draft_tokens",
    "Draft tokens / s": "chart draft_tokens",
    "Drafts / s": "because: it is the draft tokens by num_speculative_tokens",
    "Output from drafts": "because: it follows from the tokens per speculative step",
    "Mean acceptance length": "chart draft_length",
    "Acceptance rate by draft position": "chart draft_positions",
    "Draft acceptance rate by engine": "because: it depends on the text, not on the engine",
    "Inter-token latency": "chart inter_token",
  },
};

Deno.test("each panel of vLLM's own dashboards has its place here, or a reason for none", () => {
  const [row = {}] = look(letRun(4, { vllm: {} })).fleet;
  const known = new Set([
    ...CHART_RULES.map(({ id }) => `chart ${id}`),
    ...TILE_RULES.map(({ id }) => `tile ${id}`),
    ...Object.keys(row).map((column) => `fleet ${column}`),
  ]);
  const lost = Object.values(PANELS).flatMap((panels) => Object.values(panels))
    .filter((place) => !place.startsWith("because: ") && !known.has(place));
  assertEquals(lost, []);
});

/** Gauges with their values. */
const GAUGES: Readonly<Record<string, number>> = {
  "vllm:num_requests_running": 4,
  'vllm:num_requests_kv_fetch_by_stage{stage="in_progress"}': 3,
  "vllm:kv_offload_cpu_cache_usage_perc": 0.5,
  "vllm:simple_kv_offload_used_blocks": 7,
  "process_resident_memory_bytes": 2e9,
  "process_open_fds": 50,
  "process_max_fds": 200,
  "process_start_time_seconds": START_MS / 1_000 - 100,
};

/** Counters and how much they grow in a second. */
const COUNTERS: Readonly<Record<string, number>> = {
  'http_requests_total{handler="/v1/completions",status="2xx"}': 3,
  'http_requests_total{handler="/v1/models",status="5xx"}': 1,
  "process_cpu_seconds_total": 0.4,
  'vllm:prompt_tokens_by_source_total{source="local_compute"}': 30,
  'vllm:prompt_tokens_by_source_total{source="external_kv_transfer"}': 90,
  'vllm:prompt_tokens_cached_by_source_total{source="host"}': 20,
  "vllm:prompt_tokens_total": 120,
  "vllm:prompt_tokens_cached_total": 90,
  'vllm:estimated_flops_per_gpu_total{engine="0"}': 2e12,
  'vllm:estimated_flops_per_gpu_total{engine="1"}': 4e12,
  "vllm:estimated_read_bytes_per_gpu_total": 1e9,
  "vllm:spec_decode_num_drafts_total": 10,
  "vllm:spec_decode_num_draft_tokens_total": 20,
  "vllm:spec_decode_num_accepted_tokens_total": 12,
  'vllm:spec_decode_num_accepted_tokens_per_pos_total{position="0"}': 8,
  "vllm:nixl_num_failed_transfers_total": 0,
  "vllm:nixl_num_kv_expired_reqs_total": 0.5,
  "vllm:kv_offload_load_bytes_total": 1e6,
  "vllm:kv_offload_load_time_total": 0.01,
  "vllm:kv_offload_stores_skipped_total": 2,
  'vllm:simple_kv_offload_save_outcomes_total{outcome="admitted"}': 2,
  "vllm:simple_kv_offload_load_blocks_total": 5,
};

/** Histograms with the value of each observation; one is made in a second. */
const HISTOGRAMS: Readonly<Record<string, number>> = {
  "http_request_duration_seconds": 2,
  "vllm:iteration_tokens_total": 64,
  "vllm:request_prompt_tokens": 100,
  "vllm:request_prefill_kv_computed_tokens": 25,
  "vllm:request_params_max_tokens": 500,
  "vllm:request_params_n": 1,
  "vllm:kv_block_lifetime_seconds": 30,
  "vllm:kv_block_idle_before_evict_seconds": 20,
  "vllm:kv_block_reuse_gap_seconds": 10,
  "vllm:nixl_xfer_time_seconds": 0.02,
  "vllm:nixl_post_time_seconds": 0.002,
  "vllm:nixl_bytes_transferred": 4e6,
  "vllm:nixl_num_descriptors": 100,
  "vllm:kv_offload_load_size": 5e6,
  "vllm:kv_offload_lookup_sync_delay_seconds": 0.001,
};

/** A view of a server that reports all of these, after two minutes. */
function everything(): View {
  const history = new HistoryStore({ instances: ["vllm-a"] });
  for (let seconds = 0; seconds <= 120; seconds += 2) {
    const type = (name: string, kind: string): string =>
      `# TYPE ${name.replace(/\{.*|_total(?=\{|$)/g, "")} ${kind}\n`;
    const lines = [
      ...Object.entries(GAUGES).map(([name, value]) => `${type(name, "gauge")}${name} ${value}\n`),
      ...Object.entries(COUNTERS).map(([name, each]) =>
        `${type(name, "counter")}${name} ${each * seconds}\n`
      ),
      ...Object.entries(HISTOGRAMS).map(([name, value]) =>
        `# TYPE ${name} histogram\n${name}_bucket{le="${value / 2}"} 0\n` +
        `${name}_bucket{le="${value * 2}"} ${seconds}\n${name}_bucket{le="+Inf"} ${seconds}\n` +
        `${name}_sum ${value * seconds}\n${name}_count ${seconds}\n`
      ),
      "# TYPE vllm:lora_requests_info gauge\n" +
      'vllm:lora_requests_info{max_lora="4",running_lora_adapters="a,b",' +
      `waiting_lora_adapters="c"} ${START_MS / 1_000 + seconds}\n`,
    ];
    const body = new TextEncoder().encode(lines.join(""));
    history.add({ instance: "vllm-a", timeMs: START_MS + 1_000 * seconds, body });
  }
  return builtView(history, { selection: {}, windowSeconds: 300 }, START_MS + 120_000, {
    goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
    intervalMs: 2_000,
    windows: [300],
  });
}

/** Charts, and the last values of their lines. */
const LAST: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "prompt_sources": { "KV transfer": 90, computed: 30 },
  "cached_share": { cached: 0.75 },
  "cached_tiers": { host: 20 },
  "prefill_saved": { prompt: 100, computed: 25 },
  "kv_block_lifetime": { p50: 37.5, p95: 57.75, p99: 59.55 },
  "kv_block_idle": { p50: 25, p95: 38.5, p99: 39.7 },
  "kv_block_reuse": { p50: 12.5, p95: 19.25, p99: 19.85 },
  "engine_steps": { steps: 1 },
  "draft_positions": { "position 0": 0.8 },
  "draft_tokens": { proposed: 20, accepted: 12 },
  "gpu_flops": { compute: 3e12 },
  "gpu_memory_traffic": { read: 1e9 },
  "max_tokens": { mean: 500 },
  "request_n": { mean: 1 },
  "lora_adapters": { running: 2, waiting: 1, "--max-loras": 4 },
  "http_status": { "2xx": 3, "5xx": 1 },
  "http_handlers": { "/v1/completions": 3, "/v1/models": 1 },
  "http_duration": { "": 2 },
  "api_cpu": { "vllm-a": 0.4 },
  "api_memory": { "vllm-a": 2e9 },
  "open_files": { "vllm-a": 0.25 },
  uptime: { "vllm-a": 220 },
  "kv_fetch": { "in_progress": 3 },
  "nixl_failures": { "failed transfers": 0, "expired KV": 0.5 },
  "nixl_time": { p50: 0.025, p95: 0.0385, p99: 0.0397 },
  "nixl_throughput": { all: 4e6, "one transfer": 2e8 },
  "nixl_transfers": { transfers: 1 },
  "nixl_size": { p50: 5e6, p95: 7.7e6, p99: 7.94e6 },
  "nixl_post": { p50: 0.0025, p95: 0.00385, p99: 0.00397 },
  "nixl_descriptors": { p50: 125, p95: 192.5, p99: 198.5 },
  "offload_throughput": { load: 1e6 },
  "offload_bandwidth": { load: 1e8 },
  "offload_size": { load: 5e6 },
  "offload_lookup": { sync: 0.001985 },
  "offload_buffer": { all: 0.5 },
  "offload_failures": { skipped: 2 },
  "simple_offload_outcomes": { admitted: 2 },
  "simple_offload_loads": { blocks: 5 },
  "simple_offload_blocks": { pinned: 7 },
};

Deno.test("charts of what only some servers report show it", () => {
  const view = everything();
  for (const [id, lines] of Object.entries(LAST)) {
    const { series, note } = chartOf(view, id);
    assertEquals([id, note, series.map(({ name }) => name)], [id, "", Object.keys(lines)]);
    for (const { name, values } of series) {
      const expected = lines[name] ?? NaN;
      assertAlmostEquals(
        values.at(-1) ?? NaN,
        expected,
        Math.abs(expected) / 1_000,
        `${id} ${name}`,
      );
    }
  }
});

Deno.test("a server without them has none of these charts", () => {
  const history = new HistoryStore({ instances: ["vllm-a"] });
  // vLLM's Rust front end lists these at 0 without NIXL.
  const body = new TextEncoder().encode(
    "vllm:num_requests_running 1\n# TYPE vllm:nixl_num_failed_transfers counter\n" +
      "vllm:nixl_num_failed_transfers_total 0\n",
  );
  for (const seconds of [0, 2, 4]) {
    history.add({ instance: "vllm-a", timeMs: START_MS + 1_000 * seconds, body });
  }
  const view = look({ history, nowMs: START_MS + 4_000 });
  assert(Object.keys(LAST).every((id) => view.charts.every((chart) => chart.id !== id)));
  assertEquals(view.groups.map(({ id }) => id).includes("kv_transfer"), false);
});

Deno.test("bytes and FLOPs have the prefixes of their units", () => {
  assertEquals(formatValue(2e9, "bytes"), "2 GB");
  assertEquals(formatValue(4.25e6, "bytes/s"), "4.25 MB/s");
  assertEquals(formatValue(312e12, "FLOP/s"), "312 TFLOP/s");
  assertEquals(formatValue(999, "bytes"), "999 B");
});
