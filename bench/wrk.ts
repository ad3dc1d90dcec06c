/** One run of the load generator `wrk`, and what it said. */

/** How to load a server. */
export interface WrkOptions {
  /** What to ask for, again and again. */
  url: string;
  /** How long, in seconds. */
  seconds: number;
  /** How many connections at once. */
  connections: number;
  /** A Lua script that says what to send; a plain GET without. */
  script?: string | undefined;
  /** Ends the run early. */
  signal: AbortSignal;
}

/** What `wrk` measured. */
export interface WrkResult {
  /** Replies that arrived whole. */
  requests: number;
  /** Their rate. */
  requestsPerSecond: number;
  /** Time to the end of the reply that half the requests kept, in milliseconds. */
  p50Ms: number;
  /** The same for 99 of 100 requests. */
  p99Ms: number;
  /** Socket errors and replies that were no success, in wrk's words; empty when all is well. */
  faults: string[];
}

const MS_OF_UNIT: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

/** wrk pads a unit of one letter with a blank. */
function milliseconds(text: string, percentile: string): number {
  const match = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s|m) *$`, "m").exec(text);
  return Number(match?.[1]) * (MS_OF_UNIT[match?.[2] ?? ""] ?? NaN);
}

/**
 * Reads the report of `wrk --latency`.
 *
 * @throws {SyntaxError} When a figure is missing.
 */
export function parseWrk(text: string): WrkResult {
  const result = {
    requests: Number(/^\s*(\d+) requests in /m.exec(text)?.[1]),
    requestsPerSecond: Number(/^Requests\/sec:\s+([\d.]+)/m.exec(text)?.[1]),
    p50Ms: milliseconds(text, "50"),
    p99Ms: milliseconds(text, "99"),
    faults: [...text.matchAll(/(?:Socket errors|Non-2xx or 3xx responses): .*/g)].map(String),
  };
  if (Object.values(result).some(Number.isNaN)) {
    throw new SyntaxError(`Cannot read the report of wrk: ${text}`);
  }
  return result;
}

/**
 * Loads a server from one thread.
 *
 * @throws {Error} When wrk did not run to its end.
 */
export async function runWrk(options: WrkOptions): Promise<WrkResult> {
  const { url, seconds, connections, script, signal } = options;
  const scripted = script === undefined ? [] : ["-s", script];
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", ...scripted, url];
  const { success, stdout, stderr } = await new Deno.Command("wrk", { args, signal }).output();
  if (!success) {
    throw new Error(`Cannot load "${url}": ${new TextDecoder().decode(stderr).trim()}`);
  }
  return parseWrk(new TextDecoder().decode(stdout));
}
