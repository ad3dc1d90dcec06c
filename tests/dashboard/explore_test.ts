import { assert, assertEquals, assertMatch } from "@std/assert";
import { HistoryStore } from "../../lib/history/store.ts";
import { startDashboard } from "./pages.ts";

/** Three minutes of a server with a family of each kind that no chart shows. */
function recorded(): HistoryStore {
  const history = new HistoryStore({ instances: ["vllm-a"] });
  const endMs = Date.now() - 3_000;
  for (let round = 0; round <= 90; round++) {
    const lines = [
      "# TYPE my_queue gauge",
      `my_queue{lane="fast"} 2`,
      `my_queue{lane="slow"} 5`,
      "# TYPE vllm:my_events counter",
      `vllm:my_events_total{model_name="m",kind="a"} ${round * 4}`,
      `vllm:my_events_total{model_name="m",kind="b"} ${round * 2}`,
      "# TYPE my_wait_seconds histogram",
      `my_wait_seconds_bucket{le="1"} ${round}`,
      `my_wait_seconds_bucket{le="2"} ${round * 2}`,
      `my_wait_seconds_bucket{le="+Inf"} ${round * 2}`,
      `my_wait_seconds_sum ${round * 2.5}`,
      `my_wait_seconds_count ${round * 2}`,
      "# TYPE lanes gauge",
      ...Array.from({ length: 20 }, (_, lane) => `lanes{lane="${lane}"} ${lane}`),
    ];
    history.add({
      instance: "vllm-a",
      timeMs: endMs - (90 - round) * 2_000,
      body: new TextEncoder().encode(`${lines.join("\n")}\n`),
    });
  }
  return history;
}

Deno.test("the explorer lists the families with their kinds and labels", async () => {
  await using service = startDashboard({ history: recorded() });
  const response = await fetch(`${service.origin}/api/v1/explore`);
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(await response.json(), {
    families: [
      { name: "lanes", kind: "gauge", labels: ["instance", "lane"] },
      { name: "my_events_total", kind: "counter", labels: ["instance", "kind", "model_name"] },
      { name: "my_queue", kind: "gauge", labels: ["instance", "lane"] },
      { name: "my_wait_seconds", kind: "histogram", labels: ["instance"] },
    ],
  });
  assertEquals(service.watchers(), 1);
});

/** What is asked, the unit of the chart, and its lines with their last values. */
const CHARTS: readonly (readonly [string, string, Readonly<Record<string, number>>])[] = [
  ["family=my_queue", "count", { value: 7 }],
  ["family=my_queue&show=value&by=lane", "count", { fast: 2, slow: 5 }],
  ["family=my_events_total", "events/s", { rate: 3 }],
  ["family=my_events_total&by=kind&model=m&window=900", "events/s", { a: 2, b: 1 }],
  ["family=my_wait_seconds", "seconds", { p95: 1.9 }],
  ["family=my_wait_seconds&show=mean", "seconds", { mean: 1.25 }],
  ["family=my_wait_seconds&show=rate&by=instance", "events/s", { "vllm-a": 1 }],
];

for (const [query, unit, lines] of CHARTS) {
  Deno.test(`the explorer shows ${query}`, async () => {
    await using service = startDashboard({ history: recorded() });
    const { chart } = await (await fetch(`${service.origin}/api/v1/explore?${query}`)).json();
    assertEquals([chart.id, chart.unit, chart.note], ["explore", unit, ""]);
    const last = chart.series.map(({ name, values }: { name: string; values: number[] }) => [
      name,
      values.findLast((value) => value !== null),
    ]);
    assertEquals(Object.fromEntries(last), lines);
    assertEquals(chart.times.length, chart.series[0].values.length);
  });
}

Deno.test("the explorer draws the sixteen highest lines, and says so", async () => {
  await using service = startDashboard({ history: recorded() });
  const response = await fetch(`${service.origin}/api/v1/explore?family=lanes&by=lane`);
  const { chart } = await response.json();
  const names = chart.series.map(({ name }: { name: string }) => Number(name));
  assertEquals(names, Array.from({ length: 16 }, (_, index) => index + 4));
  assertMatch(chart.remark, /^16 of 20 are drawn/);
});

Deno.test("the explorer shows a span of the past", async () => {
  await using service = startDashboard({ history: recorded() });
  const to = Math.floor(Date.now() / 1_000) - 60;
  const query = `family=my_queue&from=${to - 60}&to=${to}`;
  const { chart } = await (await fetch(`${service.origin}/api/v1/explore?${query}`)).json();
  assert(chart.times.at(-1) <= to && chart.times[0] >= to - 62);
});

const MISTAKES: Readonly<Record<string, readonly [message: RegExp, hint: RegExp]>> = {
  "family=my_queues": [/unknown family "my_queues"$/, /^Did you mean "my_queue"\?$/],
  "family=other": [/unknown family "other"$/, /such as lanes, my_events_total/],
  "family=my_queue&show=p95": [/a gauge has no "p95"$/, /^It has value\.$/],
  "family=my_wait_seconds&show=value": [/a histogram has no "value"$/, /p95, p50, p99, mean, rate/],
  "family=my_queue&by=kind": [/unknown label "kind"$/, /instance, lane/],
  "show=rate": [/without a family$/, /family=NAME/],
  "family=my_queue&window=301": [/unsupported window "301"$/, /300, 900/],
  "family=my_queue&instance=vllm-b": [/unknown server "vllm-b"$/, /vllm-a/],
  "famly=1": [/unknown parameter "famly"$/, /^Did you mean "family"\?$/],
};

for (const [query, [message, hint]] of Object.entries(MISTAKES)) {
  Deno.test(`the explorer refuses ${query}`, async () => {
    await using service = startDashboard({ history: recorded() });
    const response = await fetch(`${service.origin}/api/v1/explore?${query}`);
    const { error } = await response.json();
    assertEquals([response.status, error.code], [400, "REQUEST_INVALID"]);
    assertMatch(error.message, message);
    assertMatch(error.hint, hint);
    assertEquals(service.watchers(), 0);
  });
}
