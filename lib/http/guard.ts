/** Requires credentials on all routes but the health routes. */

import { createHash, timingSafeEqual } from "node:crypto";
import { STATUS_CODE } from "@std/http/status";
import type { Access } from "../config/config.ts";
import type { Logger } from "../log.ts";
import { addCount, type MetricsRegistry } from "../metrics_registry.ts";
import { requestPath, type Route, textResponse } from "./responses.ts";

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

/** What {@linkcode createGuard} needs. */
export type GuardOptions = {
  readonly access: Access;
  readonly registry: MetricsRegistry;
  /** Logs wrong credentials, once a minute at most. */
  readonly log: Logger;
  /** The time in milliseconds; only differences are used. */
  readonly now: () => number;
  /** Resolves after a time in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
};

/** Digests have the same length, so comparing them takes the same time. */
function digestOf(secret: string | Uint8Array): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

/** The secret in a header field; undefined for what is not Base64. */
function proofOf(scheme: string, text: string): string | Uint8Array | undefined {
  if (scheme !== "basic") return text;
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

/** Judges the field Authorization of a request, in constant time. */
function judgeOf(
  { basic, bearer }: Access,
): (authorization: string | null) => "right" | "wrong" | "missing" {
  const digests = new Map<string, Uint8Array>();
  if (basic !== undefined) digests.set("basic", digestOf(basic.reveal()));
  if (bearer !== undefined) digests.set("bearer", digestOf(bearer.reveal()));
  return (authorization) => {
    if (authorization === null) return "missing";
    const [, name = "", text = ""] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
    const scheme = name.toLowerCase();
    const [wanted, proof] = [digests.get(scheme), proofOf(scheme, text)];
    if (wanted === undefined || proof === undefined) return "wrong";
    return timingSafeEqual(digestOf(proof), wanted) ? "right" : "wrong";
  };
}

/**
 * Guards all routes. Requests with the right credentials pass at once. The response to wrong ones
 * takes half a second, which slows guessing; while {@linkcode MAX_WAITING} of them wait, further ones
 * get 429 at once, since each that waits costs memory.
 */
export function createGuard(route: Route, options: GuardOptions): Route {
  const { access, registry, log, now, wait } = options;
  const judge = judgeOf(access);
  const counts = new Map([["missing", 0], ["wrong", 0], ["flood", 0]]);
  let waiting = 0;
  let unlogged = 0;
  let loggedMs = -Infinity;
  registry.counterBy(
    {
      name: "vllm_metrics_requests_unauthorized_total",
      help: "Requests rejected: without credentials, with wrong ones, or too many of those.",
    },
    "reason",
    counts,
  );

  function count(reason: "wrong" | "flood"): void {
    addCount(counts, reason, 1);
    unlogged++;
    if (now() - loggedMs < LOG_MS) return;
    log.warn("Wrong credentials", { tries: unlogged });
    loggedMs = now();
    unlogged = 0;
  }

  function unauthorized(sentence: string): Response {
    const headers = { "cache-control": "no-store" };
    const response = textResponse(STATUS_CODE.Unauthorized, sentence, headers);
    // One challenge per scheme (RFC 9110, section 11.6.1).
    const challenge = (text: string): void => response.headers.append("www-authenticate", text);
    if (access.basic !== undefined) challenge('Basic realm="vllm-metrics", charset="UTF-8"');
    if (access.bearer !== undefined) challenge('Bearer realm="vllm-metrics"');
    return response;
  }

  async function refuseWrong(): Promise<Response> {
    if (waiting >= MAX_WAITING) {
      count("flood");
      const headers = { "retry-after": "1" };
      return textResponse(STATUS_CODE.TooManyRequests, "Too many wrong credentials.", headers);
    }
    count("wrong");
    waiting++;
    await wait(WRONG_MS);
    waiting--;
    return unauthorized("The credentials are wrong.");
  }

  return (request) => {
    const shown = judge(request.headers.get("authorization"));
    if (shown === "right" || OPEN_PATHS.includes(requestPath(request) ?? "")) return route(request);
    if (shown === "wrong") return refuseWrong();
    // A browser sends none at first, so that is not an attempt.
    addCount(counts, "missing", 1);
    return unauthorized("This needs credentials.");
  };
}
