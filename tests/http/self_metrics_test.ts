import { assert, assertEquals } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { DROP_REASONS } from "../../lib/exposition/dropped.ts";
import {
  capture,
  EXPOSITION_TYPE,
  renamed,
  seriesOf,
  serveCapture,
  startService,
} from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";

/** All families with their types, as docs/metrics.md has them. */
const TYPES: Readonly<Record<string, string>> = {
  "process_cpu_seconds_total": "counter",
  "process_resident_memory_bytes": "gauge",
  "process_start_time_seconds": "gauge",
  "vllm_metrics_build_info": "gauge",
  "vllm_metrics_dropped_lines_total": "counter",
  "vllm_metrics_filtered_samples_total": "counter",
  "vllm_metrics_history_bytes": "gauge",
  "vllm_metrics_history_cut_samples": "gauge",
  "vllm_metrics_history_dropped_samples_total": "counter",
  "vllm_metrics_history_dropped_scrapes_total": "counter",
  "vllm_metrics_history_file_bytes": "gauge",
  "vllm_metrics_history_file_up": "gauge",
  "vllm_metrics_history_polls_total": "counter",
  "vllm_metrics_history_scrapes_total": "counter",
  "vllm_metrics_history_series": "gauge",
  "vllm_metrics_history_skipped_scrapes_total": "counter",
  "vllm_metrics_log_lines_dropped_total": "counter",
  "vllm_metrics_pages_open": "gauge",
  "vllm_metrics_pages_refused_total": "counter",
  "vllm_metrics_reply_bytes_total": "counter",
  "vllm_metrics_requests_in_flight": "gauge",
  "vllm_metrics_requests_refused_total": "counter",
  "vllm_metrics_scrape_duration_seconds": "gauge",
  "vllm_metrics_scrape_failures_total": "counter",
  "vllm_metrics_scrape_samples": "gauge",
  "vllm_metrics_scrapes_shared_total": "counter",
  "vllm_metrics_scrapes_total": "counter",
  "vllm_metrics_slow_pages_dropped_total": "counter",
  "vllm_metrics_slow_readers_dropped_total": "counter",
  "vllm_metrics_upstream_bytes_total": "counter",
  "vllm_metrics_upstream_up": "gauge",
  "vllm_metrics_views_computed_total": "counter",
};

/** Series that say something of a scrape: there is none before the first. */
const OF_LAST_SCRAPE = [
  "vllm_metrics_upstream_up",
  "vllm_metrics_scrape_duration_seconds",
  "vllm_metrics_scrape_samples",
];

function typesOf(text: string): Record<string, string> {
  const lines = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return Object.fromEntries(lines.map(([, name = "", type = ""]) => [name, type]).toSorted());
}

Deno.test("/-/metrics has the documented families, before and after scrapes, good and bad", async () => {
  let status = 200;
  await using vllm = serveHttp(() => new Response("vllm:up 1\n", { status }));
  await using service = startService(vllm.origin);
  const check = async (): Promise<void> => {
    const response = await service.get("/-/metrics");
    assertEquals(response.headers.get("content-type"), EXPOSITION_TYPE);
    const text = await response.text();
    assertEquals(typesOf(text), TYPES);
    assertEquals(text.match(/^# HELP/gm)?.length, Object.keys(TYPES).length);
  };
  await check();
  await (await service.get("/metrics")).text();
  await check();
  status = 500;
  await (await service.get("/metrics")).text();
  await check();
});

Deno.test("before the first scrape nothing is said of vLLM", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  const series = await service.ownMetrics();
  for (const name of OF_LAST_SCRAPE) assert(!series.has(name), `${name} is there`);
  assertEquals(series.get("vllm_metrics_scrapes_total"), 0);
  assertEquals(series.get("vllm_metrics_requests_in_flight"), 0);
  assertEquals(series.get("vllm_metrics_requests_refused_total"), 0);
  assertEquals(series.get("vllm_metrics_slow_readers_dropped_total"), 0);
});

Deno.test("the build and the process are described", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  const series = await service.ownMetrics();
  const build = `vllm_metrics_build_info{version="${manifest.version}",deno_version="2.0.0"}`;
  assertEquals(series.get(build), 1);
  assertEquals(series.get("process_start_time_seconds"), 1);
  assertEquals(series.get("process_cpu_seconds_total"), 1.5);
  assertEquals(series.get("process_resident_memory_bytes"), 1_048_576);
  // CPU time is read anew, not added up.
  assertEquals((await service.ownMetrics()).get("process_cpu_seconds_total"), 1.5);
});

Deno.test("every reason for a lost line is there from the beginning", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  const series = await service.ownMetrics();
  for (const reason of Object.keys(DROP_REASONS)) {
    assertEquals(series.get(`vllm_metrics_dropped_lines_total{reason="${reason}"}`), 0);
  }
});

Deno.test("a scrape moves its counters by what it was", async () => {
  let nowMs = 0;
  await using vllm = serveHttp(() => {
    nowMs += 250;
    return new Response(capture("idle").bytes);
  });
  await using service = startService(vllm.origin, { now: () => nowMs });
  const text = await (await service.get("/metrics")).text();
  const bytes = capture("idle").bytes.length;
  let series = await service.ownMetrics();
  assertEquals(text, renamed(capture("idle").text));
  assertEquals(series.get("vllm_metrics_upstream_up"), 1);
  assertEquals(series.get("vllm_metrics_scrapes_total"), 1);
  assertEquals(series.get("vllm_metrics_scrape_samples"), seriesOf(text).size);
  assertEquals(series.get("vllm_metrics_upstream_bytes_total"), bytes);
  assertEquals(series.get("vllm_metrics_reply_bytes_total"), text.length);
  assertEquals(series.get("vllm_metrics_scrape_duration_seconds"), 0.25);
  await (await service.get("/metrics")).text();
  series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_scrapes_total"), 2);
  assertEquals(series.get("vllm_metrics_upstream_bytes_total"), 2 * bytes);
  assertEquals(series.get("vllm_metrics_scrape_samples"), seriesOf(text).size);
});

Deno.test("lines that are left out are counted by reason", async () => {
  await using vllm = serveHttp(() =>
    new Response('vllm:a 1\n!!\nvllm:b x\nvllm:c 1 x\nvllm:d{e="f} 1\nvllm:g 1\n')
  );
  await using service = startService(vllm.origin);
  assertEquals(await (await service.get("/metrics")).text(), "vllm_a 1\nvllm_g 1\n");
  const series = await service.ownMetrics();
  const dropped = Object.keys(DROP_REASONS).flatMap((reason) => {
    const count = series.get(`vllm_metrics_dropped_lines_total{reason="${reason}"}`) ?? 0;
    return count > 0 ? [[reason, count]] : [];
  });
  assertEquals(Object.fromEntries(dropped), {
    "bad_label": 1,
    "bad_name": 1,
    "bad_timestamp": 1,
    "bad_value": 1,
  });
});

Deno.test("/-/metrics does not count as a scrape, nor do the other routes", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  for (const path of ["/", "/health", "/-/healthy", "/-/ready", "/-/metrics", "/nothing"]) {
    await (await service.get(path)).text();
  }
  assertEquals((await service.ownMetrics()).get("vllm_metrics_scrapes_total"), 0);
  assertEquals(vllm.requests, []);
});
