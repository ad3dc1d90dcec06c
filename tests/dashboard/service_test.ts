import { assertEquals } from "@std/assert";
import { createDemoHandler } from "../../lib/demo/demo_handler.ts";
import { SimulatedVllm } from "../../lib/demo/simulated_vllm.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { applyPatch } from "../../lib/dashboard/patch.ts";
import type { View } from "../../lib/dashboard/view.ts";
import { startServe } from "../commands/process.ts";
import { startService, within } from "../fakes.ts";
import { type FakeServer, serveHttp } from "../net/fakes.ts";
import { type Page, pageOf } from "./pages.ts";
import { tileOf } from "./scenario.ts";

/** A simulated vLLM that lives ten seconds between two scrapes. */
function serveVllm(isDown: () => boolean = () => false): FakeServer {
  const server = new SimulatedVllm({ scenario: SCENARIOS.steady, seed: 3, startMs: 0 });
  const handler = createDemoHandler(server);
  return serveHttp((request) => {
    server.advance(server.nowMs + 10_000);
    return isDown() ? new Response("gone", { status: 500 }) : handler(request);
  });
}

/** Waits until a view is as it should be. */
function viewWhere(page: Page, isRight: (view: View) => boolean): Promise<View> {
  return within(readUntil(page, isRight), () => "no view was right");
}

/** What each page shows. */
const shown = new WeakMap<Page, View>();

async function readUntil(page: Page, isRight: (view: View) => boolean): Promise<View> {
  let view = shown.get(page);
  for (;;) {
    const event = await page.next();
    if (event === undefined) throw new Error("The page ended");
    const data = event.data === undefined ? undefined : JSON.parse(event.data);
    if (event.event === "view") view = data;
    if (event.event === "change" && view !== undefined) view = applyPatch(view, data);
    if (view === undefined) continue;
    shown.set(page, view);
    if (isRight(view)) return view;
  }
}

Deno.test("an open page makes the service scrape, and shows what was scraped", async () => {
  await using vllm = serveVllm();
  await using service = startService(`${vllm.origin}/metrics`, { intervalMs: 100 });
  await using page = pageOf(await service.get("/api/v1/events"));
  const view = await viewWhere(page, (view) => tileOf(view, "running").value !== null);
  assertEquals(view.targets.map(({ state }) => state), ["up"]);
  assertEquals(view.models, ["meta-llama/Llama-3.1-8B-Instruct"]);
  assertEquals((await service.ownMetrics()).get("vllm_metrics_pages_open"), 1);
});

Deno.test("an open page sees vLLM go and come back", async () => {
  let isDown = false;
  await using vllm = serveVllm(() => isDown);
  await using service = startService(`${vllm.origin}/metrics`, { intervalMs: 100 });
  await using page = pageOf(await service.get("/api/v1/events"));
  const stateIs = (state: string) => (view: View): boolean => view.targets[0]?.state === state;
  await viewWhere(page, stateIs("up"));
  isDown = true;
  const down = await viewWhere(page, stateIs("down"));
  assertEquals(down.findings.map(({ id }) => id), ["server_down"]);
  assertEquals(tileOf(down, "running").note, "server down");
  isDown = false;
  const back = await viewWhere(page, stateIs("up"));
  assertEquals(back.findings.filter(({ id }) => id === "server_down"), []);
});

Deno.test("open pages do not keep the service from ending", async () => {
  await using vllm = serveVllm();
  await using service = await startServe({ env: { VLLM_METRICS_URL: vllm.origin } });
  await using page = pageOf(await fetch(`${await service.origin()}/api/v1/events`));
  await viewWhere(page, () => true);
  service.kill("SIGTERM");
  while (await page.next() !== undefined);
  assertEquals(await service.code, 0);
  assertEquals(service.log.all.filter((line) => line.includes("level=error")), []);
});
