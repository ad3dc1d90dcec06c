/** Requests to decode: protobuf written by hand with pbf's own writer, and OTLP/JSON. */

import { PbfWriter } from "pbf";

/** Writes the fields of a message. */
export type Write = (writer: PbfWriter) => void;

/** A nested message in field `field`. */
export function nested(field: number, ...writes: Write[]): Write {
  return (writer) =>
    writer.writeMessage(field, (_, inner) => writes.forEach((write) => write(inner)), undefined);
}

/** The bytes of a message. */
export function bytesOf(...writes: Write[]): Uint8Array {
  const writer = new PbfWriter();
  writes.forEach((write) => write(writer));
  return writer.finish();
}

/** The bytes of a request with one metric. */
export function requestOf(...metric: Write[]): Uint8Array {
  return bytesOf(nested(1, nested(2, nested(2, ...metric))));
}

/** A request in JSON with one metric. */
export function requestJson(metric: unknown): string {
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] });
}
