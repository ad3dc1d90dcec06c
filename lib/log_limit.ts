/** Limits how often a log line repeats. */

import type { LogFields, Logger, LogLevel } from "./log.ts";

/** Lines with the same message that are written at once: each of 32 servers may go down and come up. */
const BURST = 64;
/** After the burst, one line with the same message in this time, in milliseconds. */
const INTERVAL_MS = 10_000;

/** The lines with one message. */
interface Repetition {
  /** Lines that may still be written at once. */
  left: number;
  lastMs: number;
  /** The newest line held back: it has the current state. */
  held: readonly [level: LogLevel, fields: LogFields] | undefined;
  /** Lines that it replaced. */
  suppressed: number;
}

/** A logger with a limit. Disposing it writes the lines held back, and stops its timer. */
export interface LimitedLogger extends Logger, Disposable {
  /** Lines that were not written so far. */
  readonly suppressed: number;
}

/**
 * Limits a logger: it writes the first lines of a message at once and then one every ten seconds,
 * the newest, with a field `suppressed` that counts the others. A backend that fails and recovers
 * with each request would otherwise fill the disk. Messages are constant, so there are only a few.
 */
export function limitRepeats(log: Logger): LimitedLogger {
  const repetitions = new Map<string, Repetition>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let total = 0;

  function writeHeld(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const [message, repetition] of repetitions) {
      const { held, suppressed } = repetition;
      if (held === undefined) continue;
      repetition.held = undefined;
      repetition.suppressed = 0;
      const [level, fields] = held;
      log[level](message, suppressed === 0 ? fields : { ...fields, suppressed });
    }
  }

  function take(level: LogLevel, message: string, fields: LogFields = {}): void {
    const nowMs = performance.now();
    let repetition = repetitions.get(message);
    if (
      repetition === undefined ||
      (repetition.held === undefined && nowMs - repetition.lastMs > INTERVAL_MS)
    ) {
      repetition = { left: BURST, lastMs: nowMs, held: undefined, suppressed: 0 };
      repetitions.set(message, repetition);
    }
    repetition.lastMs = nowMs;
    if (repetition.left > 0) {
      repetition.left--;
      log[level](message, fields);
      return;
    }
    if (repetition.held !== undefined) {
      repetition.suppressed++;
      total++;
    }
    repetition.held = [level, fields];
    timer ??= setTimeout(writeHeld, INTERVAL_MS);
  }

  return {
    debug: (message, fields) => take("debug", message, fields),
    info: (message, fields) => take("info", message, fields),
    warn: (message, fields) => take("warn", message, fields),
    error: (message, fields) => take("error", message, fields),
    get suppressed(): number {
      return total;
    },
    [Symbol.dispose]: writeHeld,
  };
}
