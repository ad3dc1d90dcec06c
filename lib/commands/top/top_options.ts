/** Reads the options of `vllm-metrics top`. */

import { parseDuration } from "../../config/values.ts";
import { windowsOf } from "../../dashboard/query_range.ts";
import type { Arguments } from "../arguments.ts";

/** What {@linkcode readTopOptions} found. */
export interface TopOptions {
  /** Whether to show one view and exit. */
  readonly once: boolean;
  /** Whether to print views as JSON, one a line. */
  readonly json: boolean;
  /** Where the service is; undefined for what LISTEN_ADDRESS names. */
  readonly url: URL | undefined;
  /** What to ask for, as parameters of the API. */
  readonly query: URLSearchParams;
}

/** What a window may be. */
const WINDOW_RANGE = { min: "1m", max: "720h", example: "5m" };
/** Parameters of the API that are passed on as they are. */
const SELECTORS = ["model", "engine", "instance"] as const;

/** Reads the options. */
export function readTopOptions(args: Arguments<"top">): TopOptions {
  const query = new URLSearchParams();
  const window = args.get("window");
  if (window !== undefined) query.set("window", windowSeconds(args, window));
  for (const name of SELECTORS) {
    const value = args.text(name);
    if (value !== undefined) query.set(name, value);
  }
  return { once: args.has("once"), json: args.has("json"), url: urlOf(args), query };
}

/** Writes a window as an option has it. */
export function windowText(seconds: number): string {
  if (seconds > 86_400) return `${seconds / 86_400}d`;
  return seconds < 3_600 ? `${seconds / 60}m` : `${seconds / 3_600}h`;
}

function windowSeconds(args: Arguments<"top">, text: string): string {
  if (text === "") {
    args.addMistake('--window needs a value, such as "5m".');
    return text;
  }
  const parsed = parseDuration(text, WINDOW_RANGE);
  const windows = windowsOf(true);
  if (!parsed.ok) args.addMistake(`--window "${text}": ${parsed.problem}`);
  else if (!windows.includes(parsed.value / 1_000)) {
    const names = windows.map(windowText);
    const all = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
    args.addMistake(`--window "${text}": there is no such window. Write ${all}.`);
  }
  return parsed.ok ? String(parsed.value / 1_000) : "";
}

function urlOf(args: Arguments<"top">): URL | undefined {
  const text = args.get("url");
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    args.addMistake(`--url "${text}": it is not an address such as http://localhost:9090`);
    return undefined;
  }
  // Below the path of a reverse proxy, if there is one.
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  url.search = "";
  return url;
}
