/** Lets nobody but those with the right credentials through, health routes aside. */

import { createHash, timingSafeEqual } from "node:crypto";
import { STATUS_CODE } from "@std/http/status";
import type { Access } from "../config/access.ts";
import type { Logger } from "../log.ts";
import type { Route } from "./handler.ts";
import { addCount, type MetricsRegistry } from "./metrics_registry.ts";
import { requestPath } from "./request_path.ts";
import { textResponse } from "./responses.ts";

/** Routes that orchestrators ask without credentials; they tell nothing but that the process lives. */
export const OPEN_PATHS: readonly string[] = ["/health", "/-/healthy", "/-/ready"];

/**
 * How long the answer to wrong credentials takes, in milliseconds: less than a
 * reader waits that scrapes every second, so that it gets to know what is wrong.
 */
const WRONG_MS = 500;
/**
 * Wrong tries that wait at once. They wait in one row and not one for each
 * address: all who come through a NAT or a published container port have the
 * same address, and who attacks may have many.
 */
export const MAX_WAITING = 100;
/** Least time between two log lines about wrong credentials, in milliseconds. */
const LOG_MS = 60_000;

/** What a request shows of credentials. */
type Shown = "right" | "wrong" | "missing";

/** What {@linkcode createGuard} works with. */
export interface GuardOptions {
  /** The credentials that let somebody in. */
  readonly access: Access;
  /** Lists the count of requests that were turned away. */
  readonly registry: MetricsRegistry;
  /** Is told of wrong credentials, once a minute at most. */
  readonly log: Logger;
  /** The time in milliseconds; only differences are used. */
  readonly now: () => number;
  /** Resolves after a time in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
}

/** A digest has one length whatever it is of, so comparing takes one time as well. */
function digestOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** What a header field proves its sender to know; undefined for what is no Base64. */
function proofOf(scheme: string, text: string): Uint8Array | undefined {
  if (scheme !== "basic") return new TextEncoder().encode(text);
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

/** Compares what requests show with what is asked for, in constant time. */
class Credentials {
  /** The challenges, one a scheme (RFC 9110, section 11.6.1). */
  readonly challenges: readonly string[];
  readonly #digests = new Map<string, Uint8Array>();

  constructor({ basic, bearer }: Access) {
    const encoder = new TextEncoder();
    for (const [scheme, secret] of Object.entries({ basic, bearer })) {
      if (secret === undefined) continue;
      this.#digests.set(scheme, digestOf(encoder.encode(secret.reveal())));
    }
    this.challenges = [
      ...(basic === undefined ? [] : ['Basic realm="vllm-metrics", charset="UTF-8"']),
      ...(bearer === undefined ? [] : ['Bearer realm="vllm-metrics"']),
    ];
  }

  judge(authorization: string | null): Shown {
    if (authorization === null) return "missing";
    const [, name = "", text = ""] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
    const scheme = name.toLowerCase();
    const [wanted, proof] = [this.#digests.get(scheme), proofOf(scheme, text)];
    if (wanted === undefined || proof === undefined) return "wrong";
    return timingSafeEqual(digestOf(proof), wanted) ? "right" : "wrong";
  }
}

/** Counts and tells of requests that were turned away. */
class Refusals {
  readonly counts = new Map<string, number>([["missing", 0], ["wrong", 0], ["flood", 0]]);
  readonly #options: GuardOptions;
  #told = -Infinity;
  #untold = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
    options.registry.counterBy(
      {
        name: "vllm_metrics_requests_unauthorized_total",
        help: "Requests turned away: without credentials, with wrong ones, or too many of those.",
      },
      "reason",
      this.counts,
    );
  }

  add(reason: "missing" | "wrong" | "flood"): void {
    addCount(this.counts, reason, 1);
    if (reason === "missing") return;
    this.#untold++;
    const now = this.#options.now();
    if (now - this.#told < LOG_MS) return;
    this.#options.log.warn("Wrong credentials", { tries: this.#untold });
    this.#told = now;
    this.#untold = 0;
  }
}

/**
 * Puts a guard before all routes. The right credentials are let through at once
 * whatever else goes on. The answer to wrong ones takes half a second, so that
 * trying goes slowly; when {@linkcode MAX_WAITING} of them wait, further ones get 429
 * at once, since the rest would cost more than it slows.
 *
 * @param route Answers those who are let through, and health routes for all.
 * @param options The credentials, and whom to tell.
 * @returns A route that answers 401 or 429 to all others.
 */
export function createGuard(route: Route, options: GuardOptions): Route {
  const credentials = new Credentials(options.access);
  const refusals = new Refusals(options);
  let waiting = 0;

  async function refuse(shown: "wrong" | "missing"): Promise<Response> {
    if (shown === "wrong" && waiting >= MAX_WAITING) {
      refusals.add("flood");
      return textResponse(STATUS_CODE.TooManyRequests, "Too many wrong credentials.", {
        "retry-after": "1",
      });
    }
    refusals.add(shown);
    // A browser asks without any first, so that is no try.
    if (shown === "wrong") {
      waiting++;
      await options.wait(WRONG_MS);
      waiting--;
    }
    const response = textResponse(
      STATUS_CODE.Unauthorized,
      shown === "wrong" ? "The credentials are wrong." : "This needs credentials.",
      { "cache-control": "no-store" },
    );
    for (const each of credentials.challenges) response.headers.append("www-authenticate", each);
    return response;
  }

  return (request) => {
    const shown = credentials.judge(request.headers.get("authorization"));
    const isOpen = shown !== "right" && OPEN_PATHS.includes(requestPath(request) ?? "");
    return shown === "right" || isOpen ? route(request) : refuse(shown);
  };
}
