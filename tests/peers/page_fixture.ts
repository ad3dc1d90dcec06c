/** A hand-made view, and a service that sends it to browsers when a test says so. */

import { createAssets } from "../../lib/dashboard/assets.ts";
import type { Patch } from "../../lib/dashboard/patch.ts";
import type { Chart, Finding, FleetRow, Tile, View, ViewTarget } from "../../lib/dashboard/view.ts";

/** When all fixtures are computed, in milliseconds since 1970. */
export const NOW_MS = Date.parse("2026-03-04T12:00:00Z");
const POINTS = 150;
const STEP_SECONDS = 2;
const TIMES = Array.from(
  { length: POINTS },
  (_, index) => NOW_MS / 1_000 - (POINTS - 1 - index) * STEP_SECONDS,
);

/** A line that moves around a value, the same at each run; the gap has no values. */
function wave(
  middle: number,
  phase: number,
  gap: readonly [number, number] = [0, 0],
): (number | null)[] {
  return TIMES.map((_, index) =>
    index >= gap[0] && index < gap[1]
      ? null
      : middle * (1 + 0.25 * Math.sin(index / 9 + phase) + 0.08 * Math.sin(index * 1.7 + phase))
  );
}

/** A chart of lines. */
export function chart(id: string, changes: Partial<Chart> = {}): Chart {
  return {
    id,
    group: "all",
    title: `Chart ${id}`,
    unit: "seconds",
    thresholds: [],
    below: null,
    kind: "line",
    times: TIMES,
    series: [
      { name: "p50", values: wave(0.2, 0, [60, 75]) },
      { name: "p95", values: wave(0.45, 1, [60, 75]) },
      { name: "p99", values: wave(0.8, 2, [60, 75]) },
    ],
    explanation: {
      shows: "How long a client waits for the first token of its answer.",
      normal: "Well below your goal, and steady.",
      action: "Look at the queue: a long one means that the server is full.",
    },
    note: "",
    ...changes,
  };
}

/** A tile. */
export function tile(id: string, changes: Partial<Tile> = {}): Tile {
  return {
    id,
    title: `Tile ${id}`,
    unit: "requests/s",
    value: 12.34,
    below: null,
    limit: null,
    note: "",
    level: "none",
    trend: wave(10, id.length).filter((_, index) => index % 5 === 0),
    explanation: `What tile ${id} is, and when its level changes.`,
    ...changes,
  };
}

/** A server that is up. */
export function target(changes: Partial<ViewTarget> = {}): ViewTarget {
  return {
    instance: "vllm:8000",
    state: "up",
    detail: "",
    up: true,
    error: "",
    lastSuccessMs: NOW_MS - 1_000,
    sinceMs: NOW_MS - 3_600_000,
    ...changes,
  };
}

/** A finding. */
export const FINDING: Finding = {
  id: "memory_bound",
  level: "bad",
  title: "Requests wait because the KV cache is full",
  why: "18 requests wait and the cache is 99.2% full.",
  action: "Lower --max-model-len or give vLLM more memory with --gpu-memory-utilization.",
  scope: { instances: ["vllm:8000"], engines: [], models: ["Qwen/Qwen3-8B"] },
  sinceMs: NOW_MS - 240_000,
  trend: "worse",
  evidence: [{
    id: "slow_queue",
    title: "First tokens are slow",
    why: "TTFT p95 is 8.8 s, 15% are within the SLO.",
  }],
  flag: "--gpu-memory-utilization 0.95",
  link: "https://docs.vllm.ai/en/stable/configuration/optimization/",
};

/** A row of the fleet table. */
export function fleetRow(instance: string, changes: Partial<FleetRow> = {}): FleetRow {
  return {
    instance,
    state: "up",
    engine: "vLLM",
    model: "Qwen/Qwen3-8B",
    version: "0.32.0",
    running: 12,
    waiting: 0,
    kvCache: 0.41,
    kvTokens: 41_000,
    kvCapacity: 100_000,
    ttft: 0.21,
    itl: 0.018,
    tokens: 812,
    errors: 0,
    uptime: 93_000,
    outliers: [],
    ...changes,
  };
}

const BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000].map(String);
const HEAT = BUCKETS.map((name, bucket) => ({
  name,
  values: TIMES.map((_, index) =>
    Math.max(0, Math.round(40 * Math.exp(-((bucket - 5 - 2 * Math.sin(index / 20)) ** 2) / 3) - 2))
  ),
}));

const TILES = [
  tile("requests", { title: "Requests", value: 12.34 }),
  tile("prompt_tokens", { title: "Input tokens", unit: "tokens/s", value: 8_421 }),
  tile("generation_tokens", { title: "Output tokens", unit: "tokens/s", value: 1_236 }),
  tile("running", { title: "Running", unit: "requests", value: 48 }),
  tile("waiting", { title: "Waiting", unit: "requests", value: 18, level: "bad" }),
  tile("kv_cache", { title: "KV cache", unit: "share", value: 0.953, level: "warn" }),
  tile("prefix_hits", { title: "Prefix-cache hits", unit: "share", value: 0.412 }),
  tile("ttft_p95", {
    title: "TTFT p95",
    unit: "seconds",
    value: 0.451,
    level: "good",
    limit: 1,
    trend: wave(0.45, 1).filter((_, index) => index % 5 === 0),
  }),
  tile("itl_p95", { title: "Inter-token p95", unit: "seconds", value: 0.0243, level: "good" }),
  tile("e2e_p95", { title: "End-to-end p95", unit: "seconds", value: 14.24 }),
  tile("success", { title: "Success", unit: "share", value: 1, level: "good" }),
  tile("preemptions", { title: "Preemptions", unit: "events/s", value: 0.012, level: "warn" }),
  tile("goals", {
    title: "Within goals",
    unit: "share",
    value: null,
    note: "no traffic",
    trend: [null, null],
  }),
];

const CHARTS = [
  chart("ttft", {
    title: "Time to first token",
    thresholds: [{ value: 1, name: "SLO_TTFT", level: "warn" }],
  }),
  chart("tokens", {
    title: "Tokens",
    unit: "tokens/s",
    kind: "stacked",
    series: [{ name: "input", values: wave(8_400, 0, [60, 75]) }, {
      name: "output",
      values: wave(1_236, 2, [60, 75]),
    }],
  }),
  chart("queue", {
    title: "Requests",
    unit: "requests",
    series: [{ name: "running", values: wave(48, 0) }, { name: "waiting", values: wave(18, 2) }],
  }),
  chart("kv", {
    title: "KV cache",
    unit: "share",
    remark: "engine 1 is unlike the others",
    series: [{ name: "engine 0", values: wave(0.75, 0) }],
  }),
  chart("lengths", { title: "Prompt lengths", unit: "count", kind: "heatmap", series: HEAT }),
  chart("spec", {
    title: "Speculative decoding",
    unit: "share",
    note: "no traffic",
    series: [{ name: "accepted", values: TIMES.map(() => null) }],
  }),
];

/** A view with all kinds of things in it. */
export function view(changes: Partial<View> = {}): View {
  return {
    version: "0.1.0",
    timeMs: NOW_MS,
    selection: {},
    windowSeconds: 300,
    fromMs: NOW_MS - 300_000,
    toMs: NOW_MS,
    isLive: true,
    rangeSeconds: 60,
    windows: [300, 900, 3_600, 21_600, 86_400],
    recordedSinceMs: NOW_MS - 7_200_000,
    targets: [target()],
    models: ["Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B-Instruct"],
    engines: ["0", "1"],
    instances: ["vllm:8000"],
    tiles: TILES,
    charts: CHARTS,
    status: { state: "healthy", level: "good", text: "Healthy", sinceMs: NOW_MS - 3_600_000 },
    findings: [],
    incidents: [],
    signals: [
      {
        id: "traffic",
        title: "Traffic",
        level: "none",
        tiles: ["requests", "generation_tokens", "prompt_tokens", "running"],
      },
      { id: "errors", title: "Errors", level: "good", tiles: ["success", "goals"] },
      {
        id: "latency",
        title: "Latency",
        level: "good",
        tiles: ["ttft_p95", "itl_p95", "e2e_p95"],
      },
      {
        id: "saturation",
        title: "Saturation",
        level: "bad",
        tiles: ["kv_cache", "waiting", "preemptions", "prefix_hits"],
      },
    ],
    fleet: [],
    groups: [{ id: "all", title: "All" }],
    markers: [],
    cost: null,
    budgets: [],
    ...changes,
  };
}

/** A service that sends what a test gives it. */
export class PageFixture implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #open = new Set<ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>>();
  readonly #assets = createAssets([]);
  #view: View;
  /** What the API answers instead of a view; undefined for nothing. */
  refusal: { readonly message: string; readonly hint: string } | undefined;
  /** What the explorer answers. */
  explorer: (query: URLSearchParams) => unknown = () => ({ families: [] });
  /** Paths with query of all requests so far. */
  readonly requests: string[] = [];

  /** Listens; a port says where, 0 anywhere. */
  constructor(first: View, port = 0) {
    this.#view = first;
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port,
      automaticCompression: true,
      onListen(): void {},
    }, (request) => this.#answer(request));
  }

  /** Its address. */
  get origin(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** How many pages follow it. */
  get followers(): number {
    return this.#open.size;
  }

  /** Sends a view to all that follow, and to those who come. */
  send(next: View): void {
    this.#view = next;
    for (const stream of this.#open) stream.enqueue(this.#event());
  }

  /** Sends what changed since the last view. */
  change(patch: Patch): void {
    const event = `event: change\ndata: ${JSON.stringify(patch)}\n\n`;
    for (const stream of this.#open) stream.enqueue(new TextEncoder().encode(event));
  }

  #event(): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(`event: view\ndata: ${JSON.stringify(this.#view)}\n\n`);
  }

  #answer(request: Request): Response {
    const { pathname, search } = new URL(request.url);
    this.requests.push(pathname + search);
    if (pathname === "/") return this.#assets.page(request);
    if (pathname.startsWith("/api/") && this.refusal !== undefined) {
      return Response.json({ error: { code: "REQUEST_INVALID", ...this.refusal } }, {
        status: 400,
      });
    }
    if (pathname === "/api/v1/view") return Response.json(this.#view);
    if (pathname === "/api/v1/explore") {
      return Response.json(this.explorer(new URL(request.url).searchParams));
    }
    if (pathname === "/api/v1/events") return this.#events();
    return this.#assets.routes[pathname]?.(request) ?? new Response(null, { status: 404 });
  }

  #events(): Response {
    let stream: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        stream = controller;
        this.#open.add(controller);
        controller.enqueue(this.#event());
      },
      cancel: () => {
        if (stream !== undefined) this.#open.delete(stream);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  /** Closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#open) stream.close();
    this.#open.clear();
    await this.#server.shutdown();
  }
}
