import { assert, assertEquals } from "@std/assert";
import { createDemoHandler } from "../../lib/demo/demo_handler.ts";
import { startServer } from "./server.ts";

function ask(path: string, frontend: "python" | "rust" = "python"): Response {
  const subject = startServer({ frontend });
  subject.run(30);
  return createDemoHandler(subject.server)(new Request(`http://demo${path}`));
}

Deno.test.each(
  [
    ["python", "text/plain; version=1.0.0; charset=utf-8"],
    ["rust", "application/openmetrics-text; version=1.0.0; charset=utf-8"],
  ] as const,
)("/metrics of the %s front end has its content type", async (frontend, type) => {
  const response = ask("/metrics", frontend);
  assertEquals([response.status, response.headers.get("content-type")], [200, type]);
  assert((await response.text()).startsWith("# HELP "));
});

Deno.test("/health is empty and /version is vLLM's", async () => {
  const health = ask("/health");
  assertEquals([health.status, await health.text()], [200, ""]);
  assertEquals(await ask("/version").json(), { version: "0.33.0" });
});

Deno.test("/v1/models names the model of the metrics", async () => {
  const { data: [model] } = await ask("/v1/models").json();
  assertEquals([model.id, model.max_model_len], ["meta-llama/Llama-3.1-8B-Instruct", 16_384]);
});

Deno.test("other paths are not found", async () => {
  const response = ask("/metricsfoo");
  assertEquals([response.status, await response.json()], [404, { detail: "Not Found" }]);
});
