/** Limits how often a log line repeats. */

import type { LogFields, Logger, LogLevel } from "./log.ts";

/** Lines with the same message that are written at once: each of 32 servers may go down and come up. */
const BURST = 64;
/** After the burst, one line with the same message in this time, in milliseconds. */
const INTERVAL_MS = 10_000;

/** What {@linkcode LimitedLogger} may be given beside the logger. */
export interface LogLimits {
  /** Lines with the same message that are written at once. @default {64} */
  readonly burst?: number;
  /** After the burst, one line with the same message in this time, in ms. @default {10 s} */
  readonly intervalMs?: number;
}

/** The lines with one message. */
interface Repetition {
  /** Lines that may still be written at once. */
  left: number;
  /** When the last one was logged, in milliseconds. */
  lastMs: number;
  /** The newest line held back: it has the current state. */
  held: readonly [level: LogLevel, fields: LogFields] | undefined;
  /** Lines that it replaced. */
  suppressed: number;
}

/**
 * A logger that writes the first lines of a message at once and then one every ten seconds: the
 * newest, with a field `suppressed` that counts the others. A backend that fails and recovers with
 * each request would otherwise fill the disk. Messages are constant, so there are only a few.
 */
export class LimitedLogger implements Logger, Disposable {
  readonly #log: Logger;
  readonly #burst: number;
  readonly #intervalMs: number;
  readonly #repetitions = new Map<string, Repetition>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #suppressed = 0;

  /** Limits a logger. */
  constructor(log: Logger, { burst = BURST, intervalMs = INTERVAL_MS }: LogLimits = {}) {
    this.#log = log;
    this.#burst = burst;
    this.#intervalMs = intervalMs;
  }

  /** Lines that were not written so far. */
  get suppressed(): number {
    return this.#suppressed;
  }

  /** What only a developer of the service wants to see. */
  debug(message: string, fields?: LogFields): void {
    this.#take("debug", message, fields);
  }

  /** What an operator may want to know. */
  info(message: string, fields?: LogFields): void {
    this.#take("info", message, fields);
  }

  /** What an operator should look at. */
  warn(message: string, fields?: LogFields): void {
    this.#take("warn", message, fields);
  }

  /** What an operator must fix. */
  error(message: string, fields?: LogFields): void {
    this.#take("error", message, fields);
  }

  /** Writes the lines held back, and stops the timer. */
  [Symbol.dispose](): void {
    this.#writeHeld();
  }

  #take(level: LogLevel, message: string, fields: LogFields = {}): void {
    const nowMs = performance.now();
    const last = this.#repetitions.get(message);
    const isQuiet = last === undefined ||
      (last.held === undefined && nowMs - last.lastMs > this.#intervalMs);
    const repetition = isQuiet
      ? { left: this.#burst, lastMs: nowMs, held: undefined, suppressed: 0 }
      : last;
    this.#repetitions.set(message, repetition);
    repetition.lastMs = nowMs;
    if (repetition.left > 0) {
      repetition.left--;
      this.#log[level](message, fields);
      return;
    }
    if (repetition.held !== undefined) {
      repetition.suppressed++;
      this.#suppressed++;
    }
    repetition.held = [level, fields];
    this.#timer ??= setTimeout(() => this.#writeHeld(), this.#intervalMs);
  }

  #writeHeld(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [message, repetition] of this.#repetitions) {
      const { held, suppressed } = repetition;
      if (held === undefined) continue;
      repetition.held = undefined;
      repetition.suppressed = 0;
      const [level, fields] = held;
      this.#log[level](message, suppressed === 0 ? fields : { ...fields, suppressed });
    }
  }
}
