import { assert, assertEquals } from "@std/assert";
import { capture, renamed, serveCapture } from "../fakes.ts";
import { serveParseable } from "../relay/fake_parseable.ts";
import { serveHttp } from "../net/fakes.ts";
import { decodeMetricsJson } from "../../lib/otlp/decode.ts";
import { allMetrics, exposed, metricsOf, serveReceiver, startPush } from "./receiver.ts";

const LORA = [
  "# TYPE vllm:lora_requests_info gauge",
  'vllm:lora_requests_info{running_lora_adapters="a"} 1.7e+09',
  'vllm:lora_requests_info{running_lora_adapters="c"} 1.9e+09',
  'vllm:lora_requests_info{running_lora_adapters="b"} 1.8e+09',
  "",
].join("\n");

/** The lines of the families whose name passes a test, by the family of the lines before. */
function linesOf(text: string, keeps: (family: string) => boolean): string {
  let family = "";
  return text.split("\n").filter((line) => {
    family = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1] ?? family;
    return line === "" || keeps(family);
  }).join("\n");
}

Deno.test("/metrics has all families by default", async () => {
  await using vllm = serveCapture("during-load-c40");
  await using service = startPush({ VLLM_METRICS_URL: vllm.origin });

  assertEquals(await service.get("/metrics"), renamed(capture("during-load-c40").text));
  const own = await service.ownMetrics();
  assertEquals(own.get('vllm_metrics_filtered_samples_total{from="metrics"}'), 0);
});

Deno.test("METRICS_DROP and METRICS_KEEP match whole families after renaming, and drop wins", async () => {
  const { text } = capture("during-load-c40");
  // In pieces that end within lines.
  await using vllm = serveHttp(() => {
    const bytes = new TextEncoder().encode(text);
    return new Response(ReadableStream.from((function* (): Generator<Uint8Array<ArrayBuffer>> {
      for (let at = 0; at < bytes.length; at += 777) yield bytes.slice(at, at + 777);
    })()));
  });
  await using service = startPush({
    VLLM_METRICS_URL: vllm.origin,
    METRICS_KEEP: "vllm:*, python_info",
    METRICS_DROP: "*_created,vllm_e2e_request_latency_seconds",
  });

  const got = await service.get("/metrics");

  const expected = linesOf(
    renamed(text),
    (family) =>
      (family.startsWith("vllm_") || family === "python_info") && !family.endsWith("_created") &&
      family !== "vllm_e2e_request_latency_seconds",
  );
  assertEquals(got, expected);
  const samples = (all: string): number => all.match(/^[^#\n]/gm)?.length ?? 0;
  const own = await service.ownMetrics();
  assertEquals(
    own.get('vllm_metrics_filtered_samples_total{from="metrics"}'),
    samples(text) - samples(expected),
  );
});

Deno.test.each(["false", "true"])(
  "the push leaves out _created times and old series of lora_requests_info; BACKEND_COMPLETE=%s",
  async (complete) => {
    const created = "# TYPE vllm:a_total counter\nvllm:a_total 1\n" +
      "# TYPE vllm:a_created gauge\nvllm:a_created 1000\n";
    await using vllm = serveHttp(() => new Response(created + LORA));
    await using receiver = serveReceiver();
    await using service = startPush({
      VLLM_METRICS_URL: `e=${vllm.origin}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      OTEL_METRIC_EXPORT_INTERVAL: "3600000",
      BACKEND_COMPLETE: complete,
    });
    const { request } = await receiver.first();

    const names = [...exposed(metricsOf(request, "e")).keys()];

    const lora = (adapter: string): string =>
      `vllm_lora_requests_info{instance="e",running_lora_adapters="${adapter}"}`;
    assertEquals(
      names,
      complete === "true"
        ? [
          'vllm_a_total{instance="e"}',
          'vllm_a_created{instance="e"}',
          lora("a"),
          lora("c"),
          lora("b"),
        ]
        : ['vllm_a_total{instance="e"}', lora("c")],
    );
    const own = await service.ownMetrics();
    const filtered = own.get('vllm_metrics_filtered_samples_total{from="push"}');
    assertEquals(filtered, complete === "true" ? 0 : 3);
  },
);

Deno.test("the relay leaves out the same, for each server, and what METRICS_DROP names", async () => {
  await using parseable = serveParseable();
  await using service = startPush({
    VLLM_METRICS_URL: "http://127.0.0.1:9",
    PARSEABLE_URL: parseable.origin,
    METRICS_DROP: "python_*",
  });
  const point = (instance: string, asDouble: number) => ({
    timeUnixNano: "1",
    asDouble,
    attributes: [{ key: "instance", value: { stringValue: instance } }],
  });
  const gauge = (name: string, ...dataPoints: unknown[]) => ({ name, gauge: { dataPoints } });
  const request = (...metrics: unknown[]) => ({
    resourceMetrics: [{ scopeMetrics: [{ metrics }] }],
  });

  const answer = await service.relay(request(
    gauge("vllm_a_created", point("x", 1)),
    gauge("python_info", point("x", 1)),
    gauge("vllm_lora_requests_info", point("x", 2), point("y", 5), point("x", 3), point("y", 4)),
    gauge("vllm_b", point("x", 1)),
  ));
  const onlyCreated = await service.relay(request(gauge("vllm_a_created", point("x", 1))));

  assertEquals([answer.status, onlyCreated.status], [200, 200]);
  await Promise.all([answer.body?.cancel(), onlyCreated.body?.cancel()]);
  const [stored, ...others] = parseable.stored.map(({ text }) =>
    exposed(allMetrics(decodeMetricsJson(new TextEncoder().encode(text))))
  );
  assert(others.length === 0);
  assertEquals([...stored ?? []], [
    ['vllm_lora_requests_info{instance="x"}', 3],
    ['vllm_lora_requests_info{instance="y"}', 5],
    ['vllm_b{instance="x"}', 1],
  ]);
  const own = await service.ownMetrics();
  assertEquals(own.get('vllm_metrics_filtered_samples_total{from="relay"}'), 5);
});
