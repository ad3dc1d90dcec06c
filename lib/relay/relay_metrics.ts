/** The metrics of the relay, listed at `/-/metrics`. */

import { STATUS_CODE } from "@std/http/status";
import { addCount, type MetricsRegistry } from "../metrics_registry.ts";
import {
  droppedPoints,
  PART_DROP_REASONS,
  POINT_DROP_REASONS,
  type RelayCounts,
} from "../otlp/counts.ts";

/** Bounds of the forward latency, in seconds: from a loopback to a timeout. */
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

  /** Registers all of them, at zero. */
  constructor(registry: MetricsRegistry) {
    const relay = "vllm_metrics_relay";
    const by = (name: string, label: string, counts: Map<string, number>, help: string): void =>
      registry.counterBy({ name, help }, label, counts);
    const counter = (name: string, read: () => number, help: string): void =>
      registry.counter({ name, help }, read);
    const requests = "OTLP requests answered, by HTTP status.";
    by(`${relay}_requests_total`, "code", this.#requests, requests);
    const points = "Data points of stored requests, including dropped ones, by kind.";
    by(`${relay}_points_total`, "kind", this.#points, points);
    const dropped = "Data points dropped because Parseable cannot store them, by reason.";
    by(`${relay}_points_dropped_total`, "reason", this.#pointsDropped, dropped);
    const parts = "Parts of data points dropped while the rest was stored, by reason.";
    by(`${relay}_parts_dropped_total`, "reason", this.#partsDropped, parts);
    const repaired =
      "Histogram points whose cumulative bucket counts were converted to counts per bucket.";
    counter(`${relay}_histograms_repaired_total`, () => this.#repaired, repaired);
    const unrepairable =
      "Histogram points whose bucket counts fit no convention; they were stored unchanged.";
    counter(`${relay}_histograms_unrepairable_total`, () => this.#unrepairable, unrepairable);
    const received = "Bytes of OTLP requests received, after decompression.";
    counter(`${relay}_received_bytes_total`, () => this.#received, received);
    const sent = "Bytes of JSON sent to Parseable, including repetitions.";
    counter(`${relay}_sent_bytes_total`, () => this.#sent, sent);
    const answers =
      "Responses of Parseable to what was sent, by HTTP status; none without a response.";
    by("vllm_metrics_parseable_answers_total", "code", this.#answers, answers);
    registry.gauge({
      name: "vllm_metrics_parseable_up",
      help: "Whether Parseable stored the last request sent to it.",
    }, () => this.#up);
    this.#observeLatency = registry.histogram({
      name: `${relay}_forward_duration_seconds`,
      help: "How long Parseable took to respond.",
    }, LATENCY_BUCKETS);
  }

  /** Counts a request that was answered. */
  countRequest(status: number, bytes: number): void {
    addCount(this.#requests, String(status), 1);
    this.#received += bytes;
  }

  /** Counts a body that was sent; `status` is undefined when Parseable did not respond. */
  countForward(seconds: number, bytes: number, status: number | undefined): void {
    this.#observeLatency(seconds);
    this.#sent += bytes;
    this.#up = Number(status === STATUS_CODE.OK);
    addCount(this.#answers, String(status ?? "none"), 1);
  }

  /** Counts the points of a request that was stored; gives how many of them were dropped. */
  countStored(counts: RelayCounts): number {
    for (const [kind, points] of Object.entries(counts.pointsByKind)) {
      addCount(this.#points, kind, points);
    }
    for (const [reason, dropped] of Object.entries(counts.droppedByReason)) {
      const isPoint = Object.hasOwn(POINT_DROP_REASONS, reason);
      addCount(isPoint ? this.#pointsDropped : this.#partsDropped, reason, dropped);
    }
    this.#repaired += counts.repaired;
    this.#unrepairable += counts.unrepairable;
    return droppedPoints(counts);
  }
}

function zeros(reasons: Readonly<Record<string, string>>): Map<string, number> {
  return new Map(Object.keys(reasons).map((reason) => [reason, 0]));
}
