/** The history of all servers: scrapes go in, answers come out. */

import { bucketCounts, bucketLines, gaugeLines, increaseLines } from "./answers.ts";
import { quantileOf, shareUnder } from "./buckets.ts";
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
import type { Archive } from "./keeper.ts";
import { isSelected, type Server } from "./lines.ts";
import { restartTimes } from "./restarts.ts";
import { ServerRows } from "./server_rows.ts";

/**
 * Memory that the history may take, in bytes. Eight busy engines, scraped each two seconds, take
 * about 54 MiB; one takes 7.
 */
const MAX_HISTORY_BYTES = 64 * 1_048_576;
/** Series of all servers; an engine of vLLM 0.32 has about 390. */
const MAX_SERIES = 20_000;
/** The part of the memory that names and labels of series may take. */
const SERIES_SHARE = 0.5;
/** Series that a server with more than its share loses at once, for one with less. */
const SERIES_AT_ONCE = 16;
/** Servers that have gone and whose scrapes are kept, so that sums go on: pods that were replaced. */
const MAX_GONE = 8;

/** One scrape of one server. */
export interface Scrape {
  /** The server's name. */
  readonly instance: string;
  /** When the scrape began, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** A scrape that went well. */
export interface GoodScrape extends Scrape {
  /** The exposition, whole; as vLLM writes it, or sanitised. */
  readonly body: Uint8Array;
}

/** A scrape that failed. */
export interface FailedScrape extends Scrape {
  /** What was wrong, as a sentence. */
  readonly error: string;
}

/** What {@linkcode HistoryStore} is told. */
export interface HistoryOptions {
  /** The servers' names, in the order of the configuration. */
  readonly instances: readonly string[];
  /** Keeps scrapes longer than memory does; nothing does without. */
  readonly archive?: Archive | undefined;
  /** Memory it may take, in bytes. @default {67108864} */
  readonly maxBytes?: number;
  /** Series it may hold. @default {20000} */
  readonly maxSeries?: number;
  /** Takes a line when a server has too many series; nobody is told without. */
  readonly log?: Logger;
}

/** One server: its rows, and how it is. */
interface Entry {
  readonly rows: ServerRows;
  state: TargetState;
  /** Whether the log says already that it has too many series. */
  isLogged: boolean;
}

/** A history in memory, bounded in bytes whatever comes. */
export class HistoryStore implements History {
  /** Scrapes that were taken, failed ones included. */
  scrapes = 0;
  /** Samples left out: too many series, or too long a name. */
  droppedSamples = 0;
  /** Scrapes thinned or dropped before their time because memory was short. */
  droppedScrapes = 0;

  readonly #entries = new Map<string, Entry>();
  /** The names of servers that have gone, the first to go in front. */
  readonly #gone = new Set<string>();
  readonly #archive: Archive | undefined;
  readonly #maxBytes: number;
  readonly #maxSeries: number;
  readonly #log: Logger | undefined;

  /**
   * Begins without scrapes.
   *
   * @param options The servers, what keeps them, and bounds.
   */
  constructor(options: HistoryOptions) {
    const { instances, archive, maxBytes = MAX_HISTORY_BYTES, maxSeries = MAX_SERIES } = options;
    this.#archive = archive;
    this.#maxBytes = maxBytes;
    this.#maxSeries = maxSeries;
    this.#log = options.log;
    for (const instance of instances) this.addServer(instance);
  }

  /**
   * Lists a server; one that had gone goes on where it stopped.
   *
   * @param instance Its name.
   */
  addServer(instance: string): void {
    this.#gone.delete(instance);
    if (this.#entries.has(instance)) return;
    const state = {
      instance,
      up: undefined,
      error: "",
      lastSuccessMs: undefined,
      sinceMs: undefined,
    };
    const rows = new ServerRows(instance, this.#archive);
    this.#entries.set(instance, { rows, state, isLogged: false });
  }

  /**
   * Lists a server no longer. Its scrapes are kept, if it is among the last eight that have gone.
   *
   * @param instance Its name.
   */
  removeServer(instance: string): void {
    if (this.#entries.get(instance)?.state.lastSuccessMs === undefined) {
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

  /** Memory taken, in bytes; an estimate. */
  get bytes(): number {
    return this.#sum(({ bytes }) => bytes);
  }

  /** Series held. */
  get series(): number {
    return this.#sum(({ table }) => table.size);
  }

  /** The servers, in the order of the configuration. */
  get targets(): readonly TargetState[] {
    return [...this.#entries.values()].map(({ state }) => state)
      .filter(({ instance }) => !this.#gone.has(instance));
  }

  /** When the oldest scrape that is kept was made, in milliseconds since 1970. */
  get oldestMs(): number | undefined {
    const oldest = Math.min(...this.#rows().map(({ oldestMs = Infinity }) => oldestMs));
    return Number.isFinite(oldest) ? oldest : undefined;
  }

  /** When the newest was made. */
  get newestMs(): number | undefined {
    const newest = Math.max(...this.#rows().map(({ newestMs }) => newestMs));
    return Number.isFinite(newest) ? newest : undefined;
  }

  /** Adds a scrape that went well; one that is older than the last of its server is left out. */
  add({ instance, timeMs, body }: GoodScrape): void {
    const entry = this.#entries.get(instance);
    let isFull = false;
    const mayAdd = (): boolean => {
      isFull ||= entry === undefined || !this.#hasRoom(entry.rows);
      return !isFull;
    };
    const dropped = entry?.rows.add(timeMs, body, mayAdd);
    if (entry === undefined || dropped === undefined) return;
    this.scrapes++;
    this.droppedSamples += dropped;
    const { up, sinceMs } = entry.state;
    entry.state = {
      instance,
      up: true,
      error: "",
      lastSuccessMs: timeMs,
      sinceMs: up === true ? sinceMs : timeMs,
      ...dropped > 0 && { droppedSamples: dropped },
    };
    if (dropped > 0) this.#logDropped(entry);
    this.#tidy(timeMs);
  }

  /** Notes a scrape that failed; one that is older than the last of its server is left out. */
  fail({ instance, timeMs, error }: FailedScrape): void {
    const entry = this.#entries.get(instance);
    if (entry === undefined || !entry.rows.addFailure(timeMs)) return;
    this.scrapes++;
    const { up, sinceMs, lastSuccessMs } = entry.state;
    entry.state = {
      instance,
      up: false,
      error,
      lastSuccessMs,
      sinceMs: up === false ? sinceMs : timeMs,
    };
    this.#tidy(timeMs);
  }

  /**
   * Lets go of the scrapes of a server at or behind a time, since the clock was set back.
   *
   * @param instance Its name.
   * @param timeMs The time, in milliseconds since 1970.
   */
  cutOff(instance: string, timeMs: number): void {
    this.#entries.get(instance)?.rows.cutOff(timeMs);
  }

  /** The values that a label has had, sorted. */
  labelValues(label: "instance" | "model_name" | "engine", selection?: Selection): string[] {
    const values = this.#rows().flatMap(({ table }) =>
      [...table.values()].flatMap(({ labels }) =>
        isSelected(labels, selection) ? labels[label] ?? [] : []
      )
    );
    return [...new Set(values)].toSorted();
  }

  /** The label sets of a family at the newest scrape of each server, the highest value first. */
  labelSets(metric: string, selection?: Selection): Readonly<Record<string, string>>[] {
    return this.#rows().flatMap((rows) => rows.newest())
      .filter(([{ name, labels }]) => name === metric && isSelected(labels, selection))
      .toSorted(([, one], [, other]) => other - one)
      .map(([{ labels }]) => labels);
  }

  /** Values of a gauge. */
  gauge(question: GaugeQuestion): TimeSeries[] {
    return gaugeLines(this.#servers(), question);
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
    return increaseLines(this.#servers(), question);
  }

  /** Quantiles of a histogram. */
  quantiles(qs: readonly number[], question: RangeQuestion): TimeSeries[][] {
    return bucketLines(
      this.#servers(),
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
    return bucketLines(this.#servers(), question, [(buckets) => shareUnder(bound, buckets)]).flat();
  }

  /** Observations by bucket since the time before. */
  buckets(question: Question): Buckets {
    return bucketCounts(this.#servers(), { ...question, rangeMs: question.grid.stepMs });
  }

  /** When a server was back, or had begun anew. */
  restarts(instance: string, fromMs: number, toMs: number): number[] {
    const rows = this.#entries.get(instance)?.rows;
    return rows === undefined ? [] : restartTimes(rows, fromMs, toMs);
  }

  #forget(instance: string): void {
    this.#entries.get(instance)?.rows.close();
    this.#entries.delete(instance);
  }

  #rows(): ServerRows[] {
    return [...this.#entries.values()].map(({ rows }) => rows);
  }

  #servers(): Server[] {
    return this.#rows();
  }

  /** Whether one more series of a server may be added; one with more than its share makes room. */
  #hasRoom(rows: ServerRows): boolean {
    const all = this.#rows();
    const maxBytes = this.#maxBytes * SERIES_SHARE;
    const partOf = ({ table }: ServerRows): number =>
      Math.max(table.size / this.#maxSeries, table.bytes / maxBytes);
    const bytes = this.#sum(({ table }) => table.bytes);
    if (this.series < this.#maxSeries && bytes < maxBytes) return true;
    if (partOf(rows) >= 1 / all.length) return false;
    const largest = all.reduce((one, other) => partOf(one) < partOf(other) ? other : one);
    largest.table.dropNewest(SERIES_AT_ONCE);
    return true;
  }

  /** One line a server, however often it is cut. */
  #logDropped(entry: Entry): void {
    const { instance, droppedSamples = 0 } = entry.state;
    if (entry.isLogged) return;
    entry.isLogged = true;
    this.#log?.warn("The history leaves out samples of a server", {
      instance,
      samples: droppedSamples,
      series: entry.rows.table.size,
      hint: "It has more series than fit beside those of the other servers, or names longer than " +
        "4 KB. Charts may lack its newest labels.",
    });
  }

  #sum(of: (rows: ServerRows) => number): number {
    return this.#rows().reduce((sum, rows) => sum + of(rows), 0);
  }

  #tidy(nowMs: number): void {
    for (const rows of this.#rows()) rows.age(nowMs);
    while (this.bytes > this.#maxBytes) {
      const largest = this.#rows().toSorted((one, other) => other.bytes - one.bytes);
      const room = largest.find((rows) => rows.canShrink);
      if (room === undefined) break;
      this.droppedScrapes += room.shrink();
    }
  }
}
