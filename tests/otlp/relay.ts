/** The whole way of a request, and the second implementation to hold it against. */

import type { EncodeOptions } from "../../lib/otlp/bodies.ts";
import type { RelayCounts } from "../../lib/otlp/counts.ts";
import {
  cleanMetrics,
  countPoints,
  decodeMetrics,
  encodeMetrics,
  type MetricsRequest,
  repairHistograms,
} from "./plain.ts";

/** What comes out at the end. */
export interface Relayed {
  /** The JSON bodies. */
  readonly bodies: string[];
  /** What became of the points. */
  readonly counts: RelayCounts;
}

/** Repairs, cleans and encodes a request. */
export function relayed(request: MetricsRequest, options: EncodeOptions = {}): Relayed {
  const counts = countPoints(request);
  const cleaned = cleanMetrics(repairHistograms(request, counts), counts);
  const bodies = encodeMetrics(cleaned, counts, options)
    .map((body) => new TextDecoder().decode(body));
  return { bodies, counts };
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

/** A request and what the relay made of it. */
export interface Case extends Relayed {
  /** How to call it. */
  readonly name: string;
  /** The request in base64. */
  readonly binary: string;
}

/** Relays a request and keeps it beside what came out. */
export function caseOf(name: string, bytes: Uint8Array): Case {
  return { name, binary: bytes.toBase64(), ...relayed(decodeMetrics(bytes)) };
}
