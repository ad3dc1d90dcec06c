/** Pushes the metrics of all servers, and the service's own, to an OTLP/HTTP receiver. */

import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { PushConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { addCount, type MetricsRegistry } from "../metrics_registry.ts";
import { type Client, createClient, type Reply } from "../net/client.ts";
import { NetError } from "../net/net_error.ts";
import { droppedPoints } from "../otlp/counts.ts";
import { type Body, encodeMetrics } from "../otlp/encode.ts";
import { ExportMetricsServiceResponse } from "../otlp/gen/metrics.ts";
import { CONTENT_TYPE, type OtlpEncoding } from "../otlp/http.ts";
import { wordsOf } from "../parseable/exchange.ts";
import { type PushRequest, Queue } from "./queue.ts";
import type { OtlpSource } from "./source.ts";

/** Statuses after which a request is sent again (OTLP 1.x, "Retryable Response Codes"). */
const RETRYABLE: readonly number[] = [429, 502, 503, 504];
/** Parseable 2.9.5 sends it when it reads a request too late. */
const TOO_LATE = 408;
/** The first pause after a failure, and the longest, in milliseconds. */
const BACKOFF_MS = { first: 1_000, most: 60_000 };
/** The longest pause that a receiver may ask for, in milliseconds. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** Bytes of an answer that are read. */
const MAX_ANSWER_BYTES = 65_536;
/** Why points did not arrive; the values of a label. */
const LOSSES = "invalid refused rejected queue_full too_old queue_failed stopped".split(" ");

/** What {@linkcode Push} works with. */
export interface PushOptions {
  /** Where to, and how often. */
  readonly config: PushConfig;
  /** What is pushed. */
  readonly source: OtlpSource;
  /** The service's own metrics; those of the push are added. */
  readonly registry: MetricsRegistry;
  /** Gets a line when sending begins to fail, and when it works again. */
  readonly log: Logger;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** What became of a request; a pause in milliseconds when the receiver asked for one. */
type Outcome =
  | { readonly kind: "stored" }
  | { readonly kind: "refused" | "failed"; readonly reason: string; readonly pauseMs?: number };

/** Scrapes, queues and sends until it is stopped; what a file holds is sent at the next start. */
export class Push implements Disposable {
  readonly #options: PushOptions;
  readonly #client: Client;
  readonly #queue: Queue;
  /** Ends scrapes and pauses. */
  readonly #stopping = new AbortController();
  /** Ends the request that is being sent. */
  readonly #stop = new AbortController();
  readonly #lost = new Map<string, number>(LOSSES.map((reason) => [reason, 0]));
  #sent = 0;
  #isUp = true;
  #isQueueUp = true;
  #added = Promise.withResolvers<void>();
  #sender = Promise.resolve();

  /**
   * Opens the queue; begins with {@linkcode start}.
   *
   * @throws {MetricsError} When the certificates cannot be used.
   */
  constructor(options: PushOptions) {
    this.#options = options;
    this.#client = createTlsClient(options.config);
    this.#queue = this.#open();
    this.#register();
  }

  /** Begins to scrape and to send. */
  start(): void {
    void this.#repeat(() => this.#scrape());
    this.#sender = this.#repeat(() => this.#send());
  }

  /** Scrapes no more, and sends what is queued until a request fails or the time is over. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping.abort();
    this.#added.resolve();
    const { signal } = this.#stop;
    await Promise.race([this.#sender, delay(timeoutMs, undefined, { signal }).catch(() => {})]);
    if (signal.aborted) return;
    const { length: requests, points } = this.#queue;
    if (requests === 0) return;
    const { log, config: { label: receiver } } = this.#options;
    if (this.#queue.isFile) log.info("Metrics stay in the push queue", { receiver, requests });
    else {
      addCount(this.#lost, "stopped", points);
      log.warn("Metrics were lost with the push queue in memory", { receiver, requests, points });
    }
  }

  /** Stops at once. */
  [Symbol.dispose](): void {
    this.#stopping.abort();
    this.#stop.abort();
    this.#added.resolve();
    this.#client[Symbol.dispose]();
    this.#queue[Symbol.dispose]();
  }

  /** A queue file that cannot be used is no reason to stop `/metrics`. */
  #open(): Queue {
    const { config: { queueFile: path }, log } = this.#options;
    const onLost = (reason: string, points: number): void => addCount(this.#lost, reason, points);
    if (path === undefined) return new Queue({ onLost });
    try {
      return new Queue({ path, onLost });
    } catch (error) {
      log.error("The push queue is in memory only", {
        error: `Cannot use OTLP_QUEUE_FILE "${path}": ${textOf(error)}`,
        hint: "Does another copy use it, and may the service write there?",
      });
      return new Queue({ onLost });
    }
  }

  async #repeat(action: () => Promise<void>): Promise<void> {
    do {
      try {
        await action();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#options.log.error("Cannot push", { error: textOf(error) });
        await this.#pause(BACKOFF_MS.first);
      }
    } while (!this.#stopping.signal.aborted);
  }

  /** Waits; returns early when it is to stop. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }

  /** Scrapes all servers, queues what they expose, and waits for the next time. */
  async #scrape(): Promise<void> {
    const { config: { intervalMs }, source, log } = this.#options;
    const { signal } = this.#stopping;
    const startedMs = performance.now();
    const { request, counts, timeMs } = await source.scrape(signal);
    addCount(this.#lost, "invalid", droppedPoints(counts));
    const bodies = encodeMetrics(request, counts, { encoding: this.#encoding });
    const requests = Array.from(bodies, (body) => this.#requestOf(body));
    if (signal.aborted) return;
    try {
      this.#queue.add(requests, timeMs);
      if (!this.#isQueueUp) log.info("The push queue works again");
      this.#isQueueUp = true;
    } catch (error) {
      for (const { points } of requests) addCount(this.#lost, "queue_failed", points);
      if (this.#isQueueUp) log.error("Cannot queue metrics to push", { error: textOf(error) });
      this.#isQueueUp = false;
    }
    this.#added.resolve();
    await this.#pause(Math.max(0, intervalMs - (performance.now() - startedMs)));
  }

  get #encoding(): OtlpEncoding {
    return this.#options.config.protocol === "http/json" ? "json" : "protobuf";
  }

  #requestOf({ bytes, points }: Body): PushRequest {
    const { isCompressed } = this.#options.config;
    return {
      body: isCompressed ? new Uint8Array(gzipSync(bytes)) : bytes,
      type: CONTENT_TYPE[this.#encoding],
      coding: isCompressed ? "gzip" : "",
      points,
    };
  }

  /** Sends what is queued, oldest first, until it is to stop; a request that fails is sent again. */
  async #send(): Promise<void> {
    const { config, log, now } = this.#options;
    const { signal } = this.#stopping;
    for (let failures = 0;;) {
      this.#added = Promise.withResolvers();
      const request = this.#queue.first(now());
      if (request === undefined) {
        if (signal.aborted) return;
        await this.#added.promise;
        continue;
      }
      const outcome = await this.#post(request);
      if (this.#stop.signal.aborted) return;
      if (outcome.kind === "failed") {
        if (this.#isUp) {
          log.warn("Cannot push metrics", { receiver: config.label, error: outcome.reason });
        }
        this.#isUp = false;
        if (signal.aborted) return;
        const backoff = Math.min(BACKOFF_MS.first * 2 ** failures++, BACKOFF_MS.most);
        // Half of it by chance, so that many senders do not come back at once.
        await this.#pause(Math.max(backoff * (1 + Math.random()) / 2, outcome.pauseMs ?? 0));
        continue;
      }
      this.#queue.remove(request.id);
      failures = 0;
      if (outcome.kind === "refused") {
        addCount(this.#lost, "refused", request.points);
        log.error("Metrics were refused", { receiver: config.label, error: outcome.reason });
        continue;
      }
      this.#sent += request.points;
      if (!this.#isUp) log.info("Metrics are pushed again", { receiver: config.label });
      this.#isUp = true;
    }
  }

  async #post({ body, type, coding }: PushRequest): Promise<Outcome> {
    const { config } = this.#options;
    const headers = new Headers({ "content-type": type, "accept-encoding": "identity" });
    if (coding !== "") headers.set("content-encoding", coding);
    for (const [name, value] of config.headers) headers.set(name, value.reveal());
    try {
      const reply = await this.#client.request(config.url, {
        method: "POST",
        headers,
        body,
        timeoutMs: config.timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal: this.#stop.signal,
      });
      return await this.#judge(reply);
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      return { kind: "failed", reason: error.message };
    }
  }

  async #judge({ status, headers, body }: Reply): Promise<Outcome> {
    const isStored = status >= 200 && status < 300;
    // The status says enough when the rest of the answer does not arrive.
    const bytes = await body.bytes().catch(() => new Uint8Array());
    if (isStored) {
      this.#noteRejected(bytes, headers.get("content-type") ?? "");
      return { kind: "stored" };
    }
    const { config, now } = this.#options;
    const words = wordsOf(bytes);
    const isSecret = config.headers.some(([, value]) => words.includes(value.reveal()));
    const reason = `it answered ${status}${words === "" || isSecret ? "" : `: ${words}`}`;
    if (!RETRYABLE.includes(status) && !(config.isParseable && status === TOO_LATE)) {
      return { kind: "refused", reason };
    }
    return { kind: "failed", reason, pauseMs: retryAfterMs(headers.get("retry-after"), now()) };
  }

  /** A receiver may store a part of a request; the rest is not sent again. */
  #noteRejected(bytes: Uint8Array, type: string): void {
    const { rejected, message } = partialSuccess(bytes, type);
    if (rejected === 0 && message === "") return;
    addCount(this.#lost, "rejected", rejected);
    this.#sent -= rejected;
    this.#options.log.warn("The receiver rejected points", {
      receiver: this.#options.config.label,
      points: rejected,
      error: message,
    });
  }

  #register(): void {
    const { registry } = this.#options;
    const gauge = (name: string, read: () => number, help: string): void =>
      registry.gauge({ name: `vllm_metrics_push_${name}`, help }, read);
    const up = "Whether the receiver took the last request; absent when the push is off.";
    gauge("up", () => Number(this.#isUp), up);
    gauge("queue_requests", () => this.#queue.length, "Requests that are to be pushed.");
    gauge("queue_bytes", () => this.#queue.bytes, "Bytes of these requests.");
    registry.counter({
      name: "vllm_metrics_push_points_total",
      help: "Points that the receiver acknowledged.",
    }, () => Math.max(0, this.#sent));
    const lost = {
      name: "vllm_metrics_push_lost_points_total",
      help: "Points that did not arrive: not valid, refused, rejected, or removed unsent.",
    };
    registry.counterBy(lost, "reason", this.#lost);
  }
}

function createTlsClient({ tls, isParseable }: PushConfig): Client {
  try {
    return createClient({ tls });
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    const name = isParseable ? "PARSEABLE_TLS_CA_FILE" : "OTEL_EXPORTER_OTLP_CERTIFICATE";
    throw new MetricsError("CONFIG_INVALID", `Cannot use the file of ${name}: ${error.message}`);
  }
}

/** `Retry-After` is a number of seconds, or a date. */
function retryAfterMs(text: string | null, nowMs: number): number {
  if (text === null) return 0;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : 0;
}

/** What a receiver says of points that it did not store; nothing when that cannot be read. */
function partialSuccess(
  bytes: Uint8Array,
  type: string,
): { readonly rejected: number; readonly message: string } {
  try {
    const { partialSuccess } = /protobuf/i.test(type)
      ? ExportMetricsServiceResponse.decode(bytes)
      : ExportMetricsServiceResponse.fromJSON(JSON.parse(new TextDecoder().decode(bytes)));
    const rejected = Number(partialSuccess?.rejectedDataPoints ?? 0);
    const message = partialSuccess?.errorMessage ?? "";
    return { rejected: Number.isSafeInteger(rejected) ? rejected : 0, message };
  } catch {
    return { rejected: 0, message: "" };
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
