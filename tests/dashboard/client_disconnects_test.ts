import { assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import type { Chart, Finding, Tile, View } from "../../lib/dashboard/view.ts";
import { startService, until } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";

/** The counts of a vLLM server, and what is different about its front end. */
interface Counts {
  frontend: "python" | "rust";
  running: number;
  firstTokens: number;
  stopped: number;
  aborted: number;
}

/** The Python front end lists `cache_config_info`, the Rust one does not. */
function expositionOf({ frontend, running, firstTokens, stopped, aborted }: Counts): string {
  const labels = 'model_name="m",engine="0"';
  return (frontend === "python" ? 'vllm:cache_config_info{engine="0"} 1\n' : "") +
    `vllm:num_requests_running{${labels}} ${running}\n` +
    `vllm:num_requests_waiting{${labels}} 0\n` +
    `vllm:generation_tokens_total{${labels}} ${firstTokens * 9}\n` +
    `vllm:time_to_first_token_seconds_count{${labels}} ${firstTokens}\n` +
    `vllm:e2e_request_latency_seconds_count{${labels}} ${stopped + aborted}\n` +
    `vllm:request_success_total{${labels},finished_reason="stop"} ${stopped}\n` +
    `vllm:request_success_total{${labels},finished_reason="abort"} ${aborted}\n`;
}

/** Scrapes a fake vLLM every 5 s for five minutes of a client's life, and gives the view then. */
async function viewAfter(
  frontend: Counts["frontend"],
  step: (counts: Counts, index: number) => void,
): Promise<View> {
  let nowMs = 1_795_492_800_000;
  const counts: Counts = { frontend, running: 3, firstTokens: 1_003, stopped: 900, aborted: 0 };
  if (frontend === "rust") counts.aborted = 100;
  await using vllm = serveHttp(() => new Response(expositionOf(counts)));
  await using service = startService(`${vllm.origin}/metrics`, { now: () => nowMs });
  for (let index = 0; index < 84; index++) {
    nowMs += 5_000;
    step(counts, index);
    await (await service.get("/metrics")).text();
    await until(() => service.history.newestMs === nowMs, "the scrape in the history");
  }
  return await (await service.get("/api/v1/view")).json();
}

function tile({ tiles }: View, id: string): Tile | undefined {
  return tiles.find((one) => one.id === id);
}

/** The newest value of a line of the chart of finish reasons. */
function rateOf({ charts }: View, name: string): number | null | undefined {
  const chart = charts.find(({ id }: Chart) => id === "finish_reasons");
  return chart?.series.find((line) => line.name === name)?.values.at(-1);
}

function finding({ findings }: View, id: string): Finding | undefined {
  return findings.find((one) => one.id === id);
}

/** Two requests get their first token in 5 s; of 20 of them 6 lose their client, the others end. */
function loseClients(counts: Counts, index: number): void {
  const lost = [0, 1, 1, 0, 1, 1, 0, 1, 1, 0][index % 10] ?? 0;
  counts.firstTokens += 2;
  counts.stopped += 2 - lost;
  if (counts.frontend === "rust") counts.aborted += lost;
}

Deno.test("clients that disconnect from the Python front end are derived and counted as failures", async () => {
  const view = await viewAfter("python", loseClients);
  assertAlmostEquals(rateOf(view, "client disconnect") ?? NaN, 6 / 50, 0.011);
  assertAlmostEquals(tile(view, "success")?.value ?? NaN, 0.7, 0.02);
  assertEquals(tile(view, "success")?.level, "bad");
  assertMatch(
    finding(view, "abort_share")?.why ?? "",
    /^(29|30|31)(\.\d)?\u00a0% of \d+ requests /,
  );
});

Deno.test("aborts that the Rust front end counts are not derived once more", async () => {
  const view = await viewAfter("rust", loseClients);
  assertEquals(rateOf(view, "client disconnect"), undefined);
  assertAlmostEquals(rateOf(view, "abort") ?? NaN, 6 / 50, 0.011);
  assertAlmostEquals(tile(view, "success")?.value ?? NaN, 0.7, 0.02);
});

Deno.test("requests that wait for their first token are not disconnects", async () => {
  const view = await viewAfter("python", (counts, index) => {
    // Every 50 s ten requests come at once, and get their first token 5 s later.
    if (index % 10 === 4) counts.running += 10;
    if (index % 10 === 5) counts.firstTokens += 10;
    if (index % 10 === 8) {
      counts.running -= 10;
      counts.stopped += 10;
    }
  });
  assertEquals(rateOf(view, "client disconnect"), 0);
  assertEquals(tile(view, "success")?.value, 1);
  assertEquals(finding(view, "abort_share"), undefined);
});

Deno.test("a restart of vLLM is no disconnect", async () => {
  const view = await viewAfter("python", (counts, index) => {
    if (index === 60) Object.assign(counts, { running: 0, firstTokens: 0, stopped: 0 });
    counts.firstTokens += 2;
    counts.stopped += 2;
  });
  assertEquals(rateOf(view, "client disconnect"), 0);
  assertEquals(tile(view, "success")?.value, 1);
});
