import { assertEquals } from "@std/assert";
import { exponential, gauge, histogram, labelled, requestWith, summary } from "./messages.ts";
import { capture, captureNames, relayed, testdata } from "./relay.ts";
import { decodeMetrics, decodeMetricsJson, type MetricData, type MetricsRequest } from "./plain.ts";

/** The JSON of the first point of a metric. */
function pointText(data: MetricData): string | undefined {
  const [body = ""] = relayed(requestWith(data)).bodies;
  return /"dataPoints":\[(.*)\]\}\}\]\}\]\}\]\}$/s.exec(body)?.[1];
}

// With UPDATE_GOLDEN=1 in the environment the files are written instead of compared.
Deno.test.each(captureNames())("the relay makes of %s what lies beside it", async (name) => {
  const file = testdata(`otlp/${name}.json`);
  const { bodies, counts } = relayed(decodeMetrics(capture(name)));
  const [body = ""] = bodies;
  if (Deno.env.get("UPDATE_GOLDEN") === "1") await Deno.writeTextFile(file, `${body}\n`);

  assertEquals(`${body}\n`, await Deno.readTextFile(file));
  assertEquals(bodies.length, 1);
  assertEquals(counts.unrepairable, 0);
  assertEquals(counts.repaired, counts.pointsByKind.histogram);
  assertEquals(counts.droppedByReason, {});
});

Deno.test.each<[string, number | bigint]>([
  ["7", 7],
  ["-1.5", -1.5],
  ["1e+21", 1e21],
  ["5e-324", 5e-324],
  ["9007199254740992", 2n ** 53n + 1n],
  ["-9223372036854776000", -(2n ** 63n)],
])("a value is the JSON number %s", (text, value) => {
  assertEquals(pointText(gauge({ value })), `{"timeUnixNano":"0","asDouble":${text}}`);
});

Deno.test("times and counts are text, and what is default is left out", () => {
  assertEquals(
    pointText(histogram({
      timeUnixNano: "1795493687995061749",
      startTimeUnixNano: "18446744073709551615",
      flags: 1,
      count: 2n ** 53n + 1n,
      sum: 0,
      bucketCounts: [2n ** 53n, 1],
      explicitBounds: [0.1],
      min: -1,
    })),
    '{"timeUnixNano":"1795493687995061749","startTimeUnixNano":"18446744073709551615","flags":1,' +
      '"count":"9007199254740993","sum":0,"min":-1,"bucketCounts":["9007199254740992","1"],' +
      '"explicitBounds":[0.1]}',
  );
});

Deno.test("a summary without quantiles has no empty array", () => {
  assertEquals(
    pointText(summary({ count: 1, sum: 2 })),
    '{"timeUnixNano":"0","count":"1","sum":2}',
  );
  assertEquals(
    pointText(summary({ count: 1, sum: 2, quantileValues: [{ quantile: 0.5, value: 2 }] })),
    '{"timeUnixNano":"0","count":"1","sum":2,"quantileValues":[{"quantile":0.5,"value":2}]}',
  );
});

Deno.test("an exponential histogram has every field that Parseable's reader demands", () => {
  assertEquals(
    pointText(exponential({ count: 1, scale: -3, positive: { offset: -2, bucketCounts: [1] } })),
    '{"attributes":[],"startTimeUnixNano":"0","timeUnixNano":"0","flags":0,"count":"1",' +
      '"scale":-3,"zeroCount":"0","zeroThreshold":0,' +
      '"positive":{"offset":-2,"bucketCounts":["1"]},"exemplars":[]}',
  );
});

Deno.test("an exemplar has its value where OTLP has it and where Parseable reads it", () => {
  const exemplar = { filteredAttributes: [], timeUnixNano: "1", spanId: "00ff", traceId: "" };

  assertEquals(
    pointText(gauge({ value: 1, exemplars: [{ ...exemplar, value: 5 }] })),
    '{"timeUnixNano":"0","asDouble":1,"exemplars":[{"filteredAttributes":[],"timeUnixNano":"1",' +
      '"spanId":"00ff","traceId":"","asDouble":5,"value":{"asDouble":5}}]}',
  );
});

Deno.test("attributes keep their types", () => {
  const value = {
    entries: [{ key: "k", value: [true, 5n, 5.5, Uint8Array.of(0, 1, 2), 'say "hi"\n'] }],
  };

  assertEquals(
    pointText(gauge({ value: 1, attributes: labelled(value) })),
    '{"attributes":[{"key":"label","value":{"kvlistValue":{"values":[{"key":"k","value":' +
      '{"arrayValue":{"values":[{"boolValue":true},{"intValue":"5"},{"doubleValue":5.5},' +
      '{"bytesValue":"AAEC"},{"stringValue":"say \\"hi\\"\\n"}]}}}]}}}],' +
      '"timeUnixNano":"0","asDouble":1}',
  );
});

Deno.test("points that differ in one attribute keep their own", () => {
  const label = (value: string) => ({ key: "engine", value });
  const shared = label("shared");
  const points = gauge(
    { value: 1, attributes: [shared, label("a")] },
    { value: 2, attributes: [shared, label("b")] },
    { value: 3, attributes: [label("c")] },
    { value: 4 },
    { value: 5, attributes: [shared, label("a")] },
  );
  const [body = ""] = relayed(requestWith(points)).bodies;

  assertEquals(decodeMetricsJson(new TextEncoder().encode(body)), requestWith(points));
});

Deno.test("resource and scope stand around the metrics", () => {
  const request: MetricsRequest = requestWith(gauge({ value: 1 }));
  const [resource] = request.resourceMetrics;
  const [scope] = resource?.scopeMetrics ?? [];
  const [metric] = scope?.metrics ?? [];
  if (resource === undefined || scope === undefined || metric === undefined) throw new Error();
  resource.resource = { attributes: labelled("r"), droppedAttributesCount: 3 };
  resource.schemaUrl = "https://resource";
  scope.scope = { name: "n", version: "v", attributes: labelled("s"), droppedAttributesCount: 0 };
  scope.schemaUrl = "https://scope";
  metric.description = "d";
  metric.unit = "s";
  metric.metadata = labelled("m");

  const attributes = (value: string): string =>
    `[{"key":"label","value":{"stringValue":"${value}"}}]`;
  assertEquals(relayed(request).bodies, [
    `{"resourceMetrics":[{"resource":{"attributes":${
      attributes("r")
    },"droppedAttributesCount":3},` +
    `"schemaUrl":"https://resource","scopeMetrics":[{"scope":{"name":"n","version":"v",` +
    `"attributes":${attributes("s")}},"schemaUrl":"https://scope","metrics":[{"name":"m",` +
    `"description":"d","unit":"s","metadata":${attributes("m")},"gauge":{"dataPoints":[` +
    `{"timeUnixNano":"0","asDouble":1}]}}]}]}]}`,
  ]);
});

Deno.test("scopes stay together in their resource, metrics in their scope", () => {
  const { resourceMetrics } = requestWith(gauge({ value: 1 }));
  const [resource] = resourceMetrics;
  const [scope] = resource?.scopeMetrics ?? [];
  const [metric] = scope?.metrics ?? [];
  if (resource === undefined || scope === undefined || metric === undefined) throw new Error();
  const twoMetrics = { ...scope, metrics: [metric, { ...metric, name: "n" }] };
  const request = {
    resourceMetrics: [{ ...resource, scopeMetrics: [twoMetrics, { ...scope }] }, { ...resource }],
  };

  const [body = ""] = relayed(request).bodies;

  assertEquals(decodeMetricsJson(new TextEncoder().encode(body)), request);
});
