/** Pushes the metrics of all servers, and the service's own, to an OTLP/HTTP receiver. */

import { setTimeout as delay } from "node:timers/promises";
import type { PushConfig } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { type Family, FamilyMemo, parseFamilies } from "../exposition/family.ts";
import type { FamilyFilter } from "../exposition/filter.ts";
import type { Logger } from "../log.ts";
import { addCount, type MetricsRegistry } from "../metrics_registry.ts";
import { type Client, createClient, type Reply } from "../net/client.ts";
import { NetError } from "../net/net_error.ts";
import { encodeMetrics } from "../otlp/bodies.ts";
import { countPoints } from "../otlp/counts.ts";
import {
  ExportMetricsServiceRequest,
  ExportMetricsServiceResponse,
  type Metric,
  type ResourceMetrics,
} from "../otlp/gen/metrics.ts";
import { wordsOf } from "../parseable/exchange.ts";
import type { Targets } from "../scrape/targets.ts";
import { VERSION } from "../version.ts";
import { attribute, PointMaker } from "./points.ts";
import { type PushRequest, Queue } from "./queue.ts";

/** Points after which a new request begins; an engine has 165, and Parseable reads 10 MiB. */
const MAX_POINTS = 5_000;
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
/** The resource of the service's own metrics. */
const OWN_SERVICE = "vllm-metrics";

/** Why points did not arrive; the values of a label. */
const LOSSES = ["invalid", "refused", "rejected", "queue_full", "too_old", "queue_failed"];

/** What {@linkcode Push} works with. */
export interface PushOptions {
  /** Where to, and how often. */
  readonly config: PushConfig;
  /** The servers. */
  readonly targets: Targets;
  /** Which families are sent. */
  readonly filter: FamilyFilter;
  /** Longest time for the servers to answer, in milliseconds. */
  readonly scrapeTimeoutMs: number;
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

/** Scrapes, queues and sends until it is disposed; what a file holds is then sent at the next start. */
export class Push implements Disposable {
  readonly #options: PushOptions;
  readonly #client: Client;
  readonly #queue: Queue;
  readonly #stop = new AbortController();
  readonly #memo = new FamilyMemo();
  #makers = new Map<string, PointMaker>();
  readonly #own = new PointMaker();
  readonly #lost = new Map<string, number>(LOSSES.map((reason) => [reason, 0]));
  #sent = 0;
  #isUp = true;
  #isQueueUp = true;
  #added = Promise.withResolvers<void>();

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
    void this.#repeat(() => this.#send());
  }

  /** Stops at once. */
  [Symbol.dispose](): void {
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
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await action();
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.error("Cannot push", { error: textOf(error) });
        await this.#pause(BACKOFF_MS.first);
      }
    }
  }

  /** Waits; returns early when it is stopped. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  /** Scrapes all servers, queues what they expose, and waits for the next time. */
  async #scrape(): Promise<void> {
    const { config: { intervalMs }, now } = this.#options;
    const startedMs = performance.now();
    const timeMs = now();
    const resources = await this.#resources(timeMs);
    const requests: PushRequest[] = [];
    for (const batch of batchesOf(resources)) requests.push(...await this.#encode(batch));
    if (this.#stop.signal.aborted) return;
    try {
      this.#queue.add(requests, timeMs);
      if (!this.#isQueueUp) this.#options.log.info("The push queue works again");
      this.#isQueueUp = true;
    } catch (error) {
      for (const { points } of requests) addCount(this.#lost, "queue_failed", points);
      if (this.#isQueueUp) {
        this.#options.log.error("Cannot queue metrics to push", { error: textOf(error) });
      }
      this.#isQueueUp = false;
    }
    this.#added.resolve();
    await this.#pause(Math.max(0, intervalMs - (performance.now() - startedMs)));
  }

  async #resources(timeMs: number): Promise<ResourceMetrics[]> {
    const { config, targets, scrapeTimeoutMs, registry } = this.#options;
    const list = await targets.refresh(scrapeTimeoutMs / 4);
    const makers = new Map(list.map(({ name }) => {
      const instance = targets.isMerged ? name : undefined;
      return [name, this.#makers.get(name) ?? new PointMaker(instance)];
    }));
    this.#makers = makers;
    const scraped = await Promise.all(list.map(async ({ name, scraper }) => {
      const text = await readAll(scraper, this.#stop.signal, scrapeTimeoutMs);
      const metrics = this.#metrics(makers.get(name), text, timeMs);
      return resourceOf(config, { "service.name": "vllm", "service.instance.id": name }, metrics);
    }));
    // After the servers, so that what is known of them is current.
    const own = this.#metrics(
      this.#own,
      new TextEncoder().encode(await registry.text()),
      timeMs,
    );
    return [...scraped, resourceOf(config, { "service.name": OWN_SERVICE }, own)]
      .filter(({ scopeMetrics }) => scopeMetrics[0]?.metrics.length !== 0);
  }

  #metrics(maker: PointMaker | undefined, text: Uint8Array, timeMs: number): Metric[] {
    if (maker === undefined || text.length === 0) return [];
    const before = maker.dropped;
    const { filter } = this.#options;
    const families = parseFamilies(text, this.#memo).map((family) => {
      if (!filter.keeps(family.name)) filter.filtered += family.values.length;
      else if (filter.wantsNewest(family.name) && family.values.length > 1) {
        filter.filtered += family.values.length - 1;
        return newestOf(family);
      }
      return family;
    });
    const metrics = maker.metrics(families, timeMs, (name) => filter.keeps(name));
    addCount(this.#lost, "invalid", maker.dropped - before);
    return metrics;
  }

  async #encode(resourceMetrics: ResourceMetrics[]): Promise<PushRequest[]> {
    const { protocol, isCompressed } = this.#options.config;
    const request = { resourceMetrics };
    const counts = countPoints(request);
    const isJson = protocol === "http/json";
    const bodies = isJson
      ? [...encodeMetrics(request, counts)]
      : [new Uint8Array(ExportMetricsServiceRequest.encode(request).finish())];
    const all = Object.values(counts.pointsByKind).reduce((sum, count) => sum + count, 0);
    return await Promise.all(bodies.map(async (body, index) => ({
      body: isCompressed ? await compress(body) : body,
      type: isJson ? "application/json" : "application/x-protobuf",
      coding: isCompressed ? "gzip" : "",
      // A batch is one body, but for labels that are very long.
      points: index === 0 ? all : 0,
    })));
  }

  /** Sends the oldest request until it is stored or refused; waits when there is none. */
  async #send(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#added = Promise.withResolvers();
    const { config, log, now } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      const request = this.#queue.first(now());
      if (request === undefined) break;
      const outcome = await this.#post(request);
      if (signal.aborted) return;
      if (outcome.kind === "failed") {
        if (this.#isUp) {
          log.warn("Cannot push metrics", { receiver: config.label, error: outcome.reason });
        }
        this.#isUp = false;
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
    await this.#added.promise;
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
    registry.gauge({
      name: "vllm_metrics_push_up",
      help: "Whether the receiver took the last request; absent when the push is off.",
    }, () => Number(this.#isUp));
    registry.counter({
      name: "vllm_metrics_push_points_total",
      help: "Points that the receiver acknowledged.",
    }, () => Math.max(0, this.#sent));
    registry.counterBy(
      {
        name: "vllm_metrics_push_lost_points_total",
        help: "Points that did not arrive: not valid, refused, rejected, or removed unsent.",
      },
      "reason",
      this.#lost,
    );
    registry.gauge({
      name: "vllm_metrics_push_queue_requests",
      help: "Requests that are to be pushed.",
    }, () => this.#queue.length);
    registry.gauge({
      name: "vllm_metrics_push_queue_bytes",
      help: "Bytes of these requests.",
    }, () => this.#queue.bytes);
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

/** All that a server exposes; nothing when it fails, which its state tells. */
async function readAll(
  scraper: Targets["list"][number]["scraper"],
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Uint8Array> {
  using reader = scraper.read({ signal, timeoutMs });
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  try {
    const { bytes, isWhole } = await reader.begin();
    chunks.push(bytes);
    if (isWhole) return bytes;
    for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
      chunks.push(next);
    }
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    return new Uint8Array();
  }
  return await new Blob(chunks).bytes();
}

/** A family with one series, that with the largest value. */
function newestOf(family: Family): Family {
  const { series, values } = family;
  let newest = 0;
  for (const [index, value] of values.entries()) {
    if (!(value <= (values[newest] ?? NaN))) newest = index;
  }
  return {
    ...family,
    series: series.slice(newest, newest + 1),
    values: values.slice(newest, newest + 1),
  };
}

/** The attributes of the settings win over ours, but for what tells servers apart. */
function resourceOf(
  { attributes }: PushConfig,
  own: Readonly<Record<string, string>>,
  metrics: Metric[],
): ResourceMetrics {
  const all = new Map([...Object.entries(own), ...attributes]);
  for (const [name, value] of Object.entries(own)) {
    if (name !== "service.name" || value === OWN_SERVICE) all.set(name, value);
  }
  return {
    resource: {
      attributes: Array.from(all, ([name, value]) => attribute(name, value)),
      droppedAttributesCount: 0,
    },
    scopeMetrics: [{
      scope: { name: OWN_SERVICE, version: VERSION, attributes: [], droppedAttributesCount: 0 },
      metrics,
      schemaUrl: "",
    }],
    schemaUrl: "",
  };
}

/** Splits resources into requests of bounded size. */
function* batchesOf(resources: readonly ResourceMetrics[]): Generator<ResourceMetrics[]> {
  let batch: ResourceMetrics[] = [];
  let points = 0;
  for (const resource of resources) {
    const added = resource.scopeMetrics[0]?.metrics
      .reduce((sum, { data }) => sum + (data?.value.dataPoints.length ?? 0), 0) ?? 0;
    if (batch.length > 0 && points + added > MAX_POINTS) {
      yield batch;
      batch = [];
      points = 0;
    }
    batch.push(resource);
    points += added;
  }
  if (batch.length > 0) yield batch;
}

async function compress(body: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
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
    if (/protobuf/i.test(type)) {
      const { partialSuccess } = ExportMetricsServiceResponse.decode(bytes);
      return {
        rejected: Number(partialSuccess?.rejectedDataPoints ?? 0),
        message: partialSuccess?.errorMessage ?? "",
      };
    }
    const { partialSuccess } = JSON.parse(new TextDecoder().decode(bytes));
    const rejected = Number(partialSuccess?.rejectedDataPoints ?? 0);
    const message = partialSuccess?.errorMessage ?? "";
    return { rejected: Number.isSafeInteger(rejected) ? rejected : 0, message: String(message) };
  } catch {
    return { rejected: 0, message: "" };
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
