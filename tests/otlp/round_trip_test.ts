import { assert, assertEquals } from "@std/assert";
import { capture, captureNames, relayed, testdata } from "./relay.ts";
import {
  decodeMetrics,
  decodeMetricsJson,
  type HistogramPoint,
  type KeyValue,
  type MetricsRequest,
} from "./plain.ts";

/** Metrics that came from elsewhere than the capture. */
const ADDED = new Set(["fixture_index"]);

/** The text that Fluent Bit read. */
function expositionOf(name: string): string {
  const series = /^(.*-series)-\d+$/.exec(name)?.[1];
  return Deno.readTextFileSync(
    testdata(series === undefined ? `vllm/${name}.txt` : `vllm/${series}/${name}.txt`),
  );
}

/** The samples of an exposition by name and labels, read without the code under test. */
function samplesOf(exposition: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of exposition.split("\n")) {
    const match = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) continue;
    const [, name = "", labels = "", value = ""] = match;
    samples.set(
      keyOf(name.replaceAll(":", "_"), labelsOf(labels)),
      Number(value.replace("Inf", "Infinity")),
    );
  }
  return samples;
}

function labelsOf(text: string): [string, string][] {
  const unescaped: Record<string, string> = { n: "\n", "\\": "\\", '"': '"' };
  return [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = "", value = ""]) => [
    name,
    value.replace(/\\(.)/g, (_, character) => unescaped[character] ?? character),
  ]);
}

function keyOf(name: string, labels: [string, string][]): string {
  return `${name}${JSON.stringify(labels.toSorted(([a], [b]) => a < b ? -1 : 1))}`;
}

function pairsOf(attributes: KeyValue[]): [string, string][] {
  return attributes.map(({ key, value }) => [key, String(value)]);
}

/** The samples that the points stand for, with buckets added up to `le` counts again. */
function* samplesFrom(request: MetricsRequest): Generator<[string, number]> {
  for (const { scopeMetrics } of request.resourceMetrics) {
    for (const { metrics } of scopeMetrics) {
      for (const { name, data } of metrics) {
        if (ADDED.has(name)) continue;
        for (const point of data?.points ?? []) {
          const labels = pairsOf(point.attributes);
          if ("value" in point) yield [keyOf(name, labels), Number(point.value)];
          if ("sum" in point) {
            yield [keyOf(`${name}_sum`, labels), Number(point.sum)];
            yield [keyOf(`${name}_count`, labels), Number(point.count)];
          }
          if ("explicitBounds" in point) yield* bucketSamples(name, labels, point);
        }
      }
    }
  }
}

function* bucketSamples(
  name: string,
  labels: [string, string][],
  { bucketCounts, explicitBounds, count }: HistogramPoint,
): Generator<[string, number]> {
  let le = 0;
  for (const [index, bucketCount] of bucketCounts.entries()) {
    le += Number(bucketCount);
    const bound = explicitBounds[index];
    yield [
      keyOf(`${name}_bucket`, [...labels, ["le", bound === undefined ? "+Inf" : String(bound)]]),
      le,
    ];
  }
  assertEquals(le, count, `${name}: the buckets do not add up to the count`);
}

/** The same with `le` as the shortest text of its number: `1.0` is `1`. */
function withPlainBounds(samples: Map<string, number>): Map<string, number> {
  return new Map([...samples].map(([key, value]) => [
    key.replace(
      /(\["le",")([\d.e+-]+)("\])/,
      (_, before, bound, after) => before + Number(bound) + after,
    ),
    value,
  ]));
}

Deno.test.each(captureNames())("the JSON of %s has the samples of vLLM's text", (name) => {
  const expected = withPlainBounds(samplesOf(expositionOf(name)));
  const { bodies } = relayed(decodeMetrics(capture(name)));
  const [body = ""] = bodies;

  const actual = new Map(samplesFrom(decodeMetricsJson(new TextEncoder().encode(body))));

  assert(actual.size > 50, `only ${actual.size} samples`);
  assertEquals(new Map([...actual].toSorted()), new Map([...expected].toSorted()));
});
