/** The whole way of a request through the relay's translation. */

import { cleanMetrics } from "../../lib/otlp/clean.ts";
import { countPoints, type RelayCounts } from "../../lib/otlp/counts.ts";
import { decodeMetricsJson } from "../../lib/otlp/decode.ts";
import { encodeMetrics } from "../../lib/otlp/encode.ts";
import type { ExportMetricsServiceRequest } from "../../lib/otlp/gen/metrics.ts";
import { repairHistograms } from "../../lib/otlp/repair.ts";
import { requestJson } from "./messages.ts";

/** What comes out at the end. */
export interface Relayed {
  /** The JSON bodies. */
  readonly bodies: string[];
  /** What became of the points. */
  readonly counts: RelayCounts;
}

/** Repairs, cleans and encodes a request. */
export function relayed(request: ExportMetricsServiceRequest, maxBytes?: number): Relayed {
  const counts = countPoints(request);
  repairHistograms(request, counts);
  cleanMetrics(request, counts);
  const options = maxBytes === undefined ? {} : { maxBytes };
  const bodies = [...encodeMetrics(request, counts, options)]
    .map(({ bytes }) => new TextDecoder().decode(bytes));
  return { bodies, counts };
}

/** What became of a metric: its kind's fields in the JSON, and the counts. */
export interface RelayedMetric extends Relayed {
  /** The metric without fields that say nothing; undefined when it was dropped. */
  readonly metric: unknown;
}

/** Relays one metric, given as OTLP/JSON. */
export function relayedMetric(metric: unknown): RelayedMetric {
  const request = decodeMetricsJson(new TextEncoder().encode(requestJson(metric)));
  const result = relayed(request);
  const body = result.bodies[0] === undefined ? undefined : JSON.parse(result.bodies[0]);
  return { ...result, metric: tidy(body?.resourceMetrics[0].scopeMetrics[0].metrics[0]) };
}

/** Values that say nothing in JSON. */
const DEFAULTS: readonly unknown[] = ["", 0, "0"];
/** Fields in which they do say something. */
const KEPT = /^(?:count|sum|asDouble|key|quantile|value|min|max|stringValue|offset|zero.*)$/;

/** JSON without the fields that have their default value. */
export function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, one]) =>
    KEPT.test(key) || !DEFAULTS.includes(one) && !(Array.isArray(one) && one.length === 0)
  );
  return Object.fromEntries(entries.map(([key, one]) => [key, tidy(one)]));
}

/** The names of the captured requests of Fluent Bit. */
export function captureNames(): string[] {
  return [...Deno.readDirSync(new URL("../testdata/otlp/", import.meta.url))]
    .flatMap(({ name }) => name.endsWith(".pb") ? [name.slice(0, -".pb".length)] : [])
    .toSorted();
}

/** The path of a file of the test data. */
export function testdata(path: string): URL {
  return new URL(`../testdata/${path}`, import.meta.url);
}

/** What Fluent Bit sent for a capture. */
export function capture(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(testdata(`otlp/${name}.pb`));
}
