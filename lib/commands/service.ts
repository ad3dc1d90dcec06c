/** Assembles the service. */

import { Buffer } from "node:buffer";
import type { Config, HistoryConfig, NamingConfig } from "../config/config.ts";
import { METRIC_NAMES } from "../config/settings.ts";
import { createAssets } from "../dashboard/assets.ts";
import { pricesOf } from "../dashboard/cost.ts";
import { createDashboard } from "../dashboard/dashboard.ts";
import { windowsOf } from "../dashboard/query_range.ts";
import { FamilyFilter, TextFilter } from "../exposition/filter.ts";
import { aliasStep, nameStep, type TextStep } from "../exposition/names.ts";
import type { History } from "../history/history.ts";
import { checkPathType } from "../history/database.ts";
import { HistoryFile } from "../history/history_file.ts";
import { Recorder } from "../history/recorder.ts";
import { type GoodScrape, HistoryStore } from "../history/store.ts";
import { MetricsError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { createExchange, MAX_WORDS_BYTES } from "../parseable/exchange.ts";
import { Push } from "../push/push.ts";
import { OtlpSource } from "../push/source.ts";
import { createRelayHandler } from "../relay/relay.ts";
import { MergedScraper, type MergedScraperOptions } from "../scrape/merged_scraper.ts";
import { Targets } from "../scrape/targets.ts";
import { errorResponse } from "../http/responses.ts";
import { createGuard } from "../http/guard.ts";
import { createRouter, withOriginPolicy } from "../http/router.ts";
import { createMetricsRoute, type Read } from "../http/metrics_route.ts";
import { MetricsRegistry } from "../metrics_registry.ts";
import { SelfMetrics } from "../http/self_metrics.ts";
import { Slots } from "../http/slots.ts";
import { type Resolve, resolveHost } from "../net/resolve.ts";
import { VERSION } from "../version.ts";
import type { Host } from "./host.ts";

/**
 * Concurrent requests to `/metrics`: a scrape takes milliseconds, so more means that
 * clients hang. Each of those fills the buffers of its connection, about 4 MB, before
 * it stalls and can be evicted: 100 of them delayed the next scrape by 8 s, 32 by 3 s.
 */
const MAX_REQUESTS = 32;

/** Answers requests. */
export type Handler = (request: Request) => Response | Promise<Response>;

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The service without its listeners. */
export type Service = Disposable & {
  readonly handler: Handler;
  /** Answers OTLP requests; undefined when the relay is off. */
  readonly relayHandler: Handler | undefined;
  /** The scrapes of the last day, or of longer with a file. */
  readonly history: History;
  /** Scrapes at `SCRAPE_INTERVAL` until that is disposed. */
  watch(): Disposable;
  /**
   * Reports not ready and ends the streams of open pages; waits for the push, at most so many
   * milliseconds.
   */
  stop(pushMs: number): Promise<void>;
};

/** Log lines that were not written: each one of many repetitions, or there was no room for more. */
export type LostLogLines = Readonly<Record<"repeated" | "unread", number>>;

/** The parts of the service: its settings, and what they do not have. */
export type ServiceParts = Omit<Config, "listen" | "tls" | "log"> & {
  readonly resolve?: Resolve;
  readonly past?: Iterable<GoodScrape>;
  readonly log: Logger;
  readonly lostLogLines?: () => LostLogLines;
  /** Clock and process figures. */
  readonly host: Pick<Host, "now" | "startedMs" | "cpuSeconds" | "residentBytes" | "runtime">;
};

/** The exposition at `/metrics`: that of the one server, or the merge of all. */
function readerOf(options: MergedScraperOptions): Read {
  const { targets } = options;
  const [only] = targets.list;
  if (!targets.isMerged && only !== undefined) return (client) => only.scraper.read(client);
  const merged = new MergedScraper(options);
  return (client) => merged.read(client);
}

/** Changes what clients read. */
function changed(read: Read, stepsFor: () => readonly TextStep[]): Read {
  return (client) => {
    const exposition = read(client);
    const steps = stepsFor();
    if (steps.length === 0) return exposition;
    const push = (text: string, isLast: boolean): string =>
      steps.reduce((rest, step) => step.push(rest) + (isLast ? step.end() : ""), text);
    let isOver = false;
    return {
      async begin(): ReturnType<typeof exposition.begin> {
        const beginning = await exposition.begin();
        isOver = beginning.isWhole;
        const text = push(beginning.text, isOver);
        return { ...beginning, text, bytes: Buffer.byteLength(text) };
      },
      async next(): ReturnType<typeof exposition.next> {
        while (!isOver) {
          const next = await exposition.next();
          isOver = next === undefined;
          const text = push(next ?? "", isOver);
          if (text !== "") return text;
        }
        return undefined;
      },
      [Symbol.dispose]: () => exposition[Symbol.dispose](),
    };
  };
}

/** How a request wants vLLM's names. */
function styleOf({ url }: Request, style: NamingConfig["style"]): NamingConfig["style"] {
  if (!url.includes("?")) return style;
  const wanted = new URL(url).searchParams.getAll("names");
  if (wanted.length === 0) return style;
  const known = METRIC_NAMES.find((each) => each === wanted.join());
  if (known !== undefined) return known;
  throw new MetricsError(
    "REQUEST_INVALID",
    `Cannot answer with names=${JSON.stringify(wanted.join())}: there is no such naming`,
    { hint: `Use one of ${METRIC_NAMES.join(", ")}.` },
  );
}

/** A file that cannot be used is no reason to stop `/metrics`: the history is then in memory. */
function openHistoryFile(
  { file: path, retentionMs }: HistoryConfig,
  log: Logger,
): HistoryFile | undefined {
  if (path === undefined) return undefined;
  checkPathType(path);
  try {
    return new HistoryFile({ path, retentionMs, log });
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    log.error("The history is in memory only", { error: error.message, hint: error.hint });
    return undefined;
  }
}

/** Registers what the history says of itself. */
function registerHistory(
  registry: MetricsRegistry,
  { store, recorder, file, hasFile }: {
    readonly store: HistoryStore;
    readonly recorder: Recorder;
    readonly file: HistoryFile | undefined;
    readonly hasFile: boolean;
  },
): void {
  const gauge = (name: string, help: string, read: () => number | undefined): void =>
    registry.gauge({ name: `vllm_metrics_history_${name}`, help }, read);
  const counter = (name: string, help: string, read: () => number): void =>
    registry.counter({ name: `vllm_metrics_history_${name}_total`, help }, read);
  const left = "the history left out";

  gauge(
    "bytes",
    "Memory used by the history, estimated.",
    () => store.bytes + store.cacheBytes,
  );
  gauge("series", "Series in the history.", () => store.series);
  counter(
    "scrapes",
    "Scrapes recorded in the history, including failed ones.",
    () => store.scrapes,
  );
  counter(
    "polls",
    "Times that the service scraped all servers for its history, since no client did.",
    () => recorder.polls,
  );
  counter(
    "skipped_scrapes",
    `Scrapes that ${left} because they were too large.`,
    () => recorder.skipped,
  );
  counter(
    "dropped_samples",
    `Samples that ${left}: too many series, or too long a name.`,
    () => store.droppedSamples,
  );
  counter(
    "dropped_scrapes",
    "Scrapes that the history downsampled or removed early because memory was short.",
    () => store.droppedScrapes,
  );
  gauge(
    "file_up",
    "Whether the last write to the history file succeeded; absent without HISTORY_FILE.",
    () => hasFile ? Number(file !== undefined && file.failure === undefined) : undefined,
  );
  gauge("file_bytes", "Size of the history file; absent without one.", () => file?.bytes);
  registry.labelled(
    {
      name: "vllm_metrics_history_cut_samples",
      help: `Samples of a server's last scrape that ${left}; absent when there are none.`,
      type: "gauge",
      labels: ["instance"],
    },
    () =>
      store.targets.flatMap(({ instance, droppedSamples }) =>
        droppedSamples === undefined ? [] : [[[instance], droppedSamples] as const]
      ),
  );
}

/**
 * Assembles the service.
 *
 * @throws {MetricsError} When a header field, a certificate, a file of authorities or that of the
 *   history cannot be used.
 */
export function createService(parts: ServiceParts): Service {
  const { servers, resolve = resolveHost, relay, history, past = [], goals, log, host } = parts;
  const {
    access,
    allowedHosts,
    frameAncestors,
    lostLogLines = () => ({ repeated: 0, unread: 0 }),
  } = parts;
  let ready = true;
  const isReady = (): boolean => ready;
  const now = (): number => host.now();
  const registry = new MetricsRegistry();
  const metrics = new SelfMetrics(registry, {
    version: VERSION,
    runtime: host.runtime,
    startSeconds: host.startedMs / 1_000,
    cpuSeconds: () => host.cpuSeconds(),
    residentBytes: () => host.residentBytes(),
  });
  registry.labelled({
    name: "vllm_metrics_log_lines_dropped_total",
    help: "Log lines that were dropped: repeated too often, or not read.",
    type: "counter",
    labels: ["reason"],
  }, () => Object.entries(lostLogLines()).map(([reason, lines]) => [[reason], lines]));
  const slots = new Slots({
    limit: MAX_REQUESTS,
    now,
    onChange: (requests) => metrics.requestsInFlight = requests,
    onEvict: () => metrics.evicted++,
  });
  const file = openHistoryFile(history, log);
  const store = new HistoryStore({ instances: [], archive: file, log });
  const recorder = new Recorder({ ...history, store, now });
  registerHistory(registry, { store, recorder, file, hasFile: history.file !== undefined });
  const { maxScrapesPerSecond: maxPerSecond } = parts;
  const targets = new Targets(servers, {
    metrics,
    feed: recorder,
    log,
    resolve,
    maxPerSecond,
    now,
  });
  for (const scrape of past) store.add(scrape);
  const { timeoutMs = 0, maxBodyBytes = 0 } = servers.list[0]?.upstream ?? {};
  const respond = createMetricsRoute({ slots, metrics, timeoutMs, now });
  const readAll = readerOf({
    targets,
    timeoutMs,
    maxBodyBytes,
    onDropped: (dropped) => metrics.recordDropped(dropped),
    change: (text) => {
      const step = aliasStep(parts.naming);
      return step === undefined ? text : step.push(text) + step.end();
    },
    evict: () => slots.evict(),
    log,
    now,
  });
  const filters = {
    metrics: new FamilyFilter(parts.filter, false),
    relay: new FamilyFilter(parts.filter, true),
    push: new FamilyFilter(parts.filter, true),
  };
  registry.labelled(
    {
      name: "vllm_metrics_filtered_samples_total",
      help: "Samples left out by METRICS_DROP, METRICS_KEEP or the default for backends.",
      type: "counter",
      labels: ["from"],
    },
    () => Object.entries(filters).map(([from, { filtered }]) => [[from], filtered]),
  );
  const answerMetrics = (request: Request, name?: string): Promise<Response> => {
    const target = targets.list.find((one) => one.name === name);
    const read: Read = target === undefined ? readAll : (client) => target.scraper.read(client);
    try {
      const style = styleOf(request, parts.naming.style);
      return respond(
        request,
        changed(read, () =>
          [
            // A merge has them server by server.
            target === undefined && targets.isMerged ? undefined : aliasStep(parts.naming),
            filters.metrics.isActive ? new TextFilter(filters.metrics) : undefined,
            nameStep(style),
          ].filter((step) => step !== undefined)),
      );
    } catch (error) {
      if (error instanceof MetricsError) return Promise.resolve(errorResponse(error));
      throw error;
    }
  };
  // For a file as often as for a viewer.
  if (file !== undefined) recorder.watch();
  recorder.start(async (signal) => {
    const response = await respond(new Request("http://history/metrics", { signal }), readAll);
    await response.body?.pipeTo(new WritableStream());
  });
  const priceOf = pricesOf(parts.prices);
  const dashboard = createDashboard({
    history: store,
    watch: () => recorder.watch(),
    registry,
    goals,
    ...priceOf && { priceOf },
    intervalMs: history.intervalMs,
    windows: windowsOf(history.file !== undefined),
    now,
  });
  const source = new OtlpSource({
    targets,
    filter: filters.push,
    scrapeTimeoutMs: timeoutMs,
    registry,
    attributes: parts.push?.attributes ?? [],
    now,
  });
  const push = parts.push && new Push({ config: parts.push, source, registry, log, now });
  push?.start();
  const assets = createAssets(frameAncestors);
  const routes = createRouter({
    version: VERSION,
    targets,
    registry,
    metrics: answerMetrics,
    page: assets.page,
    now,
    isReady,
    routes: {
      ...assets.routes,
      ...dashboard.routes,
      "/metrics/otel": (request) => source.respond(request, slots),
    },
  });
  // In front of all routes, so that none is forgotten.
  const guarded = access === undefined
    ? routes
    : createGuard(routes, { access, registry, log, now, wait });
  const exchange = relay && createExchange({ ...relay, maxAnswerBytes: MAX_WORDS_BYTES });
  const relayHandler = relay && exchange && createRelayHandler({
    parseable: { ...relay, exchange },
    stream: relay.stream,
    filter: filters.relay,
    registry,
    log,
    now,
    isReady,
  });
  return {
    handler: withOriginPolicy(guarded, { allowedHosts, frameAncestors }),
    relayHandler: relayHandler && withOriginPolicy(relayHandler, { allowedHosts }),
    history: store,
    watch: () => recorder.watch(),
    async stop(pushMs: number): Promise<void> {
      ready = false;
      dashboard.stop();
      await push?.stop(pushMs);
    },
    [Symbol.dispose](): void {
      dashboard.stop();
      push?.[Symbol.dispose]();
      recorder[Symbol.dispose]();
      targets[Symbol.dispose]();
      file?.[Symbol.dispose]();
      exchange?.[Symbol.dispose]();
    },
  };
}
