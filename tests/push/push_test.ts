import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { NumberDataPoint, Sum } from "../../lib/otlp/gen/metrics.ts";
import { parseConfig } from "../../lib/config/config.ts";
import { serveCapture, until } from "../fakes.ts";
import { closedPort, pem, serveHttp } from "../net/fakes.ts";
import { GOOD, serveParseable } from "../relay/fake_parseable.ts";
import {
  allMetrics,
  exposed,
  metricsOf,
  read,
  type Received,
  resourcesOf,
  samplesOf,
  serveReceiver,
  startPush,
} from "./receiver.ts";

/** A point of the sum with a name in the request that a test looks at. */
function sumPoint(
  { request }: Received,
  name: string,
): NumberDataPoint & Sum {
  const sum = allMetrics(request).find((each) => each.name === name)?.sum;
  const [point] = sum?.dataPoints ?? [];
  if (sum === undefined || point === undefined) throw new Error(`${name} is no sum with a point`);
  return { ...point, ...sum };
}

/** The start of that point, in milliseconds. */
function startOf(received: Received, name: string): number {
  return Number(sumPoint(received, name).startTimeUnixNano) / 1e6;
}

Deno.test.each(["http/protobuf", "http/json"])(
  "every sample of a server arrives under its name on /metrics (%s)",
  async (protocol) => {
    for (const name of ["during-load-c40", "rust33-during-load"]) {
      await using vllm = serveCapture(name);
      await using receiver = serveReceiver();
      await using service = startPush({
        VLLM_METRICS_URL: `engine=${vllm.origin}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        BACKEND_COMPLETE: "true",
      });
      const first = await receiver.first();

      const sent = exposed(metricsOf(first.request, "engine"));

      const expected = samplesOf(await service.get("/metrics"));
      assertEquals(new Map([...sent].toSorted()), new Map([...expected].toSorted()));
      assertEquals(
        first.headers.get("content-type"),
        {
          "http/json": "application/json",
          "http/protobuf": "application/x-protobuf",
        }[protocol],
      );
      assertEquals(first.path, "/v1/metrics");
    }
  },
);

Deno.test.each([
  [undefined, "application/json"],
  ["application/json", "application/json"],
  ["application/x-protobuf", "application/x-protobuf"],
])("GET /metrics/otel has the points of a push (accept: %s)", async (accept, type) => {
  await using vllm = serveCapture("during-load-c40");
  await using receiver = serveReceiver();
  const servers = { VLLM_METRICS_URL: `engine=${vllm.origin}` };
  await using pushing = startPush({
    ...servers,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
    OTEL_METRIC_EXPORT_INTERVAL: "3600000",
  });
  await using silent = startPush(servers);
  const pushed = metricsOf((await receiver.first()).request, "engine");

  for (const { origin } of [pushing, silent]) {
    const response = await fetch(`${origin}/metrics/otel`, accept ? { headers: { accept } } : {});
    const request = read(response.headers, await response.bytes());

    assertEquals([response.status, response.headers.get("content-type")], [200, type]);
    assertEquals(exposed(metricsOf(request, "engine")), exposed(pushed));
    assertEquals(exposed(metricsOf(request)).get('vllm_metrics_upstream_up{instance="engine"}'), 1);
  }
});

Deno.test("whether each server is up, and the service's own metrics, arrive as a resource", async () => {
  await using vllm = serveCapture("during-load-c40");
  await using receiver = serveReceiver();
  await using _service = startPush({
    VLLM_METRICS_URL: `good=${vllm.origin} bad=http://127.0.0.1:${closedPort()}`,
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.origin}/own/path`,
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=a%2Cb%20c,service.name=other",
    OTEL_SERVICE_NAME: "llm",
  });
  const first = await receiver.first();

  const uuid = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/;
  assertEquals(resourcesOf(first.request).map((labels) => labels.replace(uuid, "UUID")), [
    '{deployment.environment="a,b c",service.instance.id="good",service.name="llm"}',
    '{deployment.environment="a,b c",service.instance.id="UUID",service.name="vllm-metrics"}',
  ]);
  const own = exposed(metricsOf(first.request));
  assertEquals(own.get('vllm_metrics_upstream_up{instance="good"}'), 1);
  assertEquals(own.get('vllm_metrics_upstream_up{instance="bad"}'), 0);
  assertEquals(first.path, "/own/path");
});

Deno.test("a counter counts since its _created time, or the start of the process, or the first scrape; after a reset, since then", async () => {
  let text = "";
  await using vllm = serveHttp(() => new Response(text));
  await using receiver = serveReceiver();
  const started = Date.now();
  text = "# TYPE a_total counter\na_total 5\n# TYPE vllm:b_total counter\nvllm:b_total 5\n" +
    "# TYPE vllm:b_created gauge\nvllm:b_created 1000.5\n";
  await using _service = startPush({
    VLLM_METRICS_URL: vllm.origin,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
  });
  const first = await receiver.first();
  const { isMonotonic, aggregationTemporality, startTimeUnixNano, timeUnixNano } = sumPoint(
    first,
    "a_total",
  );
  assertEquals([isMonotonic, aggregationTemporality], [true, 2]);
  assertEquals(startTimeUnixNano, timeUnixNano);
  assert(startOf(first, "a_total") >= started);
  assertEquals(startOf(first, "vllm_b_total"), 1_000_500);

  text = text.replace("a_total 5", "a_total 2");
  const reset = await until(
    () => receiver.received.find((each) => sumPoint(each, "a_total").asDouble === 2),
    "the reset",
  );
  const start = startOf(reset, "a_total");
  const last = receiver.received[receiver.received.indexOf(reset) - 1];
  if (last === undefined) throw new Error("the reset came first");
  assertEquals(start, Number(sumPoint(last, "a_total").timeUnixNano) / 1e6);
  assertEquals(startOf(reset, "vllm_b_total"), 1_000_500);

  text += "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1700000000\n" +
    "# TYPE c_total counter\nc_total 1\n";
  const later = await until(
    () =>
      receiver.received.find(({ request }) =>
        allMetrics(request).some(({ name }) => name === "c_total")
      ),
    "the new counter",
  );
  assertEquals(startOf(later, "c_total"), 1_700_000_000_000);
});

Deno.test("headers are percent-decoded, bodies compressed, and the variables of the signal win", async () => {
  await using vllm = serveCapture("during-load-c40");
  await using receiver = serveReceiver();
  await using _service = startPush({
    VLLM_METRICS_URL: vllm.origin,
    OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.origin}/base/`,
    OTEL_EXPORTER_OTLP_HEADERS: "x-general=1",
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: "authorization=Bearer%20a%2Cb, x-other = 2=3",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/protobuf",
  });
  const first = await receiver.first();
  const { headers, path } = first;
  const names = ["authorization", "x-other", "x-general", "content-encoding", "content-type"];
  assertEquals([path, ...names.map((name) => headers.get(name))], [
    "/base/v1/metrics",
    "Bearer a,b",
    "2=3",
    null,
    "gzip",
    "application/x-protobuf",
  ]);
});

Deno.test("the receiver's certificate is verified with the CA file", async () => {
  await using vllm = serveCapture("during-load-c40");
  await using receiver = serveReceiver("server");
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, pem("ca.pem"));
    await using _service = startPush({
      VLLM_METRICS_URL: vllm.origin,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      OTEL_EXPORTER_OTLP_CERTIFICATE: file,
    });
    assertEquals((await receiver.requests(1)).length > 0, true);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test.each([429, 502, 503, 504])(
  "a request that is answered %d is sent again, not before Retry-After",
  async (status) => {
    await using vllm = serveCapture("during-load-c40");
    await using receiver = serveReceiver();
    const times: number[] = [];
    receiver.answer = () => {
      times.push(performance.now());
      return times.length === 1
        ? new Response("busy", { status, headers: { "retry-after": "1" } })
        : new Response(null);
    };
    await using service = startPush({
      VLLM_METRICS_URL: vllm.origin,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      OTEL_METRIC_EXPORT_INTERVAL: "3600000",
    });
    const [first, second] = await receiver.requests(2);
    assertEquals(second?.bytes, first?.bytes);
    assert((times[1] ?? 0) - (times[0] ?? 0) >= 990);
    assertStringIncludes(await service.log.seen("Cannot push"), `it answered ${status}: busy`);
    await service.log.seen("pushed again");
    const own = await service.ownMetrics();
    assertEquals(own.get("vllm_metrics_push_queue_requests"), 0);
    assert((own.get("vllm_metrics_push_points_total") ?? 0) > 100);
  },
);

Deno.test("a request that is refused otherwise is counted and not sent again", async () => {
  await using vllm = serveCapture("during-load-c40");
  await using receiver = serveReceiver();
  receiver.answer = () => new Response("Bearer secret-token is wrong", { status: 400 });
  await using service = startPush({
    VLLM_METRICS_URL: vllm.origin,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20secret-token",
    OTEL_METRIC_EXPORT_INTERVAL: "3600000",
  });
  const line = await service.log.seen("Metrics were refused");
  assert(line.includes("it answered 400") && !line.includes("secret"));
  const own = await service.ownMetrics();
  assert((own.get('vllm_metrics_push_lost_points_total{reason="refused"}') ?? 0) > 100);
  assertEquals([own.get("vllm_metrics_push_queue_requests"), receiver.received.length], [0, 1]);
});

Deno.test.each(["application/json", "application/x-protobuf"])(
  "points that the receiver rejects are counted (%s)",
  async (type) => {
    await using vllm = serveCapture("during-load-c40");
    await using receiver = serveReceiver();
    const binary = new Uint8Array([0x0a, 0x07, 0x08, 0x03, 0x12, 0x03, 0x6f, 0x6c, 0x64]);
    const text = '{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"old"}}';
    receiver.answer = () =>
      new Response(type === "application/json" ? text : binary, {
        headers: { "content-type": type },
      });
    await using service = startPush({
      VLLM_METRICS_URL: vllm.origin,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      OTEL_METRIC_EXPORT_INTERVAL: "3600000",
    });
    assertStringIncludes(await service.log.seen("rejected points"), "points=3 error=old");
    const own = await service.ownMetrics();
    assertEquals(own.get('vllm_metrics_push_lost_points_total{reason="rejected"}'), 3);
  },
);

Deno.test("values that are not finite, and histograms that fall, are left out and counted", async () => {
  await using vllm = serveHttp(() =>
    new Response(
      "# TYPE vllm:a gauge\nvllm:a NaN\n# TYPE vllm:b gauge\nvllm:b 1\n# TYPE vllm:c histogram\n" +
        'vllm:c_bucket{le="1"} 5\nvllm:c_bucket{le="+Inf"} 3\nvllm:c_sum 1\nvllm:c_count 3\n',
    )
  );
  await using receiver = serveReceiver();
  await using service = startPush({
    VLLM_METRICS_URL: `e=${vllm.origin}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
    OTEL_METRIC_EXPORT_INTERVAL: "3600000",
  });
  const first = await receiver.first();
  assertEquals([...exposed(metricsOf(first.request, "e"))], [['vllm_b{instance="e"}', 1]]);
  const own = await service.ownMetrics();
  assertEquals(own.get('vllm_metrics_push_lost_points_total{reason="invalid"}'), 2);
});

Deno.test("PARSEABLE_PUSH sends JSON with the headers that Parseable wants", async () => {
  await using vllm = serveCapture("during-load-c40");
  await using parseable = serveParseable();
  await using _service = startPush({
    VLLM_METRICS_URL: vllm.origin,
    PARSEABLE_URL: parseable.origin,
    PARSEABLE_PUSH: "true",
    PARSEABLE_STREAM: "vm",
    P_USERNAME: "shipper",
    P_PASSWORD: "secret-password",
  });
  const stored = await until(() => parseable.stored[0], "a request");
  assertEquals(stored.headers.get("authorization"), GOOD);
  assertEquals(stored.headers.get("x-p-stream"), "vm");
});

Deno.test("mistakes in the settings of the push are named; without an endpoint they do not matter", () => {
  const mistakesOf = (env: Record<string, string>): readonly string[] => {
    const result = parseConfig({ VLLM_METRICS_URL: "http://v", ...env }, Deno.readTextFileSync);
    return result.ok ? [] : result.mistakes;
  };
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" };
  const names = [
    { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    { ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: "a" },
    { ...endpoint, OTEL_RESOURCE_ATTRIBUTES: "a=%" },
    { ...endpoint, OTEL_METRIC_EXPORT_INTERVAL: "10s" },
    { ...endpoint, PARSEABLE_PUSH: "true" },
    { PARSEABLE_PUSH: "true", P_USERNAME: "a", P_PASSWORD: "b" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:b@c:4318" },
    { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
  ].map((env) => mistakesOf(env).map((mistake) => mistake.slice(0, mistake.indexOf(":"))).join());
  assertEquals(names, [
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "PARSEABLE_PUSH",
    "PARSEABLE_PUSH",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "",
  ]);
});
