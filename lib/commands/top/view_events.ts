/** Views of a running service, as they come. */

import { MetricsError } from "../../errors.ts";
import type { View } from "../../dashboard/view.ts";

/** Longest event that is read, in characters: a view of a hundred engines has about a million. */
const MAX_EVENT_LENGTH = 33_554_432;
/** How long the service may take to begin its answer, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** A view, and how it was written. */
export interface ViewEvent {
  /** The view. */
  readonly view: View;
  /** The view as JSON. */
  readonly json: string;
}

/** Where views come from. */
export interface ViewEventsOptions {
  /** The service's address, with a slash at its end. */
  readonly base: URL;
  /** What to ask for. */
  readonly query: URLSearchParams;
  /** Ends the reading. */
  readonly signal: AbortSignal;
  /** Sends a GET request for a path with its query. */
  readonly get: (path: string, signal: AbortSignal) => Promise<Response>;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Whether an answer is a view: the service is ours, so its outer form is enough to tell. */
function isView(value: unknown): value is View {
  return isObject(value) && typeof value.version === "string" &&
    ["targets", "tiles", "findings"].every((name) => Array.isArray(value[name]));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failure(base: URL, problem: string, hint: string): MetricsError {
  return new MetricsError("UPSTREAM_FAILED", `Cannot reach "${base.origin}": ${problem}`, { hint });
}

/** The error that the API wrote; other answers are told by their status. */
function refusal(base: URL, status: number, text: string): MetricsError {
  const reply = parse(text);
  const error = isObject(reply) && isObject(reply.error) ? reply.error : {};
  const { message, hint } = error;
  if (status === 401) {
    return failure(
      base,
      "it wants credentials",
      "Set METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN, as the service has.",
    );
  }
  if (typeof message !== "string") {
    return failure(base, `it answered ${status}`, "Is this the address of vllm-metrics?");
  }
  const code = status === 400 ? "REQUEST_INVALID" : "BUSY";
  return new MetricsError(code, message, { hint: typeof hint === "string" ? hint : "" });
}

/** Asks for events, and waits for the head of the answer only so long. */
async function connect({ base, query, signal, get }: ViewEventsOptions): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), TIMEOUT_MS);
  try {
    return await get(`api/v1/events?${query}`, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    if (signal.aborted) throw error;
    const problem = late.signal.aborted ? "no answer in time" : "no connection";
    throw failure(base, problem, "Is vllm-metrics running?");
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads views until the service ends them.
 *
 * @param options Where to ask for what.
 * @returns The views as they come.
 * @throws {MetricsError} When the service cannot be reached or refuses; `REQUEST_INVALID` when
 * what is asked for is wrong.
 */
export async function* viewEvents(options: ViewEventsOptions): AsyncGenerator<ViewEvent> {
  const { base } = options;
  const response = await connect(options);
  if (!response.ok) throw refusal(base, response.status, await response.text());
  if (response.body === null) return;
  for await (const json of dataOf(response.body)) {
    const view = parse(json);
    if (!isView(view)) {
      throw failure(base, "it sent no view", "Is this the address of vllm-metrics?");
    }
    yield { view, json };
  }
}

/** The data of each event; what the service sends is one line an event. */
async function* dataOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let pieces: string[] = [];
  let length = 0;
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = text.split("\n");
    for (const [index, line] of lines.entries()) {
      pieces.push(line);
      length += line.length;
      if (length > MAX_EVENT_LENGTH) return;
      if (index === lines.length - 1) break;
      const whole = pieces.join("");
      if (whole.startsWith("data: ")) yield whole.slice("data: ".length);
      pieces = [];
      length = 0;
    }
  }
}
