/** The history of all servers: scrapes go in, queries are answered. */

import { FamilyMemo } from "../exposition/family.ts";
import { quantileOf, shareUnder } from "./buckets.ts";
import { Sql } from "./database.ts";
import type { HistoryFile } from "./history_file.ts";
import type {
  Buckets,
  GaugeQuestion,
  History,
  Question,
  RangeQuestion,
  Selection,
  TargetState,
  TimeSeries,
} from "./history.ts";
import type { Logger } from "../log.ts";
import {
  bucketCounts,
  bucketLines,
  gaugeLines,
  increaseLines,
  restartTimes,
  selector,
} from "./queries.ts";
import { ServerHistory } from "./server_history.ts";

/** Memory for the history, in bytes: a day of eight busy engines takes about 60 MiB. */
const MAX_HISTORY_BYTES = 64 * 1_048_576;
/** Series of all servers; an engine of vLLM 0.32 has about 390. */
const MAX_SERIES = 20_000;
/** The part of the memory for names and labels of series. */
const SERIES_SHARE = 0.5;
/** Series that a server over its share loses at once, for one below its share. */
const SERIES_AT_ONCE = 16;
/** How often old scrapes are downsampled or removed, in milliseconds. */
const AGE_MS = 30_000;
/** Removed servers whose scrapes are kept so that sums continue: pods that were replaced. */
const MAX_GONE = 8;

/** One scrape of one server. */
export interface Scrape {
  /** The server's name. */
  readonly instance: string;
  /** When the scrape began, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A scrape that succeeded. */
export interface GoodScrape extends Scrape {
  /** The whole exposition, as vLLM writes it or sanitized. */
  readonly body: Uint8Array;
}

/** A scrape that failed. */
export interface FailedScrape extends Scrape {
  /** What was wrong, as a sentence. */
  readonly error: string;
}

/** What {@linkcode HistoryStore} works with. */
export interface HistoryOptions {
  /** The servers' names, in the order of the configuration. */
  readonly instances: readonly string[];
  /** Keeps scrapes longer than memory does. */
  readonly archive?: HistoryFile | undefined;
  /** Memory for it, in bytes. @default {67108864} */
  readonly maxBytes?: number;
  /** Largest number of series. @default {20000} */
  readonly maxSeries?: number;
  /** Gets a line when samples of a server are left out. */
  readonly log?: Logger;
}

/** A history whose memory is bounded whatever the servers expose. */
export class HistoryStore implements History {
  /** Scrapes added, including failed ones. */
  scrapes = 0;
  /** Samples left out: too many series, or too long a name. */
  droppedSamples = 0;
  /** Scrapes downsampled or removed early because memory was short. */
  droppedScrapes = 0;

  readonly #options: HistoryOptions;
  readonly #maxBytes: number;
  readonly #maxSeries: number;
  readonly #sql = new Sql();
  /** What the families of all servers looked like. */
  readonly #memo = new FamilyMemo();
  readonly #all = new Map<string, ServerHistory>();
  /** The names of removed servers, the first removed first. */
  readonly #gone = new Set<string>();
  #agedMs = -Infinity;

  /** Starts with what the file holds. */
  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? MAX_HISTORY_BYTES;
    this.#maxSeries = options.maxSeries ?? MAX_SERIES;
    for (const instance of options.instances) this.addServer(instance);
  }

  /** Adds a server. One that was removed earlier keeps its history. */
  addServer(instance: string): void {
    this.#gone.delete(instance);
    if (this.#all.has(instance)) return;
    this.#all.set(instance, new ServerHistory(instance, this.#sql, this.#options.archive));
  }

  /** Removes a server. Its scrapes stay while it is among the last eight removed. */
  removeServer(instance: string): void {
    if (this.#all.get(instance)?.state.lastSuccessMs === undefined) {
      this.#forget(instance);
      return;
    }
    this.#gone.add(instance);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= MAX_GONE) break;
      this.#gone.delete(oldest);
      this.#forget(oldest);
    }
  }

  /** Memory used, in bytes; an estimate. */
  get bytes(): number {
    return this.#sql.usedBytes + this.#sum(({ bytes }) => bytes);
  }

  /** Memory used by what was read for queries, in bytes. */
  get cacheBytes(): number {
    return this.#sql.cacheBytes;
  }

  /** Number of series. */
  get series(): number {
    return this.#sum(({ table }) => table.size);
  }

  /** The servers, in the order of the configuration. */
  get targets(): readonly TargetState[] {
    return this.#servers.map(({ state }) => state)
      .filter(({ instance }) => !this.#gone.has(instance));
  }

  /** When the oldest scrape was made, in milliseconds since 1970. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(...this.#servers.map(({ oldestMs }) => oldestMs));
    return Number.isFinite(oldest) ? oldest : undefined;
  }

  /** When the newest scrape was made, in milliseconds since 1970. */
  get newestMs(): number | undefined {
    const newest = Math.max(...this.#servers.map(({ newestMs }) => newestMs));
    return Number.isFinite(newest) ? newest : undefined;
  }

  /** When the newest scrape of a server was made, in milliseconds since 1970; -Infinity without any. */
  newestOf(instance: string): number {
    return this.#all.get(instance)?.newestMs ?? -Infinity;
  }

  /** Adds a scrape that succeeded; one that is older than the last of its server is left out. */
  add({ instance, timeMs, body }: GoodScrape): void {
    const server = this.#all.get(instance);
    let isFull = false;
    const mayAdd = (): boolean => {
      isFull ||= server === undefined || !this.#hasRoom(server);
      return !isFull;
    };
    const dropped = server?.add(timeMs, body, mayAdd, this.#memo);
    if (server === undefined || dropped === undefined) return;
    this.droppedSamples += dropped;
    if (dropped > 0) this.#logDropped(server, dropped);
    this.#added(timeMs);
  }

  /** Adds a scrape that failed; one that is older than the last of its server is left out. */
  fail({ instance, timeMs, error }: FailedScrape): void {
    if (this.#all.get(instance)?.fail(timeMs, error)) this.#added(timeMs);
  }

  /** Removes the scrapes of a server at or after a time, since the clock was set back. */
  cutOff(instance: string, timeMs: number): void {
    this.#all.get(instance)?.cutOff(timeMs);
  }

  /** The values that a label has had, sorted. */
  labelValues(label: "instance" | "model_name" | "engine", selection?: Selection): string[] {
    const isSelected = selector(selection);
    const values = this.#servers.flatMap(({ table }) =>
      table.values().flatMap(({ labels }) => isSelected(labels) ? labels[label] ?? [] : [])
    );
    return [...new Set(values)].toSorted();
  }

  /** The label sets of a family at the newest scrape of each server, the highest value first. */
  labelSets(metric: string, selection?: Selection): Readonly<Record<string, string>>[] {
    const isSelected = selector(selection);
    return this.#servers.flatMap(({ newest }) => newest)
      .filter(([{ name, labels }]) => name === metric && isSelected(labels))
      .toSorted(([, one], [, other]) => other - one)
      .map(([{ labels }]) => labels);
  }

  /** Values of a gauge. */
  gauge(question: GaugeQuestion): TimeSeries[] {
    return gaugeLines(this.#servers, question);
  }

  /** Rates of a counter, per second. */
  rate(question: RangeQuestion): TimeSeries[] {
    const seconds = question.rangeMs / 1_000;
    return this.increase(question).map(({ labels, values }) => ({
      labels,
      values: values.map((value) => value === null ? null : value / seconds),
    }));
  }

  /** Increases of a counter. */
  increase(question: RangeQuestion): TimeSeries[] {
    return increaseLines(this.#servers, question);
  }

  /** Quantiles of a histogram. */
  quantiles(qs: readonly number[], question: RangeQuestion): TimeSeries[][] {
    return bucketLines(
      this.#servers,
      question,
      qs.map((q) => (buckets) => quantileOf(q, buckets)),
    );
  }

  /** Means of a histogram. */
  mean(question: RangeQuestion): TimeSeries[] {
    const counts = this.increase({ ...question, metric: `${question.metric}_count` });
    const sums = this.increase({ ...question, metric: `${question.metric}_sum` });
    const byLabels = new Map(counts.map(({ labels, values }) => [JSON.stringify(labels), values]));
    return sums.map(({ labels, values }) => {
      const divisors = byLabels.get(JSON.stringify(labels));
      return {
        labels,
        values: values.map((sum, index) => {
          const count = divisors?.[index] ?? 0;
          return sum === null || count === 0 ? null : sum / count;
        }),
      };
    });
  }

  /** Shares of a histogram's observations at or under a bound. */
  share(bound: number, question: RangeQuestion): TimeSeries[] {
    return bucketLines(this.#servers, question, [(buckets) => shareUnder(bound, buckets)]).flat();
  }

  /** Observations by bucket since the time before. */
  buckets(question: Question): Buckets {
    return bucketCounts(this.#servers, { ...question, rangeMs: question.grid.stepMs });
  }

  /** Restarts of a server. */
  restarts(instance: string, fromMs: number, toMs: number): number[] {
    const server = this.#all.get(instance);
    return server === undefined ? [] : restartTimes(server, fromMs, toMs);
  }

  get #servers(): ServerHistory[] {
    return [...this.#all.values()];
  }

  #forget(instance: string): void {
    this.#all.get(instance)?.close();
    this.#all.delete(instance);
  }

  #sum(of: (server: ServerHistory) => number): number {
    return this.#servers.reduce((sum, server) => sum + of(server), 0);
  }

  /** Whether a server may have one more series; one over its share makes room. */
  #hasRoom(server: ServerHistory): boolean {
    const maxBytes = this.#maxBytes * SERIES_SHARE;
    const bytes = this.#sum(({ table }) => table.bytes);
    if (this.series < this.#maxSeries && bytes < maxBytes) return true;
    const shareOf = ({ table }: ServerHistory): number =>
      Math.max(table.size / this.#maxSeries, table.bytes / maxBytes);
    if (shareOf(server) >= 1 / this.#all.size) return false;
    const largest = this.#servers.reduce((one, other) =>
      shareOf(one) < shareOf(other) ? other : one
    );
    largest.table.dropNewest(SERIES_AT_ONCE);
    return true;
  }

  /** Logs one line per server, however often samples of it are left out. */
  #logDropped(server: ServerHistory, samples: number): void {
    if (server.isDropLogged) return;
    server.isDropLogged = true;
    this.#options.log?.warn("The history leaves out samples of a server", {
      instance: server.instance,
      samples,
      series: server.table.size,
      hint: "It has more series than fit beside those of the other servers, or names longer than " +
        "4 KB. Charts may lack its newest labels.",
    });
  }

  #added(nowMs: number): void {
    this.scrapes++;
    if (Math.abs(nowMs - this.#agedMs) >= AGE_MS) {
      this.#agedMs = nowMs;
      for (const server of this.#servers) server.age(nowMs);
    }
    while (this.bytes > this.#maxBytes) {
      const largest = this.#servers.reduce((one, other) =>
        one.storedBytes < other.storedBytes ? other : one
      );
      const removed = largest.shrink();
      if (removed === undefined) break;
      this.droppedScrapes += removed;
    }
  }
}
