/**
 * A quarter of an hour of a small fleet, as texts: two models on two servers, one of them with two
 * engines of which one is taken away, restarts, a gap, other bounds on one engine, a time without
 * vLLM, and the pipeline's own metrics.
 */

/** A scrape of one server. */
export interface Scrape {
  /** When, in milliseconds since 1970. */
  readonly timeMs: number;
  /** A text of format 0.0.4, with names as they are in the stream. */
  readonly text: string;
}

const MINUTE_MS = 60_000;
/** 2026-11-24T10:00:00Z. */
const START_MS = 1_795_514_400_000;
const EVERY_MS = 10_000;
const MINUTES = 15;
/** When vLLM is away. */
const DOWN = { from: 12, to: 13 };

const LATENCY_BOUNDS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10];
const TTFT_BOUNDS = [0.001, 0.005, 0.01, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5];
/** What `--custom-histogram-buckets` could make of it. */
const OTHER_TTFT_BOUNDS = [0.05, 0.2, 0.6, 1, 4];
const TOKEN_BOUNDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2];

const LATENCIES: readonly [string, number][] = [
  ["e2e_request_latency_seconds", 2],
  ["request_queue_time_seconds", 0.4],
  ["request_prefill_time_seconds", 0.3],
  ["request_decode_time_seconds", 1.4],
];

/** Numbers from 0 to 1, the same ones at every run (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

type Labels = Readonly<Record<string, string>>;

/** Lines of a text, a family after the other. */
class Families {
  readonly #families = new Map<string, string[]>();

  add(type: string, family: string, name: string, labels: Labels, value: number): void {
    const lines = this.#families.get(family) ?? [`# HELP ${family} x`, `# TYPE ${family} ${type}`];
    this.#families.set(family, lines);
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
    lines.push(`${name}${pairs.length > 0 ? `{${pairs.join()}}` : ""} ${value}`);
  }

  text(): string {
    return [...this.#families.values()].flat().join("\n") + "\n";
  }
}

/** Observations so far. */
class Histogram {
  readonly #bounds: readonly number[];
  readonly #observed: number[] = [];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  observe(value: number): void {
    this.#observed.push(value);
  }

  write(families: Families, name: string, labels: Labels): void {
    for (const bound of [...this.#bounds, Infinity]) {
      const le = bound === Infinity ? "+Inf" : `${bound}`;
      const count = this.#observed.filter((value) => value <= bound).length;
      families.add("histogram", name, `${name}_bucket`, { ...labels, le }, count);
    }
    families.add(
      "histogram",
      name,
      `${name}_sum`,
      labels,
      this.#observed.reduce((a, b) => a + b, 0),
    );
    families.add("histogram", name, `${name}_count`, labels, this.#observed.length);
  }
}

/** One engine and its counters. */
class FakeEngine {
  readonly #labels: Labels;
  readonly #random: () => number;
  readonly #counters = new Map<string, number>();
  readonly #histograms = new Map<string, Histogram>();

  constructor(labels: Labels, random: () => number, ttftBounds = TTFT_BOUNDS) {
    this.#labels = labels;
    this.#random = random;
    this.#histograms.set("vllm_time_to_first_token_seconds", new Histogram(ttftBounds));
    for (const name of ["inter_token_latency_seconds", "request_time_per_output_token_seconds"]) {
      this.#histograms.set(`vllm_${name}`, new Histogram(TOKEN_BOUNDS));
    }
    for (const [name] of LATENCIES) {
      this.#histograms.set(`vllm_${name}`, new Histogram(LATENCY_BOUNDS));
    }
  }

  /** Serves some requests. */
  work(): void {
    const random = this.#random;
    for (let request = 0; request < Math.floor(random() * 6); request++) {
      const reason = random() < 0.8
        ? "stop"
        : random() < 0.5
        ? "length"
        : random() < 0.5
        ? "abort"
        : "error";
      this.#count("success", 1, reason);
      this.#count("prompt", Math.floor(random() * 900));
      this.#count("generation", Math.floor(random() * 300));
      this.#count("queries", 400);
      this.#count("hits", Math.floor(random() * 400));
      this.#count("drafts", 10);
      this.#count("drafted", 30);
      this.#count("accepted", 10 + Math.floor(random() * 15));
      this.#count("accepted", 0);
      this.#count("position", 8, "0");
      this.#count("position", Math.floor(random() * 8), "1");
      if (random() < 0.1) this.#count("preemptions", 1);
      this.#observe("time_to_first_token_seconds", random() ** 2 * 6);
      this.#observe("inter_token_latency_seconds", random() * 0.25);
      this.#observe("request_time_per_output_token_seconds", random() * 0.22);
      for (const [name, scale] of LATENCIES) this.#observe(name, random() * scale * 2);
    }
  }

  write(families: Families): void {
    const labels = this.#labels;
    const gauge = (name: string, value: number, more: Labels = {}) =>
      families.add("gauge", `vllm_${name}`, `vllm_${name}`, { ...labels, ...more }, value);
    const counter = (name: string, key: string, more: Labels = {}) =>
      families.add(
        "counter",
        `vllm_${name}`,
        `vllm_${name}`,
        { ...labels, ...more },
        this.#counters.get(key) ?? 0,
      );
    gauge("num_requests_running", Math.floor(this.#random() * 20));
    gauge("num_requests_waiting", 1 + Math.floor(this.#random() * 5));
    gauge("kv_cache_usage_perc", 0.9 + this.#random() / 11);
    for (const state of ["awake", "weights_offloaded", "discard_all"]) {
      gauge("engine_sleep_state", Number(state === "awake"), { sleep_state: state });
    }
    for (const reason of ["stop", "length", "abort", "error"]) {
      counter("request_success_total", `success ${reason}`, { finished_reason: reason });
    }
    counter("prompt_tokens_total", "prompt");
    counter("generation_tokens_total", "generation");
    counter("prefix_cache_queries_total", "queries");
    counter("prefix_cache_hits_total", "hits");
    counter("num_preemptions_total", "preemptions");
    counter("spec_decode_num_drafts_total", "drafts");
    counter("spec_decode_num_draft_tokens_total", "drafted");
    counter("spec_decode_num_accepted_tokens_total", "accepted");
    for (const position of ["0", "1"]) {
      counter("spec_decode_num_accepted_tokens_per_pos_total", `position ${position}`, {
        position,
      });
    }
    for (const [name, histogram] of this.#histograms) histogram.write(families, name, labels);
    const { model_name: _, ...own } = labels;
    families.add("gauge", "vllm_cache_config_info", "vllm_cache_config_info", {
      ...own,
      block_size: "16",
      num_gpu_blocks: "2048",
      cache_dtype: "auto",
      gpu_memory_utilization: "0.9",
      enable_prefix_caching: "True",
    }, 1);
  }

  #count(key: string, by: number, more = ""): void {
    const name = `${key} ${more}`.trim();
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by);
  }

  #observe(name: string, value: number): void {
    this.#histograms.get(`vllm_${name}`)?.observe(value);
  }
}

/**
 * Makes the scrapes.
 *
 * @param instance What the rows call the server; they name none without it.
 * @param seed What the random numbers come from.
 * @returns The scrapes of vLLM and of the pipeline.
 */
export function worldScrapes(instance?: string, seed = 1): Scrape[] {
  const random = randomNumbers(seed);
  const server: Labels = instance === undefined ? {} : { instance };
  const engineOf = (model: string, engine: string, bounds = TTFT_BOUNDS): FakeEngine =>
    new FakeEngine({ ...server, model_name: model, engine }, random, bounds);
  const first = [engineOf("org/a", "0"), engineOf("org/a", "1")];
  let second = engineOf("org/b", "0");
  const scrapes: Scrape[] = [];
  let failures = 0;
  for (let after = 0; after < MINUTES * MINUTE_MS; after += EVERY_MS) {
    const minute = after / MINUTE_MS;
    const isUp = minute < DOWN.from || minute >= DOWN.to;
    const timeMs = START_MS + after + 1_234;
    // One begins again with other bounds and many more requests than before, so that no count falls.
    if (minute === 1) {
      second = engineOf("org/b", "0", OTHER_TTFT_BOUNDS);
      for (let round = 0; round < 60; round++) second.work();
    }
    if (minute === 5.5) first[1] = engineOf("org/a", "1");
    if (minute === 6.5) second = engineOf("org/b", "0", OTHER_TTFT_BOUNDS);
    if (minute === 13.5) first.pop();
    for (const engine of [...first, second]) engine.work();
    if (isUp) {
      scrapes.push({ timeMs, text: textOf(first) });
      // The second server is not heard of for two minutes and a half.
      if (minute < 7.5 || minute >= 10) {
        scrapes.push({ timeMs: timeMs + 50, text: textOf([second], server) });
      }
    } else failures++;
    scrapes.push({
      timeMs: timeMs + 100,
      text: pipelineText(server, after / EVERY_MS, failures, isUp),
    });
  }
  return scrapes;
}

/** The text of engines, and of a stalled one beside them on the server that is named. */
function textOf(engines: readonly FakeEngine[], stalledOn?: Labels): string {
  const families = new Families();
  for (const engine of engines) engine.write(families);
  if (stalledOn !== undefined) {
    writeStalled(families, { ...stalledOn, model_name: "org/b", engine: "1" });
  }
  return families.text();
}

/** An engine that holds three requests and counts nothing. */
function writeStalled(families: Families, labels: Labels): void {
  const add = (type: string, name: string, value: number): void =>
    families.add(type, `vllm_${name}`, `vllm_${name}`, labels, value);
  add("gauge", "num_requests_running", 3);
  add("counter", "prompt_tokens_total", 700);
  add("counter", "generation_tokens_total", 40);
  const steps = new Histogram([8, 64]);
  for (let step = 0; step < 5; step++) steps.observe(12);
  steps.write(families, "vllm_iteration_tokens_total", labels);
}

/** What the proxy and Fluent Bit say of themselves. */
function pipelineText(server: Labels, scrapes: number, failures: number, isUp: boolean): string {
  const families = new Families();
  const own = (type: string, name: string, labels: Labels, value: number) =>
    families.add(type, name, name, labels, value);
  own("gauge", "vllm_metrics_upstream_up", server, Number(isUp));
  own("gauge", "vllm_metrics_parseable_up", {}, 1);
  own("counter", "vllm_metrics_scrapes_total", server, scrapes);
  for (const code of ["UPSTREAM_REFUSED", "UPSTREAM_TIMEOUT"]) {
    const count = code === "UPSTREAM_REFUSED" ? failures : 0;
    own("counter", "vllm_metrics_scrape_failures_total", { ...server, code }, count);
  }
  own("gauge", "vllm_metrics_scrape_duration_seconds", server, 0.01 + scrapes % 7 / 100);
  own("gauge", "vllm_metrics_scrape_samples", server, isUp ? 400 : 0);
  own(
    "counter",
    "vllm_metrics_dropped_lines_total",
    { reason: "malformed" },
    Math.floor(scrapes / 9),
  );
  own("counter", "vllm_metrics_relay_requests_total", { code: "200" }, scrapes);
  own("counter", "vllm_metrics_relay_requests_total", { code: "503" }, Math.floor(scrapes / 5));
  own("counter", "vllm_metrics_relay_points_dropped_total", { reason: "not_finite" }, scrapes * 2);
  own("counter", "vllm_metrics_relay_histograms_unrepairable_total", {}, Math.floor(scrapes / 20));
  const forward = new Histogram([0.005, 0.01, 0.1, 1]);
  for (let request = 0; request < scrapes; request++) forward.observe(request % 10 / 50);
  forward.write(families, "vllm_metrics_relay_forward_duration_seconds", {});
  own("gauge", "fluentbit_input_storage_chunks", { name: "vllm" }, scrapes % 4);
  own("counter", "fluentbit_output_retries_total", { name: "relay" }, Math.floor(scrapes / 5));
  own(
    "counter",
    "fluentbit_output_dropped_records_total",
    { name: "relay" },
    Math.floor(scrapes / 30),
  );
  own(
    "counter",
    "fluentbit_output_retries_failed_total",
    { name: "relay" },
    Math.floor(scrapes / 40),
  );
  return families.text();
}
