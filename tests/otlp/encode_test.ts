import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodeMetrics, decodeMetricsJson } from "../../lib/otlp/decode.ts";
import type { ExportMetricsServiceRequest } from "../../lib/otlp/gen/metrics.ts";
import { capture, captureNames, relayed, relayedMetric, testdata, tidy } from "./relay.ts";

/** The points of a metric in the JSON. */
// deno-lint-ignore no-explicit-any -- JSON that the tests compare.
function pointsIn(kind: string, dataPoints: readonly unknown[]): any[] {
  const [body = ""] = relayedMetric({ [kind]: { dataPoints } }).bodies;
  return JSON.parse(body).resourceMetrics[0].scopeMetrics[0].metrics[0][kind].dataPoints;
}

// With UPDATE_GOLDEN=1 in the environment the files are written instead of compared.
Deno.test.each(captureNames())("the relay makes of %s what lies beside it", async (name) => {
  const file = testdata(`otlp/${name}.json`);
  const { bodies, counts } = relayed(decodeMetrics(capture(name)));
  const [body = ""] = bodies;
  if (Deno.env.get("UPDATE_GOLDEN") === "1") await Deno.writeTextFile(file, `${body}\n`);

  assertEquals(tidy(JSON.parse(body)), tidy(JSON.parse(await Deno.readTextFile(file))));
  assertEquals(bodies.length, 1);
  assertEquals(counts.unrepairable, 0);
  assertEquals(counts.repaired, counts.pointsByKind["histogram"]);
  assertEquals(counts.droppedByReason, {});
});

Deno.test.each<[text: string, value: Record<string, unknown>]>([
  ["7", { asInt: "7" }],
  ["-1.5", { asDouble: -1.5 }],
  ["1e+21", { asDouble: 1e21 }],
  ["5e-324", { asDouble: 5e-324 }],
  ["9007199254740992", { asInt: "9007199254740993" }],
  ["-9223372036854776000", { asInt: String(-(2n ** 63n)) }],
])("a value is the JSON number %s", (text, value) => {
  const [body = ""] = relayedMetric({ gauge: { dataPoints: [value] } }).bodies;

  assertEquals(/"asDouble":([^,}]*)/.exec(body)?.[1], text);
});

Deno.test("times and counts are text; a summary without quantiles has no empty array", () => {
  const point = {
    timeUnixNano: "1795493687995061749",
    startTimeUnixNano: "18446744073709551615",
    flags: 1,
    count: "9007199254740993",
    sum: 0,
    bucketCounts: ["9007199254740992", "1"],
    explicitBounds: [0.1],
    min: -1,
  };
  const histogram = { aggregationTemporality: 2, dataPoints: [point] };
  const quantileValues = [{ quantile: 0, value: 0 }];
  const summary = { count: 1, sum: 2 };

  assertEquals(relayedMetric({ histogram }).metric, { histogram });
  const [none, some, ...others] = pointsIn("summary", [
    summary,
    { ...summary, quantileValues },
  ]);
  assertEquals(["quantileValues" in none, others], [false, []]);
  assertEquals(some.quantileValues, quantileValues);
});

Deno.test("an exponential histogram has every field that Parseable's reader demands", () => {
  const positive = { offset: 0, bucketCounts: ["1"] };

  assertEquals(pointsIn("exponentialHistogram", [{ count: 1, scale: -3, positive }]), [{
    attributes: [],
    startTimeUnixNano: "0",
    timeUnixNano: "0",
    flags: 0,
    count: "1",
    scale: -3,
    zeroCount: "0",
    zeroThreshold: 0,
    positive,
    exemplars: [],
  }]);
});

Deno.test("an exemplar has its ids in hex, and its value where OTLP has it and where Parseable reads it", () => {
  const ids = { spanId: "00f067aa0ba902b7", traceId: "4bf92f3577b34da6a3ce929d0e0e4736" };
  const base64 = { spanId: "APBnqgupArc=", traceId: "S/kvNXezTaajzpKdDg5HNg==" };
  const exemplars = [ids, base64].map((each) => ({ ...each, timeUnixNano: "1", asInt: "5" }));
  const [point] = pointsIn("gauge", [{ asDouble: 1, exemplars }]);

  const wanted = {
    filteredAttributes: [],
    timeUnixNano: "1",
    ...ids,
    asDouble: 5,
    value: { asDouble: 5 },
  };
  assertEquals(point.exemplars, [wanted, wanted]);
});

Deno.test("attributes keep their types, and all parts of a request arrive in their order", () => {
  const values = [
    { boolValue: true },
    { intValue: "5" },
    { doubleValue: 5.5 },
    { bytesValue: "AAEC" },
    { stringValue: 'say "hi"\n' },
  ];
  const attributes = (key: string) => [
    { key, value: { kvlistValue: { values: [{ key: "k", value: { arrayValue: { values } } }] } } },
  ];
  const metric = (name: string) => ({
    name,
    description: "d",
    unit: "s",
    metadata: attributes("m"),
    gauge: { dataPoints: [{ attributes: attributes("p"), timeUnixNano: "1", asDouble: 1 }] },
  });
  const scope = (name: string) => ({
    scope: { name, version: "v", attributes: attributes("s"), droppedAttributesCount: 2 },
    schemaUrl: "https://scope",
    metrics: [metric("a"), metric("b")],
  });
  const resource = {
    resource: { attributes: attributes("r"), droppedAttributesCount: 3 },
    schemaUrl: "https://resource",
    scopeMetrics: [scope("one"), scope("two")],
  };
  const request = { resourceMetrics: [resource, resource] };

  const bytes = new TextEncoder().encode(JSON.stringify(request));
  const [body = ""] = relayed(decodeMetricsJson(bytes)).bodies;

  assertEquals(tidy(JSON.parse(body)), request);
});

/** All points with what is around them, in order. */
function pointsOf(bodies: readonly string[]): string[] {
  const requests = bodies.map((body) => decodeMetricsJson(new TextEncoder().encode(body)));
  return requests.flatMap(({ resourceMetrics }) =>
    resourceMetrics.flatMap(({ scopeMetrics, ...resource }) =>
      scopeMetrics.flatMap(({ metrics, ...scope }) =>
        metrics.flatMap(({ name, gauge, sum, histogram, summary }) =>
          (gauge ?? sum ?? histogram ?? summary)?.dataPoints
            .map((point) => JSON.stringify([resource, scope, name, point])) ?? []
        )
      )
    )
  );
}

Deno.test("a long request is cut between points, and none is lost", () => {
  // Twice the same, so that resources, scopes and metrics change within bodies too.
  const request = (): ExportMetricsServiceRequest => {
    const { resourceMetrics } = decodeMetrics(capture("nostats-after-load"));
    return { resourceMetrics: [...resourceMetrics, ...structuredClone(resourceMetrics)] };
  };
  const all = pointsOf(relayed(request(), Infinity).bodies);

  fc.assert(
    fc.property(fc.integer({ min: 2_000, max: 30_000 }), (maxBytes) => {
      const { bodies, counts } = relayed(request(), maxBytes);

      assertEquals(counts.droppedByReason, {});
      assert(bodies.every((body) => new TextEncoder().encode(body).length <= maxBytes));
      assertEquals(pointsOf(bodies), all);
    }),
    { numRuns: 20 },
  );
});

Deno.test("a point that fits no body is counted, and the others are sent", () => {
  const label = [{ key: "x", value: { stringValue: "x".repeat(500) } }];
  const dataPoints = [{ asDouble: 1 }, { asDouble: 2, attributes: label }, { asDouble: 3 }];
  const json = JSON.stringify({
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints } }] }] }],
  });
  const request = () => decodeMetricsJson(new TextEncoder().encode(json));

  const { bodies, counts } = relayed(request(), 400);
  const none = relayed(request(), 20);

  assertEquals(bodies.map((body) => /"asDouble":(\d)/.exec(body)?.[1]), ["1", "3"]);
  assertEquals(counts.droppedByReason, { point_too_large: 1 });
  assertEquals([none.bodies, none.counts.droppedByReason], [[], { point_too_large: 3 }]);
});
