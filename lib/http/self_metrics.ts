/** The service's own metrics, served at `/-/metrics`. */

import { DROP_REASONS, type DroppedLines } from "../exposition/dropped.ts";
import { addCount, type LabelledValue, type MetricsRegistry } from "../metrics_registry.ts";

/** What {@linkcode SelfMetrics} need. */
export type SelfMetricsOptions = {
  readonly version: string;
  readonly runtime: string;
  /** When the process began, in seconds since 1970. */
  readonly startSeconds: number;
  /** CPU time used so far, in seconds. */
  readonly cpuSeconds: () => number;
  /** Resident memory, in bytes. */
  readonly residentBytes: () => number;
};

/** One scrape that ended, successfully or not. */
export type ScrapeRecord = {
  /** The error code; undefined when the scrape succeeded. */
  readonly code: string | undefined;
  /** From the request to the last byte, in seconds. */
  readonly durationSeconds: number;
  readonly upstreamBytes: number;
  readonly samples: number;
  /** The lines that were left out; undefined when none were read. */
  readonly dropped: DroppedLines | undefined;
};

/** What is counted of one server. */
class ServerFigures {
  scrapes = 0;
  upstreamBytes = 0;
  last: ScrapeRecord | undefined;
  readonly failures = new Map<string, number>();
}

/** Counters and gauges of the service; one object per process, none global. */
export class SelfMetrics {
  /** Requests on `/metrics` being answered. */
  requestsInFlight = 0;
  /** Requests on `/metrics` refused because too many were being answered. */
  refused = 0;
  /** Responses dropped because their client did not read. */
  evicted = 0;
  /** Bytes of expositions that were handed out, before compression. */
  replyBytes = 0;
  /** Requests that were answered by a scrape under way for another one. */
  shared = 0;

  readonly #servers = new Map<string, ServerFigures>();
  readonly #dropped = new Map<string, number>(Object.keys(DROP_REASONS).map((key) => [key, 0]));

  /** Registers them, all at zero. */
  constructor(registry: MetricsRegistry, options: SelfMetricsOptions) {
    const { version, runtime, startSeconds, cpuSeconds, residentBytes } = options;
    const gauge = (name: string, help: string, read: () => number): void =>
      registry.gauge({ name, help }, read);
    const counter = (name: string, help: string, read: () => number): void =>
      registry.counter({ name, help }, read);
    this.#registerServers(registry);
    counter(
      "vllm_metrics_scrapes_shared_total",
      "Requests to /metrics answered by a scrape in progress for another one.",
      () => this.shared,
    );
    counter(
      "vllm_metrics_reply_bytes_total",
      "Bytes of expositions sent, before compression.",
      () => this.replyBytes,
    );
    const name = "vllm_metrics_dropped_lines_total";
    const help = "Lines of vLLM's exposition that were dropped, by reason.";
    registry.counterBy({ name, help }, "reason", this.#dropped);
    gauge(
      "vllm_metrics_requests_in_flight",
      "Requests to /metrics in progress.",
      () => this.requestsInFlight,
    );
    counter(
      "vllm_metrics_requests_refused_total",
      "Requests to /metrics refused because too many were in progress.",
      () => this.refused,
    );
    counter(
      "vllm_metrics_slow_readers_dropped_total",
      "Responses aborted because their client did not read and others waited.",
      () => this.evicted,
    );
    registry.labelled({
      name: "vllm_metrics_build_info",
      help: "Always 1; the labels have the version of the build.",
      type: "gauge",
      labels: ["version", "deno_version"],
    }, () => [[[version, runtime], 1]]);
    gauge(
      "process_start_time_seconds",
      "Start time of the process since unix epoch in seconds.",
      () => startSeconds,
    );
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", residentBytes);
    counter(
      "process_cpu_seconds_total",
      "Total user and system CPU time spent in seconds.",
      cpuSeconds,
    );
  }

  /** Adds a server, all at zero. */
  addServer(instance: string): void {
    this.#servers.set(instance, new ServerFigures());
  }

  /** Removes a server. */
  removeServer(instance: string): void {
    this.#servers.delete(instance);
  }

  /** Counts a scrape that ended. */
  recordScrape(instance: string, record: ScrapeRecord): void {
    this.recordDropped(record.dropped);
    const server = this.#servers.get(instance);
    if (server === undefined) return;
    server.scrapes++;
    server.upstreamBytes += record.upstreamBytes;
    server.last = record;
    if (record.code !== undefined) addCount(server.failures, record.code, 1);
  }

  /** Counts lines that were left out. */
  recordDropped(dropped: DroppedLines | undefined): void {
    for (const [reason, lines] of dropped?.entries() ?? []) {
      addCount(this.#dropped, reason, lines);
    }
  }

  #registerServers(registry: MetricsRegistry): void {
    const servers = this.#servers;
    const byServer = (
      name: string,
      help: string,
      read: (server: ServerFigures) => number | undefined,
    ): void => {
      const type = name.endsWith("_total") ? "counter" : "gauge";
      registry.labelled(
        { name, help, type, labels: ["instance"] },
        function* (): Iterable<LabelledValue> {
          for (const [instance, server] of servers) {
            const value = read(server);
            if (value !== undefined) yield [[instance], value];
          }
        },
      );
    };
    byServer(
      "vllm_metrics_upstream_up",
      "Whether the last scrape of vLLM succeeded.",
      ({ last }) => last && Number(last.code === undefined),
    );
    byServer(
      "vllm_metrics_scrapes_total",
      "Scrapes of vLLM, including failed ones.",
      ({ scrapes }) => scrapes,
    );
    registry.labelled(
      {
        name: "vllm_metrics_scrape_failures_total",
        help: "Scrapes of vLLM that failed, by error code.",
        type: "counter",
        labels: ["instance", "code"],
      },
      () =>
        [...servers].flatMap(([instance, { failures }]) =>
          Array.from(failures, ([code, count]): LabelledValue => [[instance, code], count])
        ),
    );
    byServer(
      "vllm_metrics_scrape_duration_seconds",
      "How long the last scrape of vLLM took, to its last byte.",
      ({ last }) => last?.durationSeconds,
    );
    byServer(
      "vllm_metrics_scrape_samples",
      "Samples sent by the last scrape.",
      ({ last }) => last?.samples,
    );
    byServer(
      "vllm_metrics_upstream_bytes_total",
      "Bytes received from vLLM.",
      ({ upstreamBytes }) => upstreamBytes,
    );
  }
}
