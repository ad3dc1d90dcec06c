/**
 * Charts of what only some servers report; each is left out where it is empty. Together with the
 * others they answer the panels of vLLM's own Grafana dashboards.
 */

import { add, divide, type Line } from "../line.ts";
import type { Scope } from "../scope.ts";
import { type ChartLine, type ChartRule, highest, linesBy, linesOf } from "./chart_rule.ts";

/** A chart: its id, title and unit, what it explains, and its lines. */
function chart(
  [id, title, unit]: readonly [id: string, title: string, unit: ChartRule["unit"]],
  [shows, normal, action]: readonly [shows: string, normal: string, action: string],
  read: ChartRule["read"],
  more: Partial<Pick<ChartRule, "kind" | "histogram" | "zeroIsNothing">> = {},
): ChartRule {
  return {
    id,
    title,
    unit,
    kind: "line",
    explanation: { shows, normal, action },
    inSomeVersions: true,
    onlyWhenPresent: true,
    read,
    select: highest,
    ...more,
  };
}

/** Percentiles of a histogram. */
function percentiles(
  names: Parameters<typeof chart>[0],
  about: Parameters<typeof chart>[1],
  histogram: string,
): ChartRule {
  return chart(names, about, (scope) => {
    const [p50, p95, p99] = scope.quantiles([0.5, 0.95, 0.99], histogram);
    return linesOf({ p50, p95, p99 });
  }, { histogram });
}

const STACKED = { kind: "stacked" } as const;
const SERVER = ["instance"];

/** Prompt tokens by where they came from, in words. */
const SOURCES: Readonly<Record<string, string>> = {
  "local_compute": "computed",
  "local_cache_hit": "prefix cache",
  "external_kv_transfer": "KV transfer",
};

/** The charts of cached prompts and of the life of KV blocks. */
export const MORE_CACHE_CHARTS: readonly ChartRule[] = [
  chart(
    ["prompt_sources", "Prompt tokens by source", "tokens/s"],
    [
      "Prompt tokens that prefill computed, that the prefix cache had, and that came from another " +
      "server or an external cache.",
      "Few computed tokens where prompts share a beginning.",
      "If a decode server computes its prompts, see KV transfer failures.",
    ],
    (scope) =>
      linesBy("source", scope.rates("prompt_tokens_by_source_total", ["source"]))
        .map(({ name, values }) => ({ name: SOURCES[name] ?? name, values })),
    { ...STACKED, zeroIsNothing: true },
  ),
  chart(
    ["cached_share", "Cached share of prompt tokens", "share"],
    [
      "Share of prompt tokens that needed no prefill: cached, or loaded from elsewhere.",
      "As the hit rate of the prefix cache.",
      "See the cache hit rates.",
    ],
    (scope) =>
      linesOf({ cached: scope.ratio("prompt_tokens_cached_total", "prompt_tokens_total") }),
  ),
  chart(
    ["cached_tiers", "Cached prompt tokens by tier", "tokens/s"],
    [
      "Prompt tokens by the tier that held them: device (GPU memory), host (CPU memory), disk, p2p " +
      "(another vLLM).",
      "Mostly device.",
      "Much from disk makes first tokens late: give the GPU or CPU tier more memory.",
    ],
    (scope) => linesBy("source", scope.rates("prompt_tokens_cached_by_source_total", ["source"])),
    { ...STACKED, zeroIsNothing: true },
  ),
  chart(
    ["prefill_saved", "Prompt and computed tokens per request", "tokens"],
    [
      "The mean length of a prompt, and how many of its tokens prefill had to compute.",
      "The gap is what caches save.",
      "See the cache hit rates.",
    ],
    (scope) =>
      linesOf({
        prompt: scope.mean("request_prompt_tokens"),
        computed: scope.mean("request_prefill_kv_computed_tokens"),
      }),
  ),
  percentiles(
    ["kv_block_lifetime", "KV block lifetime", "seconds"],
    [
      "Time from a block's allocation to its eviction (--kv-cache-metrics, sampled).",
      "Longer than the pauses of a conversation.",
      "If it is shorter, the KV cache is too small for its conversations.",
    ],
    "kv_block_lifetime_seconds",
  ),
  percentiles(
    ["kv_block_idle", "KV block idle time before eviction", "seconds"],
    [
      "How long an evicted block was not used.",
      "Long: what is evicted is no longer needed.",
      "If it is short, blocks in use are evicted: raise --gpu-memory-utilization or offload.",
    ],
    "kv_block_idle_before_evict_seconds",
  ),
  percentiles(
    ["kv_block_reuse", "KV block reuse gap", "seconds"],
    [
      "Time between two uses of a block.",
      "Shorter than the lifetime of blocks.",
      "If it is near the lifetime, more memory brings more hits.",
    ],
    "kv_block_reuse_gap_seconds",
  ),
];

const DRAFTS = "spec_decode_num_drafts_total";
const DRAFT_TOKENS = "spec_decode_num_draft_tokens_total";
const ACCEPTED = "spec_decode_num_accepted_tokens_total";

/** Share of drafts whose token at each position was accepted. */
function acceptedByPosition(scope: Scope): ChartLine[] {
  const drafts = scope.rate(DRAFTS);
  if (drafts === undefined) return [];
  return scope.rates("spec_decode_num_accepted_tokens_per_pos_total", ["position"])
    .map(({ labels, values }) => ({
      name: `position ${labels.position ?? ""}`,
      values: divide(values, drafts),
    }));
}

/** More charts of engine steps and of speculative decoding. */
export const MORE_SCHEDULER_CHARTS: readonly ChartRule[] = [
  chart(
    ["engine_steps", "Engine steps per second", "events/s"],
    [
      "How often the engine runs a step; each running request in decode gets a token per step.",
      "Steady under load.",
      "Fewer steps with more tokens each: long prompts hold up decode; lower " +
      "--max-num-batched-tokens.",
    ],
    (scope) => linesOf({ steps: scope.rate("iteration_tokens_total_count") }),
    { zeroIsNothing: true },
  ),
  chart(
    ["draft_positions", "Draft acceptance by position", "share"],
    [
      "Share of drafts whose token at each position was accepted.",
      "It falls with the position: a token is accepted only after all before it.",
      "If the last positions are near 0, lower num_speculative_tokens.",
    ],
    acceptedByPosition,
  ),
  chart(
    ["draft_tokens", "Draft tokens per second", "tokens/s"],
    [
      "Draft tokens proposed and accepted.",
      "Most are accepted.",
      "The gap is wasted work: see the draft acceptance rate.",
    ],
    (scope) => linesOf({ proposed: scope.rate(DRAFT_TOKENS), accepted: scope.rate(ACCEPTED) }),
    { zeroIsNothing: true },
  ),
];

/** The mean rate of the engines, as a counter per GPU has no meaningful sum. */
function ratePerEngine(scope: Scope, metric: string): Line | undefined {
  const lines = scope.rates(metric, ["instance", "engine"]).map(({ values }) => values);
  if (lines.length === 0) return undefined;
  const known = lines.map((line) => line.map((value) => value === null ? null : 1));
  return divide(add(lines), add(known));
}

/** The charts of the work of the GPUs. */
export const HARDWARE_CHARTS: readonly ChartRule[] = [
  chart(
    ["gpu_flops", "Estimated compute per GPU", "FLOP/s"],
    [
      "Floating point operations per second of each GPU, the mean of the engines, as vLLM estimates " +
      "them (--enable-mfu-metrics). By the GPU's peak it is the model FLOPs utilization (MFU).",
      "30 to 50% of the peak in prefill, far less in decode.",
      "Low with a queue: steps are small or memory is the limit; see tokens per engine step.",
    ],
    (scope) => linesOf({ compute: ratePerEngine(scope, "estimated_flops_per_gpu_total") }),
    { zeroIsNothing: true },
  ),
  chart(
    ["gpu_memory_traffic", "Estimated memory traffic per GPU", "bytes/s"],
    [
      "Bytes that each GPU reads from and writes to its memory, as vLLM estimates them.",
      "Near the GPU's bandwidth in decode.",
      "If reads are at the bandwidth, output is bound by memory: batch more, or quantize.",
    ],
    (scope) =>
      linesOf({
        read: ratePerEngine(scope, "estimated_read_bytes_per_gpu_total"),
        write: ratePerEngine(scope, "estimated_write_bytes_per_gpu_total"),
      }),
    { zeroIsNothing: true },
  ),
];

/** The charts of what requests ask for. */
export const REQUEST_PARAMETER_CHARTS: readonly ChartRule[] = [
  chart(
    ["max_tokens", "Requested max_tokens", "tokens"],
    [
      "The longest output that requests allow, the mean.",
      "Somewhat above the output length.",
      "Far above it: a client sets no limit. At it: see the finish reason length.",
    ],
    (scope) => linesOf({ mean: scope.mean("request_params_max_tokens") }),
  ),
  chart(
    ["request_n", "Requested outputs per prompt", "count"],
    [
      "The mean of the parameter n.",
      "1.",
      "Above 1 each request takes as many places in the batch.",
    ],
    (scope) => linesOf({ mean: scope.mean("request_params_n") }),
  ),
];

/** Names in a label such as `a,b`. */
function namesIn(text: string | undefined): number {
  return (text ?? "").split(",").filter((name) => name.trim() !== "").length;
}

/** LoRA adapters in use: each label set is there as long as it is the newest. */
function adapters(scope: Scope): ChartLine[] {
  const labels = ["running_lora_adapters", "waiting_lora_adapters", "max_lora", "instance"];
  const sets = scope.gauges("lora_requests_info", { by: labels, aggregate: "max" });
  if (sets.length === 0) return [];
  const sum = (countOf: (labels: Readonly<Record<string, string>>) => number): Line =>
    add(
      sets.map(({ labels, values }) =>
        values.map((value) => value === null ? null : countOf(labels))
      ),
    );
  return linesOf({
    running: sum((labels) => namesIn(labels.running_lora_adapters)),
    waiting: sum((labels) => namesIn(labels.waiting_lora_adapters)),
    "--max-loras": sum((labels) => Number(labels.max_lora) || 0),
  });
}

/** The charts of LoRA adapters. */
export const ADAPTER_CHARTS: readonly ChartRule[] = [
  chart(
    ["lora_adapters", "LoRA adapters", "count"],
    [
      "Adapters of running and of waiting requests, and how many fit into a batch (--max-loras).",
      "None waits.",
      "If some wait, raise --max-loras, or send each adapter to servers of its own.",
    ],
    adapters,
  ),
];

const HTTP = "http_requests_total";

/** Share of file descriptors in use. */
function openFiles(scope: Scope): ChartLine[] {
  const most = new Map(
    scope.gauges("process_max_fds", { by: SERVER }).map(({ labels, values }) => [
      labels.instance,
      values,
    ]),
  );
  return scope.gauges("process_open_fds", { by: SERVER }).map(({ labels, values }) => ({
    name: labels.instance ?? "",
    values: divide(values, most.get(labels.instance) ?? []),
  }));
}

/** Seconds since each server's start. */
function uptime(scope: Scope): ChartLine[] {
  const { times } = scope;
  const starts = scope.gauges("process_start_time_seconds", { by: SERVER, aggregate: "max" });
  return linesBy("instance", starts).map(({ name, values }) => ({
    name,
    values: values.map((start, index) =>
      start === null ? null : Math.max(0, (times[index] ?? start) - start)
    ),
  }));
}

/** The charts of the API server: its HTTP requests and its process. */
export const API_SERVER_CHARTS: readonly ChartRule[] = [
  chart(
    ["http_status", "HTTP requests by status", "requests/s"],
    [
      "HTTP requests per second by class of status; probes and scrapes are not counted.",
      "2xx.",
      "5xx: read vLLM's log. 4xx: clients send what vLLM refuses, such as too long prompts.",
    ],
    (scope) => linesBy("status", scope.rates(HTTP, ["status"])),
    STACKED,
  ),
  chart(
    ["http_handlers", "HTTP requests by handler", "requests/s"],
    ["HTTP requests per second by route.", "It follows what clients send.", "See the status."],
    (scope) => linesBy("handler", scope.rates(HTTP, ["handler"])),
    STACKED,
  ),
  chart(
    ["http_duration", "Mean HTTP duration by handler", "seconds"],
    [
      "The mean time of an HTTP request by route, with the whole streamed response.",
      "Near the end-to-end latency.",
      "Far above it: the API server is busy; see its CPU, and raise --api-server-count.",
    ],
    (scope) => linesBy("handler", scope.means("http_request_duration_seconds", ["handler"])),
  ),
  chart(
    ["api_cpu", "API server CPU", "cores"],
    [
      "CPU cores that the API server's process uses; engines and GPU workers are not included. " +
      "Not reported with several API servers.",
      "Below 1.",
      "At 1 it is the bottleneck: raise --api-server-count.",
    ],
    (scope) => linesBy("instance", scope.rates("process_cpu_seconds_total", SERVER)),
  ),
  chart(
    ["api_memory", "API server memory", "bytes"],
    ["Resident memory of the API server's process.", "Steady.", "If it only grows, report a leak."],
    (scope) => linesBy("instance", scope.gauges("process_resident_memory_bytes", { by: SERVER })),
  ),
  chart(
    ["open_files", "API server open files", "share"],
    [
      "Open file descriptors as a share of their limit; each client connection holds one.",
      "Below 50%.",
      "Near 100% new connections fail: raise ulimit -n.",
    ],
    openFiles,
  ),
  chart(
    ["uptime", "Uptime", "seconds"],
    ["Time since the start of the API server.", "It only grows.", "A fall is a restart."],
    uptime,
  ),
];

const [XFER, BYTES] = ["nixl_xfer_time_seconds", "nixl_bytes_transferred"];

const TRANSFER_CHARTS: readonly ChartRule[] = [
  chart(
    ["kv_fetch", "Requests waiting on KV loads", "requests"],
    [
      "Waiting requests of a decode server by the stage of their KV load.",
      "Few, and none for long.",
      "See the transfer time and failures.",
    ],
    (scope) => linesBy("stage", scope.gauges("num_requests_kv_fetch_by_stage", { by: ["stage"] })),
    STACKED,
  ),
  chart(
    ["nixl_failures", "KV transfer failures", "events/s"],
    [
      "Failed transfers and notifications of NIXL, requests whose KV blocks expired on the prefill " +
      "server, and notifications after that.",
      "0.",
      "Check the network between prefill and decode servers, and that both run the same version.",
    ],
    (scope) =>
      linesOf({
        "failed transfers": scope.rate("nixl_num_failed_transfers_total"),
        "failed notifications": scope.rate("nixl_num_failed_notifications_total"),
        "expired KV": scope.rate("nixl_num_kv_expired_reqs_total"),
        "late notifications": scope.rate("nixl_num_notifications_after_expiry_total"),
      }),
  ),
  percentiles(
    ["nixl_time", "KV transfer time", "seconds"],
    ["How long a NIXL transfer took.", "Far below the TTFT.", "See the throughput of transfers."],
    XFER,
  ),
  chart(
    ["nixl_throughput", "KV transfer throughput", "bytes/s"],
    [
      "Bytes transferred per second, and the bandwidth of a single transfer.",
      "Near the bandwidth of the network under load.",
      "If a transfer is far slower, check that UCX uses RDMA and the right NIC.",
    ],
    (scope) =>
      linesOf({
        all: scope.rate(`${BYTES}_sum`),
        "one transfer": scope.ratio(`${BYTES}_sum`, `${XFER}_sum`),
      }),
  ),
  chart(
    ["nixl_transfers", "KV transfers per second", "events/s"],
    ["Finished NIXL transfers.", "One per request or so.", "If it falls to 0, see the failures."],
    (scope) => linesOf({ transfers: scope.rate(`${XFER}_count`) }),
  ),
  percentiles(
    ["nixl_size", "Bytes per KV transfer", "bytes"],
    ["The size of a NIXL transfer.", "It follows the prompt length.", "See the prompt length."],
    BYTES,
  ),
  percentiles(
    ["nixl_post", "KV transfer post time", "seconds"],
    ["The time to post a transfer.", "Milliseconds.", "See the descriptors per transfer."],
    "nixl_post_time_seconds",
  ),
  percentiles(
    ["nixl_descriptors", "Descriptors per KV transfer", "count"],
    [
      "Memory descriptors per NIXL transfer.",
      "Steady.",
      "Many small ones make transfers slow: raise --block-size.",
    ],
    "nixl_num_descriptors",
  ),
  chart(
    ["offload_throughput", "KV offload throughput", "bytes/s"],
    [
      "Bytes loaded to the GPU from the offload medium, and stored there.",
      "Loads where prompts repeat.",
      "Stores without loads: offloading gains nothing here.",
    ],
    (scope) =>
      linesOf({
        load: scope.rate("kv_offload_load_bytes_total"),
        store: scope.rate("kv_offload_store_bytes_total"),
      }),
  ),
  chart(
    ["offload_bandwidth", "KV offload bandwidth", "bytes/s"],
    [
      "Bytes per second of transfer time.",
      "Near that of PCIe for CPU memory.",
      "Lower: see the transfer size.",
    ],
    (scope) =>
      linesOf({
        load: scope.ratio("kv_offload_load_bytes_total", "kv_offload_load_time_total"),
        store: scope.ratio("kv_offload_store_bytes_total", "kv_offload_store_time_total"),
      }),
  ),
  chart(
    ["offload_size", "Mean KV offload transfer size", "bytes"],
    ["The mean size of a load and of a store.", "Megabytes.", "Small ones waste bandwidth."],
    (scope) =>
      linesOf({
        load: scope.mean("kv_offload_load_size"),
        store: scope.mean("kv_offload_store_size"),
      }),
  ),
  chart(
    ["offload_lookup", "KV offload lookup time, p99", "seconds"],
    [
      "A lookup call, and the time until a deferred lookup has its answer.",
      "Milliseconds.",
      "If it is near the TTFT, the offload medium is too slow.",
    ],
    (scope) =>
      linesOf({
        sync: scope.quantile(0.99, "kv_offload_lookup_sync_delay_seconds"),
        async: scope.quantile(0.99, "kv_offload_lookup_async_delay_seconds"),
      }),
  ),
  chart(
    ["offload_buffer", "CPU offload buffer in use", "share"],
    [
      "Share of the CPU's KV cache that transfers hold; the fullest engine.",
      "Low.",
      "If it stays high, stores are dropped: give the buffer more memory.",
    ],
    (scope) =>
      linesOf({
        all: scope.gauge("kv_offload_cpu_cache_usage_perc", "max"),
        stores: scope.gauge("kv_offload_cpu_cache_write_usage_perc", "max"),
        loads: scope.gauge("kv_offload_cpu_cache_read_usage_perc", "max"),
      }),
  ),
  chart(
    ["offload_failures", "Failed and skipped offload stores", "events/s"],
    [
      "Stores without space, and those below the threshold of reuse.",
      "No failures.",
      "Failures: give the offload medium more space.",
    ],
    (scope) =>
      linesOf({
        failed: scope.rate("kv_offload_allocation_failure_total"),
        skipped: scope.rate("kv_offload_stores_skipped_total"),
      }),
  ),
  chart(
    ["simple_offload_outcomes", "Simple CPU offload: stores", "events/s"],
    ["Decisions on stores by their outcome.", "Mostly admitted.", "Rejected: the pool is full."],
    (scope) =>
      linesBy("outcome", scope.rates("simple_kv_offload_save_outcomes_total", ["outcome"])),
    STACKED,
  ),
  chart(
    ["simple_offload_loads", "Simple CPU offload: restored blocks", "events/s"],
    ["Blocks loaded back to the GPU.", "Above 0 where prompts repeat.", "0: it gains nothing."],
    (scope) => linesOf({ blocks: scope.rate("simple_kv_offload_load_blocks_total") }),
  ),
  chart(
    ["simple_offload_blocks", "Simple CPU offload: blocks in use", "count"],
    [
      "Blocks that transfers or hits hold, and those of pending stores.",
      "Pending ones come and go.",
      "If pending ones only grow, a transfer hangs.",
    ],
    (scope) =>
      linesOf({
        pinned: scope.gauge("simple_kv_offload_used_blocks"),
        pending: scope.gauge("simple_kv_offload_pending_store_blocks"),
      }),
  ),
];

/**
 * The charts of KV transfers and of offloading. vLLM's Rust front end lists NIXL's counters at 0
 * where it is not used.
 */
export const KV_TRANSFER_CHARTS: readonly ChartRule[] = TRANSFER_CHARTS.map((rule) => ({
  ...rule,
  zeroIsNothing: true,
}));
