/** Views of a running service, as they come. */

import { MetricsError } from "../../errors.ts";
import { applyPatch, isPatch } from "../../dashboard/patch.ts";
import type { View } from "../../dashboard/view.ts";
import type { LocalClient, LocalReply } from "../local_client.ts";

/** Longest event that is read, in characters: a view of a hundred engines has about a million. */
const MAX_EVENT_LENGTH = 33_554_432;
/** Timeout for the start of the response, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** A view, and how it was written. */
export type ViewEvent = {
  readonly view: View;
  /** The view as JSON. */
  readonly json: string;
};

/** Where views come from. */
export type ViewEventsOptions = {
  readonly client: LocalClient;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Whether a response is a view, by its outer form: the service is ours. */
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

function failure({ origin }: LocalClient, problem: string, hint: string): MetricsError {
  return new MetricsError("UPSTREAM_FAILED", `Cannot reach "${origin}": ${problem}`, { hint });
}

/** The error in a response of the API; other responses are described by their status. */
function refusal(client: LocalClient, status: number, text: string): MetricsError {
  const reply = parse(text);
  const error = isObject(reply) && isObject(reply.error) ? reply.error : {};
  const { message, hint } = error;
  if (status === 401) {
    return failure(
      client,
      "it wants credentials",
      "Set METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN, as the service has.",
    );
  }
  if (typeof message !== "string") {
    return failure(client, `it answered ${status}`, "Is this the address of vllm-metrics?");
  }
  const code = status === 400 ? "REQUEST_INVALID" : "BUSY";
  return new MetricsError(code, message, { hint: typeof hint === "string" ? hint : "" });
}

/** Requests events, with a timeout for the response headers. */
async function connect({ client, query, signal }: ViewEventsOptions): Promise<LocalReply> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), TIMEOUT_MS);
  try {
    return await client.get(`api/v1/events?${query}`, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    if (signal.aborted) throw error;
    const problem = late.signal.aborted ? "no answer in time" : "no connection";
    throw failure(client, problem, "Is vllm-metrics running?");
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads views until the service ends them.
 *
 * @throws {MetricsError} When the service cannot be reached or refuses; `REQUEST_INVALID` when
 * what is asked for is wrong.
 */
export async function* viewEvents(options: ViewEventsOptions): AsyncGenerator<ViewEvent> {
  const { client } = options;
  const reply = await connect(options);
  if (reply.status !== 200) throw refusal(client, reply.status, await reply.text());
  let view: View | undefined;
  for await (const { event, data } of eventsOf(reply.body)) {
    const value = parse(data);
    const next: unknown = event === "change" && view !== undefined && isPatch(value)
      ? applyPatch(view, value)
      : value;
    if (!isView(next)) {
      throw failure(client, "it sent no view", "Is this the address of vllm-metrics?");
    }
    view = next;
    yield { view, json: event === "change" ? JSON.stringify(view) : data };
  }
}

/** Each event: a line with its name, and one with its data. */
async function* eventsOf(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ event: string; data: string }> {
  const decoder = new TextDecoder();
  let open = "";
  let event = "";
  for await (const bytes of body) {
    const lines = (open + decoder.decode(bytes, { stream: true })).split("\n");
    open = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("event: ")) event = line.slice("event: ".length);
      if (line.startsWith("data: ")) yield { event, data: line.slice("data: ".length) };
    }
    if (open.length > MAX_EVENT_LENGTH) return;
  }
}
