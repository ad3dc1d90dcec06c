/** Requests as the HTTP side of a simulated server counts them. */

import type { EngineRequest } from "./engine_request.ts";
import type { Exchange } from "./http_stats.ts";
import type { Demand } from "./workload.ts";

/** Bytes of a body beside the text, and bytes of a token: rough, for the size families only. */
const BODY_BYTES = 300;
const TOKEN_BYTES = 4;
/** How long a request takes that is refused at once, in milliseconds. */
const REFUSAL_MS = 2;

function bodyBytes(tokens: number): number {
  return BODY_BYTES + tokens * TOKEN_BYTES;
}

/** A request that an engine has ended now. */
export function exchangeOf(request: EngineRequest, nowMs: number): Exchange {
  return {
    handler: request.handler,
    status: request.reason === "error" ? "5xx" : "2xx",
    tookMs: nowMs - request.arrivedMs,
    received: bodyBytes(request.promptTokens),
    sent: bodyBytes(request.generated),
  };
}

/** A request that no engine got. */
export function refusalOf({ handler, promptTokens }: Demand, status: "4xx" | "5xx"): Exchange {
  const received = bodyBytes(promptTokens);
  return { handler, status, tookMs: REFUSAL_MS, received, sent: bodyBytes(0) };
}
