import { assertEquals } from "@std/assert";
import { createService } from "../../lib/commands/service.ts";
import { parseConfig } from "../../lib/config/config.ts";
import { markdownTable } from "../../lib/config/settings_text.ts";
import { createLogger } from "../../lib/log.ts";

const README = new URL("../../README.md", import.meta.url);

Deno.test("README.md has the table of settings between its markers", async () => {
  const text = await Deno.readTextFile(README);
  const block = /<!-- settings -->\n([^]*?)\n<!-- \/settings -->/.exec(text)?.[1];
  assertEquals(block?.trim(), markdownTable());
});

/** The names of all metrics of a service that has everything turned on. */
async function ownFamilies(folder: string): Promise<string[]> {
  const result = parseConfig({
    VLLM_METRICS_URL: "http://vllm:8000",
    PARSEABLE_URL: "http://parseable:8000",
    METRICS_BEARER_TOKEN: "token-of-readers",
    HISTORY_FILE: `${folder}/history.db`,
  }, () => "");
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  const host = {
    now: Date.now,
    startedMs: 0,
    cpuSeconds: () => 0,
    residentBytes: () => 0,
    runtime: "2.0.0",
  };
  const log = createLogger({ level: "error", format: "text", write: () => {}, now: Date.now });
  using service = createService({ ...result.config, relay: result.config.relay, log, host });
  const headers = { authorization: "Bearer token-of-readers" };
  const response = await service.handler(new Request("http://x/-/metrics", { headers }));
  return [...(await response.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name);
}

Deno.test("README.md names every metric of the service, those of the history by their beginning", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const text = await Deno.readTextFile(README);
    const own = (await ownFamilies(folder)).filter((name) =>
      !name.startsWith("process_") && !name.startsWith("vllm_metrics_history_")
    );
    assertEquals(own.filter((name) => !text.includes(`\`${name}\``)), []);
    assertEquals(own.includes("vllm_metrics_requests_unauthorized_total"), true);
    assertEquals(own.includes("vllm_metrics_parseable_up"), true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
