/** What the relay counts; listed at `/-/metrics` beside the service's other metrics. */

import { STATUS_CODE } from "@std/http/status";
import { PART_DROP_REASONS, POINT_DROP_REASONS, type RelayCounts } from "../otlp/counts.ts";
import { addCount, type MetricsRegistry } from "../metrics_registry.ts";

/** Bounds of the forward latency, in seconds: from a loopback to a time-out. */
const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counters of the relay; one object a process. */
export class RelayMetrics {
  readonly #requests = new Map<string, number>();
  readonly #answers = new Map<string, number>();
  readonly #points = new Map<string, number>();
  readonly #pointsDropped = zeros(POINT_DROP_REASONS);
  readonly #partsDropped = zeros(PART_DROP_REASONS);
  readonly #observeLatency: (seconds: number) => void;
  #repaired = 0;
  #unrepairable = 0;
  #received = 0;
  #sent = 0;
  #up: number | undefined;

  /**
   * Lists them, all at zero.
   *
   * @param registry Where they are listed.
   */
  constructor(registry: MetricsRegistry) {
    registry.counterBy(
      {
        name: "vllm_metrics_relay_requests_total",
        help: "OTLP requests answered, by HTTP status.",
      },
      "code",
      this.#requests,
    );
    registry.counterBy(
      {
        name: "vllm_metrics_relay_points_total",
        help: "Data points of requests that were stored, dropped ones included, by kind.",
      },
      "kind",
      this.#points,
    );
    registry.counterBy(
      {
        name: "vllm_metrics_relay_points_dropped_total",
        help: "Data points taken out because Parseable cannot store them, by reason.",
      },
      "reason",
      this.#pointsDropped,
    );
    registry.counterBy(
      {
        name: "vllm_metrics_relay_parts_dropped_total",
        help: "Parts of data points taken out while the rest was stored, by reason.",
      },
      "reason",
      this.#partsDropped,
    );
    this.#describeBytes(registry);
    registry.gauge({
      name: "vllm_metrics_parseable_up",
      help: "Whether Parseable stored the last request that could be sent to it.",
    }, () => this.#up);
    registry.counterBy(
      {
        name: "vllm_metrics_parseable_answers_total",
        help: "Answers of Parseable to what was sent on, by HTTP status; none without an answer.",
      },
      "code",
      this.#answers,
    );
    this.#observeLatency = registry.histogram({
      name: "vllm_metrics_relay_forward_duration_seconds",
      help: "How long Parseable took to answer.",
    }, LATENCY_BUCKETS);
  }

  /** Counts a request that was answered. */
  countRequest(status: number, bytes: number): void {
    addCount(this.#requests, String(status), 1);
    this.#received += bytes;
  }

  /** Counts a body that was sent, and what Parseable answered; undefined when it did not answer. */
  countForward(seconds: number, bytes: number, answered: number | undefined): void {
    this.#observeLatency(seconds);
    this.#sent += bytes;
    this.#up = Number(answered === STATUS_CODE.OK);
    addCount(this.#answers, String(answered ?? "none"), 1);
  }

  /** Counts the points of a request that was stored. */
  countStored(counts: RelayCounts): void {
    for (const [kind, points] of Object.entries(counts.pointsByKind)) {
      addCount(this.#points, kind, points);
    }
    for (const [reason, dropped] of Object.entries(counts.droppedByReason)) {
      const isPoint = Object.hasOwn(POINT_DROP_REASONS, reason);
      addCount(isPoint ? this.#pointsDropped : this.#partsDropped, reason, dropped);
    }
    this.#repaired += counts.repaired;
    this.#unrepairable += counts.unrepairable;
  }

  #describeBytes(registry: MetricsRegistry): void {
    registry.counter({
      name: "vllm_metrics_relay_histograms_repaired_total",
      help: "Histogram points whose cumulative bucket counts were made counts per bucket.",
    }, () => this.#repaired);
    registry.counter({
      name: "vllm_metrics_relay_histograms_unrepairable_total",
      help:
        "Histogram points whose bucket counts fit no convention; they were stored as they came.",
    }, () => this.#unrepairable);
    registry.counter({
      name: "vllm_metrics_relay_received_bytes_total",
      help: "Bytes of OTLP requests received, without their content encoding.",
    }, () => this.#received);
    registry.counter({
      name: "vllm_metrics_relay_sent_bytes_total",
      help: "Bytes of JSON sent to Parseable, repetitions included.",
    }, () => this.#sent);
  }
}

function zeros(reasons: Readonly<Record<string, string>>): Map<string, number> {
  return new Map(Object.keys(reasons).map((reason) => [reason, 0]));
}

/** Sums what was taken out as whole points. */
export function droppedPoints(counts: RelayCounts): number {
  return Object.entries(counts.droppedByReason)
    .filter(([reason]) => Object.hasOwn(POINT_DROP_REASONS, reason))
    .reduce((sum, [, dropped]) => sum + dropped, 0);
}
