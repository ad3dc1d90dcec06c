/** The HTTP side of a simulated server. */

import { STATUS_CODE } from "@std/http/status";
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
        return Response.json({ version: VLLM_VERSION });
      case "/v1/models":
        return Response.json(models(server));
      default:
        return Response.json({ detail: "Not Found" }, { status: STATUS_CODE.NotFound });
    }
  };
}

function models({ model, run, maxModelLen }: SimulatedVllm): unknown {
  return {
    object: "list",
    data: [{
      id: model,
      object: "model",
      created: Math.floor(run.startMs / 1_000),
      owned_by: "vllm",
      root: model,
      parent: null,
      max_model_len: maxModelLen,
    }],
  };
}
