/** A vLLM made of plain numbers, for findings. */

/** What a vLLM does from one scrape to the next; latencies are those of each request, in seconds. */
export interface Load {
  readonly waiting?: number;
  readonly kvCache?: number;
  readonly preemptions?: number;
  readonly rejections?: number;
  readonly errors?: number;
  readonly aborts?: number;
  readonly running?: number;
  readonly deferred?: number;
  readonly prefixQueries?: number;
  readonly prefixHits?: number;
  readonly ttft?: number;
  readonly queue?: number;
  readonly prefill?: number;
  readonly tpot?: number;
  readonly interToken?: number;
}

const BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4];
/** Requests that end from one scrape to the next. */
export const REQUESTS = 20;

/** A fake vLLM whose counters grow by a load. */
export class FakeVllm {
  #counters = new Map<string, number>();
  #gauges = { running: 0, waiting: 0, kvCache: 0, deferred: 0 };

  /** Counts begin at zero again. */
  restart(): void {
    this.#counters = new Map();
  }

  /** Lets it do what it does until the next scrape. */
  live(load: Load): void {
    const {
      waiting = 0,
      kvCache = 0.5,
      preemptions = 0,
      rejections = 0,
      errors = 0,
      aborts = 0,
      running = 8,
      deferred = 0,
      prefixQueries = 1_000,
      prefixHits = 0.6,
      ttft = 0.2,
      queue = 0.01,
      prefill = 0.1,
      tpot = 0.02,
      interToken = 0.02,
    } = load;
    this.#gauges = { running, waiting, kvCache, deferred };
    this.#count("prompt_tokens_total", "", 900);
    this.#count("generation_tokens_total", "", 900);
    this.#count("prefix_cache_queries_total", "", prefixQueries);
    this.#count("prefix_cache_hits_total", "", prefixHits * prefixQueries);
    this.#count("num_preemptions_total", "", preemptions);
    this.#count("admission_rejections_total", ',reason="max_num_queued_reqs"', rejections);
    this.#count("request_success_total", ',finished_reason="stop"', REQUESTS - errors - aborts);
    this.#count("request_success_total", ',finished_reason="abort"', aborts);
    this.#count("request_success_total", ',finished_reason="error"', errors);
    const latencies = {
      "time_to_first_token_seconds": ttft,
      "request_queue_time_seconds": queue,
      "request_prefill_time_seconds": prefill,
      "request_time_per_output_token_seconds": tpot,
      "inter_token_latency_seconds": interToken,
    };
    for (const [name, value] of Object.entries(latencies)) {
      for (const bound of BOUNDS) {
        this.#count(`${name}_bucket`, `,le="${bound}"`, value <= bound ? REQUESTS : 0);
      }
      this.#count(`${name}_bucket`, ',le="+Inf"', REQUESTS);
      this.#count(`${name}_sum`, "", value * REQUESTS);
      this.#count(`${name}_count`, "", REQUESTS);
    }
  }

  /** Its exposition. */
  text(): string {
    const labels = 'model_name="m",engine="0"';
    const counters = [...this.#counters].map(([key, value]) => {
      const [name = "", more = ""] = key.split("|");
      return `vllm:${name}{${labels}${more}} ${value}\n`;
    });
    const { running, waiting, kvCache, deferred } = this.#gauges;
    return `vllm:num_requests_running{${labels}} ${running}\n` +
      `vllm:num_requests_waiting{${labels}} ${waiting}\n` +
      `vllm:kv_cache_usage_perc{${labels}} ${kvCache}\n` +
      `vllm:num_requests_waiting_by_reason{${labels},reason="deferred"} ${deferred}\n` +
      counters.join("");
  }

  #count(name: string, labels: string, by: number): void {
    const key = `${name}|${labels}`;
    this.#counters.set(key, (this.#counters.get(key) ?? 0) + by);
  }
}
