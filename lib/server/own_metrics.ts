/** The service's own metrics, served at `/-/metrics`. */

import { Counter, Gauge, Registry } from "prom-client";
import { DROP_REASONS, type DroppedLines } from "../exposition/dropped.ts";

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
  /** The error code; absent when the scrape went well. */
  readonly code?: string;
  /** From the request to the last byte, in seconds. */
  readonly durationSeconds: number;
  /** Bytes that came from the server. */
  readonly upstreamBytes: number;
  /** Bytes that were handed out, before compression. */
  readonly replyBytes: number;
  /** Samples that were handed out. */
  readonly samples: number;
  /** The lines that were left out. */
  readonly dropped?: DroppedLines;
}

/** Counters and gauges of the service; one object a process, none global. */
export class OwnMetrics {
  readonly #registry = new Registry();
  readonly #up = this.#gauge("upstream_up", "Whether the last scrape of vLLM went well.");
  readonly #scrapes = this.#counter("scrapes_total", "Scrapes of vLLM, failed ones included.");
  readonly #failures = this.#counter(
    "scrape_failures_total",
    "Scrapes of vLLM that failed, by what went wrong.",
    "code",
  );
  readonly #duration = this.#gauge(
    "scrape_duration_seconds",
    "How long the last scrape of vLLM took, to its last byte.",
  );
  readonly #samples = this.#gauge("scrape_samples", "Samples handed out by the last scrape.");
  readonly #upstreamBytes = this.#counter("upstream_bytes_total", "Bytes that came from vLLM.");
  readonly #replyBytes = this.#counter(
    "reply_bytes_total",
    "Bytes of expositions handed out, before compression.",
  );
  readonly #dropped = this.#counter(
    "dropped_lines_total",
    "Lines of vLLM's exposition that were left out, by reason.",
    "reason",
  );
  readonly #inFlight = this.#gauge("requests_in_flight", "Requests on /metrics being answered.");
  readonly #refused = this.#counter(
    "requests_refused_total",
    "Requests on /metrics refused because too many were being answered.",
  );
  readonly #evicted = this.#counter(
    "slow_readers_dropped_total",
    "Replies broken off because their reader stood still and others waited.",
  );

  /** @param options Versions, and where process figures come from. */
  constructor(options: OwnMetricsOptions) {
    this.#gauge("build_info", "Always 1; the labels tell the build.", "version", "deno_version")
      .set({ version: options.version, deno_version: options.runtime }, 1);
    for (const reason of Object.keys(DROP_REASONS)) this.#dropped.inc({ reason }, 0);
    this.#up.remove();
    this.#duration.remove();
    this.#samples.remove();
    this.#process(options);
  }

  /** Counts a scrape that ended. */
  recordScrape(record: ScrapeRecord): void {
    this.#scrapes.inc();
    this.#up.set(record.code === undefined ? 1 : 0);
    this.#duration.set(record.durationSeconds);
    this.#samples.set(record.samples);
    this.#upstreamBytes.inc(record.upstreamBytes);
    this.#replyBytes.inc(record.replyBytes);
    if (record.code !== undefined) this.#failures.inc({ code: record.code });
    for (const [reason, lines] of record.dropped?.entries() ?? []) {
      this.#dropped.inc({ reason }, lines);
    }
  }

  /** Sets how many requests on `/metrics` are being answered. */
  setInFlight(requests: number): void {
    this.#inFlight.set(requests);
  }

  /** Counts a request that was refused because too many were being answered. */
  countRefused(): void {
    this.#refused.inc();
  }

  /** Counts a reply that was broken off because its reader stood still. */
  countEvicted(): void {
    this.#evicted.inc();
  }

  /** All of it as text 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string, ...labelNames: string[]): Gauge {
    const registers = [this.#registry];
    return new Gauge({ name: `vllm_metrics_${name}`, help, labelNames, registers });
  }

  #counter(name: string, help: string, ...labelNames: string[]): Counter {
    const registers = [this.#registry];
    return new Counter({ name: `vllm_metrics_${name}`, help, labelNames, registers });
  }

  /** The names that every Prometheus client has for its process. */
  #process(options: OwnMetricsOptions): void {
    const registers = [this.#registry];
    new Gauge({
      name: "process_start_time_seconds",
      help: "Start time of the process since unix epoch in seconds.",
      registers,
    }).set(options.startSeconds);
    new Gauge({
      name: "process_resident_memory_bytes",
      help: "Resident memory size in bytes.",
      registers,
      collect(): void {
        this.set(options.residentBytes());
      },
    });
    new Counter({
      name: "process_cpu_seconds_total",
      help: "Total user and system CPU time spent in seconds.",
      registers,
      collect(): void {
        this.reset();
        this.inc(options.cpuSeconds());
      },
    });
  }
}
