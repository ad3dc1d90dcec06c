/** Structured log lines, as logfmt or as JSON. Nothing else in the project writes to the console. */

import { escapedJson } from "./terminal_text.ts";

/** The levels, least important first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** How important a line is. */
export type LogLevel = typeof LOG_LEVELS[number];

/** The forms a line can take. */
export const LOG_FORMATS = ["text", "json"] as const;
/** `text` is logfmt, `json` one object a line. */
export type LogFormat = typeof LOG_FORMATS[number];

/** The values beside the message. Keys are camelCase; undefined ones are left out. */
export type LogFields = Record<string, string | number | boolean | undefined>;

/**
 * Writes lines of one event each. Messages are constant; variable parts are fields. An operator may
 * want to know of `info`, should look at `warn`, and must fix `error`.
 */
export type Logger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

function loggerOf(
  write: (level: LogLevel, message: string, fields?: LogFields) => void,
): Logger {
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
  };
}

/** Quotes a logfmt value if necessary. */
function quote(value: string | number | boolean): string {
  const text = String(value);
  const quoted = escapedJson(JSON.stringify(text));
  return /^[^\s"=\\]+$/.test(text) && quoted === `"${text}"` ? text : quoted;
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  let line = `time=${time} level=${level} msg=${quote(message)}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${key}=${quote(value)}`;
  }
  return line;
}

/** Makes a logger of lines from a level on; `write` takes a line with its end. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly write: (line: string) => void;
  readonly now: () => number;
}): Logger {
  const lowest = LOG_LEVELS.indexOf(options.level);
  return loggerOf((level, message, fields = {}) => {
    if (LOG_LEVELS.indexOf(level) < lowest) return;
    const time = new Date(options.now()).toISOString();
    const line = options.format === "json"
      ? escapedJson(JSON.stringify({ time, level, msg: message, ...fields }))
      : textLine(time, level, message, fields);
    options.write(`${line}\n`);
  });
}

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

/** A logger with a limit, and its lines not written so far. Disposing it writes those held back. */
export type LimitedLogger = Logger & Disposable & { readonly suppressed: number };

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
    ...loggerOf(take),
    get suppressed(): number {
      return total;
    },
    [Symbol.dispose]: writeHeld,
  };
}

/**
 * Bytes that may wait to be read: some thousand lines. A pipe that nobody reads holds 64 KiB on
 * Linux; what does not fit into both is dropped.
 */
const MAX_WAITING_BYTES = 1_048_576;

const ENCODER = new TextEncoder();

/**
 * A queue in front of standard error. A write to a pipe that nobody reads blocks, and a blocked
 * process answers no request, so lines are written in the background and dropped when too many wait.
 */
export class LogWriter {
  readonly #sink: (bytes: Uint8Array) => Promise<number>;
  readonly #onResume: (dropped: number) => void;
  readonly #maxBytes: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #draining: Promise<void> | undefined;
  #isClosed = false;
  #dropped = 0;
  #reported = 0;

  /** Opens the queue. */
  constructor(
    sink: (bytes: Uint8Array) => Promise<number>,
    onResume: (dropped: number) => void,
    maxBytes: number = MAX_WAITING_BYTES,
  ) {
    this.#sink = sink;
    this.#onResume = onResume;
    this.#maxBytes = maxBytes;
  }

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Queues a line, or drops it when the queue is full. */
  write(line: string): void {
    const bytes = ENCODER.encode(line);
    if (this.#isClosed || this.#waitingBytes + bytes.length > this.#maxBytes) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#draining ??= this.#drain();
  }

  /** Waits until all lines are written. */
  async flush(timeoutMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, timeoutMs);
    await Promise.race([this.#draining, late.promise]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
      if (this.#isClosed) this.#dropped++;
      else await this.#writeAll(line);
      this.#waitingBytes -= line.length;
    }
    this.#draining = undefined;
  }

  async #writeAll(line: Uint8Array): Promise<void> {
    try {
      for (let rest = line; rest.length > 0;) rest = rest.subarray(await this.#sink(rest));
      this.#reportDropped();
    } catch (error) {
      // Nothing opens a pipe again that its reader closed. Other failures may pass, such as that of a
      // pipe that another process set to non-blocking.
      this.#isClosed = error instanceof Error && error.name === "BrokenPipe";
      this.#dropped++;
    }
  }

  #reportDropped(): void {
    const lines = this.#dropped - this.#reported;
    if (lines === 0) return;
    this.#reported = this.#dropped;
    this.#onResume(lines);
  }
}
