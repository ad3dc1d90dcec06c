/** The service's own metrics, served at `/-/metrics`. */

import { DROP_REASONS, type DroppedLines } from "../exposition/dropped.ts";
import { addCount, type MetricsRegistry } from "./metrics_registry.ts";

/** What {@linkcode OwnMetrics} needs from outside. */
export interface OwnMetricsOptions {
  /** The version of the service. */
  readonly version: string;
  /** The version of the runtime. */
  readonly runtime: string;
  /** When the process began, in seconds since 1970. */
  readonly startSeconds: number;
  /** CPU time used so far, in seconds. */
  readonly cpuSeconds: () => number;
  /** Resident memory, in bytes. */
  readonly residentBytes: () => number;
}

/** One scrape that ended, well or not. */
export interface ScrapeRecord {
  /** The error code; undefined when the scrape went well. */
  readonly code: string | undefined;
  /** From the request to the last byte, in seconds. */
  readonly durationSeconds: number;
  /** Bytes that came from the server. */
  readonly upstreamBytes: number;
  /** Bytes that were handed out, before compression. */
  readonly replyBytes: number;
  /** Samples that were handed out. */
  readonly samples: number;
  /** The lines that were left out; undefined when none were read. */
  readonly dropped: DroppedLines | undefined;
}

/**
 * Counters and gauges of the service; one object a process, none global. They
 * are plain numbers until somebody asks for them: a scrape costs no look-up.
 */
export class OwnMetrics {
  /** Requests on `/metrics` being answered. */
  requestsInFlight = 0;
  /** Requests on `/metrics` refused because too many were being answered. */
  refused = 0;
  /** Replies broken off because their reader stood still. */
  evicted = 0;

  #scrapes = 0;
  #shared = 0;
  #upstreamBytes = 0;
  #replyBytes = 0;
  #last: ScrapeRecord | undefined;
  readonly #failures = new Map<string, number>();
  readonly #dropped = new Map<string, number>(Object.keys(DROP_REASONS).map((key) => [key, 0]));

  /**
   * Lists them, all at zero.
   *
   * @param registry Where they are listed.
   * @param options Versions, and where process figures come from.
   */
  constructor(registry: MetricsRegistry, options: OwnMetricsOptions) {
    this.#describeScrapes(registry);
    this.#describeRequests(registry);
    registry.info(
      { name: "vllm_metrics_build_info", help: "Always 1; the labels tell the build." },
      { version: options.version, "deno_version": options.runtime },
    );
    registry.gauge({
      name: "process_start_time_seconds",
      help: "Start time of the process since unix epoch in seconds.",
    }, () => options.startSeconds);
    registry.gauge({
      name: "process_resident_memory_bytes",
      help: "Resident memory size in bytes.",
    }, options.residentBytes);
    registry.counter({
      name: "process_cpu_seconds_total",
      help: "Total user and system CPU time spent in seconds.",
    }, options.cpuSeconds);
  }

  /** Counts a scrape that ended. */
  recordScrape(record: ScrapeRecord): void {
    this.#scrapes++;
    this.#upstreamBytes += record.upstreamBytes;
    this.#replyBytes += record.replyBytes;
    this.#last = record;
    if (record.code !== undefined) addCount(this.#failures, record.code, 1);
    for (const [reason, lines] of record.dropped?.entries() ?? []) {
      addCount(this.#dropped, reason, lines);
    }
  }

  /**
   * Counts a request that was answered by a scrape already under way.
   *
   * @param replyBytes Bytes of the answer.
   */
  recordShared(replyBytes: number): void {
    this.#shared++;
    this.#replyBytes += replyBytes;
  }

  #describeScrapes(registry: MetricsRegistry): void {
    registry.gauge({
      name: "vllm_metrics_upstream_up",
      help: "Whether the last scrape of vLLM went well.",
    }, () => this.#last === undefined ? undefined : Number(this.#last.code === undefined));
    registry.counter({
      name: "vllm_metrics_scrapes_total",
      help: "Scrapes of vLLM, failed ones included.",
    }, () => this.#scrapes);
    registry.counter({
      name: "vllm_metrics_scrapes_shared_total",
      help: "Requests on /metrics answered by a scrape that was under way for another one.",
    }, () => this.#shared);
    registry.counterBy(
      {
        name: "vllm_metrics_scrape_failures_total",
        help: "Scrapes of vLLM that failed, by what went wrong.",
      },
      "code",
      this.#failures,
    );
    registry.gauge({
      name: "vllm_metrics_scrape_duration_seconds",
      help: "How long the last scrape of vLLM took, to its last byte.",
    }, () => this.#last?.durationSeconds);
    registry.gauge({
      name: "vllm_metrics_scrape_samples",
      help: "Samples handed out by the last scrape.",
    }, () => this.#last?.samples);
    registry.counter({
      name: "vllm_metrics_upstream_bytes_total",
      help: "Bytes that came from vLLM.",
    }, () => this.#upstreamBytes);
    registry.counter({
      name: "vllm_metrics_reply_bytes_total",
      help: "Bytes of expositions handed out, before compression.",
    }, () => this.#replyBytes);
    registry.counterBy(
      {
        name: "vllm_metrics_dropped_lines_total",
        help: "Lines of vLLM's exposition that were left out, by reason.",
      },
      "reason",
      this.#dropped,
    );
  }

  #describeRequests(registry: MetricsRegistry): void {
    registry.gauge({
      name: "vllm_metrics_requests_in_flight",
      help: "Requests on /metrics being answered.",
    }, () => this.requestsInFlight);
    registry.counter({
      name: "vllm_metrics_requests_refused_total",
      help: "Requests on /metrics refused because too many were being answered.",
    }, () => this.refused);
    registry.counter({
      name: "vllm_metrics_slow_readers_dropped_total",
      help: "Replies broken off because their reader stood still and others waited.",
    }, () => this.evicted);
  }
}
