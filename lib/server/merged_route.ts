/** `GET /metrics` of several servers: all are asked at once, and what they say becomes one exposition. */

import { MetricsError } from "../errors.ts";
import { ExpositionMerger, type MergedExposition } from "../exposition/merge.ts";
import type { Logger } from "../log.ts";
import { readerGone } from "../upstream/deadline.ts";
import type { Admission, Ticket } from "./admission.ts";
import { ByteBudget } from "./byte_budget.ts";
import { EXPOSITION_TYPE } from "./exposition_passage.ts";
import type { Fleet, Server } from "./fleet.ts";
import type { OwnMetrics } from "./own_metrics.ts";
import { pacedBody } from "./paced_body.ts";
import { errorResponse } from "./responses.ts";
import { SharedAnswers, wholeResponse } from "./shared_answers.ts";
import type { SharedScrape } from "./shared_scrape.ts";

/** Bodies of the largest size that all merges under way may hold together. */
const MAX_BODIES = 4;
/** The part of a scrape's time that name servers may take. */
const LOOK_UP_SHARE = 0.25;
/** Longest exposition that is answered in one go, in bytes; a longer one keeps its place until read. */
const MAX_WHOLE_BYTES = 4 * 1_048_576;
/** Bytes of one piece of a longer one. */
const PIECE_BYTES = 65_536;
/** Servers that are named when all fail. */
const MAX_NAMED = 8;
/** Type conflicts that are told; each is told once. */
const MAX_TOLD = 1_000;

/** What {@linkcode MergedRoute} works with. */
export interface MergedRouteOptions {
  /** The servers. */
  readonly fleet: Fleet;
  /** Time for all of them, in milliseconds, unless the reader has less. */
  readonly timeoutMs: number;
  /** Longest body of each of them, in bytes. */
  readonly maxBodyBytes: number;
  /** The bound on requests at once. */
  readonly admission: Admission;
  /** Counts what happens. */
  readonly metrics: OwnMetrics;
  /** Takes a line a type conflict. */
  readonly log: Logger;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** A server's text, or why there is none. */
type Outcome =
  | { readonly server: Server; readonly text: Uint8Array<ArrayBuffer> }
  | { readonly server: Server; readonly failure: MetricsError };

/** Answers requests with the metrics of all servers. */
export class MergedRoute {
  readonly #options: MergedRouteOptions;
  readonly #answers: SharedAnswers;
  readonly #budget: ByteBudget;
  readonly #merger = new ExpositionMerger();
  readonly #told = new Set<string>();

  /**
   * Begins with nothing remembered.
   *
   * @param options What it works with.
   */
  constructor(options: MergedRouteOptions) {
    this.#options = options;
    this.#answers = new SharedAnswers(options);
    this.#budget = new ByteBudget(MAX_BODIES * options.maxBodyBytes);
  }

  /**
   * Answers one request.
   *
   * @param request A GET or HEAD request.
   * @returns The exposition of the servers that answered, or a sentence with 502, 503 or 504.
   */
  answer(request: Request): Promise<Response> {
    return this.#answers.answer(
      request,
      (ticket, shared) => this.#visit(request, ticket, shared),
    );
  }

  async #visit(request: Request, ticket: Ticket, shared: SharedScrape): Promise<Response> {
    shared.enter(request.signal);
    using accounts = new DisposableStack();
    try {
      const { bytes } = this.#merge(await this.#scrape(shared, accounts));
      this.#options.metrics.replyBytes += bytes.length;
      const isWhole = bytes.length <= MAX_WHOLE_BYTES;
      shared.settle(isWhole ? bytes : "streamed");
      if (isWhole || request.method === "HEAD") {
        ticket.leave();
        return wholeResponse(request, bytes);
      }
      const held = accounts.move();
      return this.#stream(bytes, ticket, () => {
        ticket.leave();
        held.dispose();
      });
    } catch (error) {
      ticket.leave();
      const failure = toMetricsError(error);
      shared.settle(failure);
      return errorResponse(failure);
    }
  }

  /** Asks all servers at once, within one time. */
  async #scrape(shared: SharedScrape, accounts: DisposableStack): Promise<Outcome[]> {
    const { fleet, now } = this.#options;
    const timeoutMs = Math.min(this.#options.timeoutMs, shared.timeoutMs ?? Infinity);
    const startedMs = now();
    const servers = await fleet.current(timeoutMs * LOOK_UP_SHARE);
    const leftMs = Math.max(timeoutMs - (now() - startedMs), 1);
    const outcomes = await Promise.all(servers.map(async (server): Promise<Outcome> => {
      const account = accounts.use(this.#budget.open());
      try {
        const text = await server.route.collect({
          signal: shared.signal,
          timeoutMs: leftMs,
          onBegin: () => shared.close(),
          take: (bytes) => {
            if (account.take(bytes)) return;
            // At once: others may have the room instead.
            account[Symbol.dispose]();
            throw noRoom(server.upstream.label);
          },
        });
        return { server, text };
      } catch (error) {
        account[Symbol.dispose]();
        return { server, failure: toMetricsError(error) };
      }
    }));
    if (shared.signal.aborted) throw readerGone("/metrics", shared.signal.reason);
    return outcomes;
  }

  #merge(outcomes: readonly Outcome[]): MergedExposition {
    const inputs = outcomes.flatMap((outcome) =>
      "text" in outcome ? [{ instance: outcome.server.name, text: outcome.text }] : []
    );
    if (inputs.length === 0) throw allFailed(outcomes);
    const merged = this.#merger.merge(inputs);
    this.#options.metrics.recordDropped(merged.dropped);
    for (const { family, instance, type, kept } of merged.conflicts) {
      const key = JSON.stringify([family, instance]);
      if (this.#told.has(key) || this.#told.size >= MAX_TOLD) continue;
      this.#told.add(key);
      this.#options.log.warn("Type conflict", { instance, family, type, kept });
    }
    return merged;
  }

  #stream(bytes: Uint8Array<ArrayBuffer>, ticket: Ticket, leave: () => void): Response {
    let at = PIECE_BYTES;
    const body = pacedBody({
      ticket,
      now: this.#options.now,
      head: bytes.subarray(0, at),
      next: () => {
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        at += piece.length;
        if (piece.length === 0) leave();
        return Promise.resolve(piece.length === 0 ? undefined : piece);
      },
      fail: toMetricsError,
      leave: () => Promise.resolve(leave()),
    });
    const headers = { "content-type": EXPOSITION_TYPE, "content-length": String(bytes.length) };
    return new Response(body, { headers });
  }
}

function toMetricsError(error: unknown): MetricsError {
  if (error instanceof MetricsError) return error;
  return new MetricsError("UPSTREAM_FAILED", "Cannot scrape: an unexpected error", {
    cause: error,
  });
}

function noRoom(label: string): MetricsError {
  return new MetricsError(
    "UPSTREAM_TOO_LARGE",
    `Cannot scrape "${label}": the servers together sent more than ${MAX_BODIES} times MAX_BODY_BYTES`,
    { hint: "Set MAX_BODY_BYTES higher if these are vLLM's metrics, or let readers scrape each." },
  );
}

/** Says what is wrong when no server has answered: of one server its own words. */
function allFailed(outcomes: readonly Outcome[]): MetricsError {
  const failures = outcomes.flatMap((outcome) => "failure" in outcome ? [outcome.failure] : []);
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  const codes = new Set(failures.map(({ code }) => code));
  const code = codes.size === 1 ? first?.code : undefined;
  const named = failures.slice(0, MAX_NAMED)
    .map(({ message }) => message.replace(/^Cannot scrape /, ""));
  const more = failures.length - named.length;
  return new MetricsError(
    code ?? "UPSTREAM_FAILED",
    `Cannot scrape any of ${failures.length} servers: ${named.join("; ")}` +
      (more === 0 ? "" : `; and ${more} more`),
    { hint: "/-/targets lists them all." },
  );
}
