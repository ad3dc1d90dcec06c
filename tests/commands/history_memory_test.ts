import { assertEquals } from "@std/assert";
import { seriesOf } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { startServe } from "./process.ts";

const KIB = 1_024;
/** Recorded scrapes after which the service would have run out of memory. */
const SCRAPES = 30;

/** Scrapes a service with little memory again and again; each answer is different. */
async function survives(answer: (scrape: number) => string): Promise<void> {
  let scrape = 0;
  await using vllm = serveHttp(() => new Response(answer(scrape++)));
  await using service = await startServe({
    env: {
      VLLM_METRICS_URL: vllm.origin,
      SCRAPE_INTERVAL: "100ms",
      DENO_V8_FLAGS: "--max-old-space-size=150",
    },
  });
  const origin = await service.origin();
  for (let recorded = 0; recorded < SCRAPES;) {
    const reply = await fetch(`${origin}/metrics`);
    await reply.body?.pipeTo(new WritableStream());
    const own = seriesOf(await (await fetch(`${origin}/-/metrics`)).text());
    recorded = own.get("vllm_metrics_history_scrapes_total") ?? 0;
  }
  const health = await fetch(`${origin}/-/healthy`);
  await health.body?.cancel();
  assertEquals(health.status, 200);
}

Deno.test("new series with long labels in each scrape do not exhaust the memory", async () => {
  await survives((scrape) =>
    Array.from({ length: 100 }, (_, line) => {
      const name = `${scrape}-${line}-`.padEnd(60 * KIB, "x");
      return `vllm:num_requests_running{model_name="${name}"} 1\n`;
    }).join("")
  );
});

Deno.test("series whose labels change their order in each scrape do not exhaust the memory", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `label_${index}`);
  await survives((scrape) =>
    Array.from({ length: 2_000 }, (_, line) => {
      const turned = names.map((_, index) => names[(index + scrape) % names.length]);
      const labels = turned.map((name) => `${name}="${`${line}`.padEnd(150, "x")}"`);
      return `vllm:num_requests_running{${labels.join()}} 1\n`;
    }).join("")
  );
});
