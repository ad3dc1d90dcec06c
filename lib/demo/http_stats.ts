/** What the HTTP side of a simulated server has counted. */

import { HTTP_COARSE, HTTP_FINE } from "./buckets.ts";
import { Histogram } from "./histogram.ts";

/** The routes that clients call. */
export const HANDLERS = ["/v1/chat/completions", "/v1/completions"] as const;
/** One of them. */
export type HandlerName = typeof HANDLERS[number];

/** The classes of status that are counted. */
export const STATUSES = ["2xx", "4xx", "5xx"] as const;
/** One of them. */
export type StatusClass = typeof STATUSES[number];

/** Sizes of bodies. */
export interface Sizes {
  /** How many bodies. */
  count: number;
  /** Their bytes. */
  sum: number;
}

/** One route's numbers. */
export interface HandlerStats {
  /** Requests by class of status. */
  readonly requests: Record<StatusClass, number>;
  /** When the first of each class ended, in milliseconds. */
  readonly firstMs: Partial<Record<StatusClass, number>>;
  /** How long they took, in seconds. */
  readonly durations: Histogram;
  /** Bodies that came. */
  readonly received: Sizes;
  /** Bodies that went. */
  readonly sent: Sizes;
}

/** One HTTP request that has been answered. */
export interface Exchange {
  /** Its route. */
  readonly handler: HandlerName;
  /** How it was answered. */
  readonly status: StatusClass;
  /** How long that took, in milliseconds. */
  readonly tookMs: number;
  /** Bytes of its body. */
  readonly received: number;
  /** Bytes of the answer's body. */
  readonly sent: number;
}

function newHandlerStats(): HandlerStats {
  return {
    requests: { "2xx": 0, "4xx": 0, "5xx": 0 },
    firstMs: {},
    durations: new Histogram(HTTP_COARSE),
    received: { count: 0, sum: 0 },
    sent: { count: 0, sum: 0 },
  };
}

function countSize(sizes: Sizes, bytes: number): void {
  sizes.count++;
  sizes.sum += bytes;
}

/** Counts HTTP requests. */
export class HttpStats {
  /** By route. */
  readonly handlers: Readonly<Record<HandlerName, HandlerStats>> = {
    "/v1/chat/completions": newHandlerStats(),
    "/v1/completions": newHandlerStats(),
  };
  /** How long all of them took, in seconds. */
  readonly durations: Histogram = new Histogram(HTTP_FINE);

  /** Counts one that ended now. */
  count({ handler, status, tookMs, received, sent }: Exchange, nowMs: number): void {
    const stats = this.handlers[handler];
    stats.requests[status]++;
    stats.firstMs[status] ??= nowMs;
    stats.durations.observe(tookMs / 1_000);
    this.durations.observe(tookMs / 1_000);
    countSize(stats.received, received);
    countSize(stats.sent, sent);
  }
}
