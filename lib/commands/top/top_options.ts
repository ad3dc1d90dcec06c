/** What `vllm-metrics top` is told on the command line. */

import { parseArgs } from "node:util";
import { parseDuration } from "../../config/values.ts";

/** What {@linkcode parseTopOptions} found. */
export interface TopOptions {
  /** Whether to show one view and end. */
  readonly once: boolean;
  /** Whether to print views as JSON, one a line. */
  readonly json: boolean;
  /** Where the service is; undefined for what LISTEN_ADDRESS names. */
  readonly url: URL | undefined;
  /** What to ask for, as parameters of the API. */
  readonly query: URLSearchParams;
}

/** What a window may be; the service knows which of them it has. */
const WINDOW_RANGE = { min: "1m", max: "720h", example: "5m" };
/** Parameters of the API that are handed on as they are. */
const SELECTORS = ["model", "engine", "instance"] as const;

/**
 * Reads the arguments.
 *
 * @param args The words behind the command's name.
 * @returns The options.
 * @throws {TypeError} With what is wrong, as words.
 */
export function parseTopOptions(args: readonly string[]): TopOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      window: { type: "string" },
      model: { type: "string" },
      engine: { type: "string" },
      instance: { type: "string" },
      url: { type: "string" },
    },
  });
  const query = new URLSearchParams();
  if (values.window !== undefined) query.set("window", windowSeconds(values.window));
  for (const name of SELECTORS) {
    const value = values[name];
    if (value !== undefined) query.set(name, value);
  }
  return { once: values.once, json: values.json, url: urlOf(values.url), query };
}

function windowSeconds(text: string): string {
  const parsed = parseDuration(text, WINDOW_RANGE);
  if (!parsed.ok) throw new TypeError(`--window "${text}": ${parsed.problem}`);
  return String(parsed.value / 1_000);
}

function urlOf(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new TypeError(`--url "${text}": it is not an address such as http://localhost:9090`);
  }
  // Below the path of a proxy in front, if there is one.
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  url.search = "";
  return url;
}
