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

/** Writes lines of one event each. Messages are constant; variable parts are fields. */
export interface Logger {
  /** What only a developer of the service wants to see. */
  debug(message: string, fields?: LogFields): void;
  /** What an operator may want to know. */
  info(message: string, fields?: LogFields): void;
  /** What an operator should look at. */
  warn(message: string, fields?: LogFields): void;
  /** What an operator must fix. */
  error(message: string, fields?: LogFields): void;
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
  function write(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (LOG_LEVELS.indexOf(level) < lowest) return;
    const time = new Date(options.now()).toISOString();
    const line = options.format === "json"
      ? escapedJson(JSON.stringify({ time, level, msg: message, ...fields }))
      : textLine(time, level, message, fields);
    options.write(`${line}\n`);
  }
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
  };
}
