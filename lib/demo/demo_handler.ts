/** What a simulated server answers now, and would have answered before the first scrape. */

import { STATUS_CODE } from "@std/http/status";
import type { GoodScrape } from "../history/store.ts";
import { MetricsText } from "./metrics_text.ts";
import type { SimulatedVllm } from "./simulated_vllm.ts";

/** The simulated version of vLLM. */
const VLLM_VERSION = "0.33.0";

/** Answers `/metrics`, `/health`, `/version` and `/v1/models` as vLLM does; lets no time pass. */
export function createDemoHandler(server: SimulatedVllm): (request: Request) => Response {
  const metrics = new MetricsText(server);
  return function demoHandler(request): Response {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/metrics":
        return new Response(metrics.text(), { headers: { "content-type": metrics.contentType } });
      case "/health":
        return new Response(null);
      case "/version":
        return server.frontend === "sglang" ? notFound() : Response.json({ version: VLLM_VERSION });
      case "/v1/models":
        return Response.json(models(server));
      default:
        return notFound();
    }
  };
}

function notFound(): Response {
  return Response.json({ detail: "Not Found" }, { status: STATUS_CODE.NotFound });
}

function models({ model, run, maxModelLen, frontend }: SimulatedVllm): unknown {
  return {
    object: "list",
    data: [{
      id: model,
      object: "model",
      created: Math.floor(run.startMs / 1_000),
      owned_by: frontend === "sglang" ? "sglang" : "vllm",
      root: model,
      parent: null,
      max_model_len: maxModelLen,
    }],
  };
}

/** Which scrapes. */
export type PastOptions = {
  readonly instance: string;
  /** End, in milliseconds since 1970. */
  readonly untilMs: number;
  /** Interval, in milliseconds. */
  readonly stepMs: number;
};

/**
 * Advances a server to `untilMs` and scrapes it on the way; it must stay awake. The texts are not
 * sanitized: the history reads them as they are, and sanitizing would take longer than all else.
 */
export function* pastScrapes(
  server: SimulatedVllm,
  { instance, untilMs, stepMs }: PastOptions,
): Generator<GoodScrape> {
  const metrics = new MetricsText(server);
  for (let timeMs = server.nowMs; timeMs < untilMs; timeMs += stepMs) {
    server.advance(timeMs);
    yield { instance, timeMs, body: metrics.text() };
  }
  server.advance(untilMs);
}
