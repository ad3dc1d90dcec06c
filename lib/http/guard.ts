/** Requires credentials on all routes but the health routes. */

import { createHash, timingSafeEqual } from "node:crypto";
import { STATUS_CODE } from "@std/http/status";
import type { Access } from "../config/config.ts";
import type { Logger } from "../log.ts";
import type { Route } from "./router.ts";
import { addCount, type MetricsRegistry } from "../metrics_registry.ts";
import { requestPath } from "./request_path.ts";
import { textResponse } from "./responses.ts";

/** Routes that need no credentials; they say nothing but that the process is alive. */
export const OPEN_PATHS: readonly string[] = ["/health", "/-/healthy", "/-/ready"];

/**
 * How long the response to wrong credentials takes, in milliseconds: less than the timeout of a
 * client that scrapes every second, so that it still sees what is wrong.
 */
const WRONG_MS = 500;
/**
 * Wrong attempts that wait at once. The bound is one for all and not per address: all clients behind
 * a NAT or a published container port share an address, and an attacker may have many.
 */
export const MAX_WAITING = 100;
/** Least time between two log lines about wrong credentials, in milliseconds. */
const LOG_MS = 60_000;

/** The credentials of a request. */
type Shown = "right" | "wrong" | "missing";

/** What {@linkcode createGuard} needs. */
export interface GuardOptions {
  /** The credentials that are accepted. */
  readonly access: Access;
  /** Where the count of refused requests is registered. */
  readonly registry: MetricsRegistry;
  /** Logs wrong credentials, once a minute at most. */
  readonly log: Logger;
  /** The time in milliseconds; only differences are used. */
  readonly now: () => number;
  /** Resolves after a time in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
}

/** Digests have the same length, so comparing them takes the same time. */
function digestOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** The secret in a header field; undefined for what is not Base64. */
function proofOf(scheme: string, text: string): Uint8Array | undefined {
  if (scheme !== "basic") return new TextEncoder().encode(text);
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

/** Compares credentials in constant time. */
class Credentials {
  /** The challenges, one per scheme (RFC 9110, section 11.6.1). */
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

/** Counts and logs refused requests. */
class Refusals {
  readonly counts = new Map<string, number>([["missing", 0], ["wrong", 0], ["flood", 0]]);
  readonly #options: GuardOptions;
  #loggedMs = -Infinity;
  #unlogged = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
    options.registry.counterBy(
      {
        name: "vllm_metrics_requests_unauthorized_total",
        help: "Requests rejected: without credentials, with wrong ones, or too many of those.",
      },
      "reason",
      this.counts,
    );
  }

  add(reason: "missing" | "wrong" | "flood"): void {
    addCount(this.counts, reason, 1);
    if (reason === "missing") return;
    this.#unlogged++;
    const now = this.#options.now();
    if (now - this.#loggedMs < LOG_MS) return;
    this.#options.log.warn("Wrong credentials", { tries: this.#unlogged });
    this.#loggedMs = now;
    this.#unlogged = 0;
  }
}

/**
 * Guards all routes. Requests with the right credentials pass at once. The response to wrong ones
 * takes half a second, which slows guessing; while {@linkcode MAX_WAITING} of them wait, further ones
 * get 429 at once, since each that waits costs memory.
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
    // A browser sends none at first, so that is not an attempt.
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
