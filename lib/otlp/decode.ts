/** Metrics requests from protobuf and OTLP/JSON, within a bound on memory. */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { Buffer } from "node:buffer";
import { STATUS_CODE } from "@std/http/status";
import { ExportMetricsServiceRequest } from "./gen/metrics.ts";
import { RequestError } from "./http.ts";

/** Called with the memory of a request, in bytes, before it is decoded; may throw. */
export type Reserve = (bytes: number) => void;

/** Longest text: it may be repeated in every body of a split request. */
const MAX_TEXT_BYTES = 1_048_576;
/** Control characters in all texts: JSON has six characters for each. */
const MAX_CONTROLS = 262_144;
/** Deepest nesting of messages; the generated code stops there as well. */
const MAX_DEPTH = 100;

/**
 * Decodes an `ExportMetricsServiceRequest` (OTLP 1.x, `metrics_service.proto`).
 * Unknown fields are skipped; packed and unpacked repeated fields are read.
 *
 * @throws {RequestError} 400 when the bytes are malformed, 413 when a text is too long.
 */
export function decodeMetrics(
  bytes: Uint8Array,
  reserve: Reserve = () => {},
): ExportMetricsServiceRequest {
  // Small decoded numbers and texts of a request are slices of one text.
  reserve(bytes.length + refusing(new Reader(bytes), (reader) => memoryOf(reader, REQUEST)));
  return refusing(new Reader(bytes), (reader) => ExportMetricsServiceRequest.decode(reader));
}

/** Runs a step of decoding; any error but a refusal is malformed input. */
function refusing<T>(reader: Reader, step: (reader: Reader) => T): T {
  try {
    return step(reader);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw malformed(` at byte ${Math.min(reader.pos, reader.len)}`, error);
  }
}

function malformed(place: string, error: unknown): RequestError {
  const problem = error instanceof Error ? error.message : String(error);
  return new RequestError(STATUS_CODE.BadRequest, `Cannot decode OTLP metrics${place}: ${problem}`);
}

/** A message: the memory that one takes, and the messages and packed numbers in it. */
interface Shape {
  /** Bytes for one, measured with its list and the objects for its values. */
  readonly bytes: number;
  /** By field number: a message, or the bytes of memory for each byte of packed numbers. */
  readonly fields: Readonly<Record<number, Shape | number>>;
}

/** Bytes of memory for a field that is no message. */
const FIELD_BYTES = 16;
/** Bytes of memory for each packed byte of numbers: of eight bytes each, and of one. */
const [FIXED64, VARINT] = [12, 200];

function shape(bytes: number, fields: Shape["fields"] = {}): Shape {
  return { bytes, fields };
}

// The fields of gen/metrics.proto that hold messages or lists of numbers.
const VALUE_FIELDS: Record<number, Shape> = {};
const VALUE = shape(80, VALUE_FIELDS);
const ATTRIBUTE = shape(80, { 2: VALUE });
VALUE_FIELDS[5] = shape(200, { 1: VALUE });
VALUE_FIELDS[6] = shape(200, { 1: ATTRIBUTE });
const EXEMPLAR = shape(400, { 7: ATTRIBUTE });
const NUMBERS = shape(300, { 1: shape(300, { 5: EXEMPLAR, 7: ATTRIBUTE }) });
const HISTOGRAM = shape(400, { 6: FIXED64, 7: FIXED64, 8: EXEMPLAR, 9: ATTRIBUTE });
const SIDE = shape(200, { 2: VARINT });
const EXPONENTIAL = shape(1_200, { 1: ATTRIBUTE, 8: SIDE, 9: SIDE, 11: EXEMPLAR });
const SUMMARY = shape(300, { 6: shape(100), 7: ATTRIBUTE });
const METRIC = shape(300, {
  5: NUMBERS,
  7: NUMBERS,
  9: shape(300, { 1: HISTOGRAM }),
  10: shape(300, { 1: EXPONENTIAL }),
  11: shape(300, { 1: SUMMARY }),
  12: ATTRIBUTE,
});
const SCOPE_METRICS = shape(300, { 1: shape(300, { 3: ATTRIBUTE }), 2: METRIC });
const REQUEST = shape(0, { 1: shape(300, { 1: shape(300, { 1: ATTRIBUTE }), 2: SCOPE_METRICS }) });

/**
 * Estimates the memory of a message before it is decoded: 16 MiB of empty metrics would
 * become gigabytes. Also checks that nothing reaches beyond the message that holds it.
 */
function memoryOf(reader: BinaryReader, message: Shape, end = reader.len, depth = 0): number {
  if (depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH} messages`);
  let memory = message.bytes;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    const inner = wireType === WireType.LengthDelimited ? message.fields[field] : undefined;
    if (typeof inner === "object") {
      memory += memoryOf(reader, inner, reader.uint32() + reader.pos, depth + 1);
    } else {
      const start = reader.pos;
      reader.skip(wireType);
      memory += FIELD_BYTES + (inner ?? 0) * (reader.pos - start);
    }
    if (reader.pos > end) throw new RangeError("a field runs past its message");
  }
  return memory;
}

// Invalid UTF-8 becomes U+FFFD; the library would refuse the request.
const PROTOBUF_TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads the most frequent types twice as fast as the library. */
class Reader extends BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #latin1: string | undefined;
  #controls = 0;

  constructor(bytes: Uint8Array) {
    super(bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  override fixed64(): string {
    const start = this.pos;
    this.pos += 8;
    const high = this.#view.getUint32(start + 4, true);
    if (high < 0x20_0000) return String(high * 2 ** 32 + this.#view.getUint32(start, true));
    return String(this.#view.getBigUint64(start, true));
  }

  override uint64(): string {
    const first = this.#bytes[this.pos] ?? 0;
    if (first >= 0x80) return String(super.uint64());
    this.pos++;
    return String(first);
  }

  override string(): string {
    const length = this.uint32();
    if (length > MAX_TEXT_BYTES) {
      const message = `a text is longer than ${MAX_TEXT_BYTES} bytes`;
      throw new RequestError(STATUS_CODE.ContentTooLarge, message);
    }
    const start = this.pos;
    const end = this.pos += length;
    if (end > this.len) throw new RangeError("a text runs past the request");
    const bytes = this.#bytes;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte < 0x20 || byte >= 0x80) return this.#unusual(bytes.subarray(start, end));
    }
    // A slice of one long text is ten times cheaper than a text of its own.
    this.#latin1 ??= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    return this.#latin1.slice(start, end);
  }

  /** A text with other characters than those of ASCII, or control characters. */
  #unusual(bytes: Uint8Array): string {
    for (let at = 0; at < bytes.length; at++) this.#controls += (bytes[at] ?? 0) < 0x20 ? 1 : 0;
    if (this.#controls <= MAX_CONTROLS) return PROTOBUF_TEXT.decode(bytes);
    const message = `the texts have more than ${MAX_CONTROLS} control characters`;
    throw new RequestError(STATUS_CODE.ContentTooLarge, message);
  }
}

// Takes a byte order mark off, and what is not UTF-8 becomes U+FFFD.
const JSON_TEXT = new TextDecoder();

/**
 * Decodes an `ExportMetricsServiceRequest` in OTLP/JSON (OTLP 1.x, "JSON Protobuf
 * Encoding"): unknown names ignored, 64-bit integers as text or number, enums as number
 * or name, trace and span in hex.
 *
 * @throws {RequestError} 400 when it is not JSON, or not OTLP metrics.
 */
export function decodeMetricsJson(
  bytes: Uint8Array,
  reserve: Reserve = () => {},
): ExportMetricsServiceRequest {
  reserve(jsonMemory(bytes));
  try {
    const value = parseExact(JSON_TEXT.decode(bytes));
    if (Object(value) !== value || Array.isArray(value)) throw new TypeError("not an object");
    return ExportMetricsServiceRequest.fromJSON(value);
  } catch (error) {
    throw malformed("", error);
  }
}

/** What `JSON.parse` or the generated code would change: long integers, and ids in hex. */
const INEXACT = /[:[,]\s*-?\d{16}|"(?:span|trace)Id"/;
/** An id in hex, as OTLP/JSON has it; the JSON mapping of proto3 has base64. */
const HEX_ID = /("(?:span|trace)Id"\s*:\s*")([\da-f]+)"/gi;
/** A JSON string or number. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
const BARE_INTEGER = /^-?\d{16,}$/;

/** Parses JSON with integers of 16 or more digits as text, and ids in base64. */
function parseExact(json: string): unknown {
  const value: unknown = JSON.parse(json);
  if (!INEXACT.test(json)) return value;
  // After JSON.parse every text is known to end; otherwise TOKEN backtracks endlessly.
  return JSON.parse(
    json.replace(TOKEN, (token) => BARE_INTEGER.test(token) ? `"${token}"` : token)
      .replace(HEX_ID, (_, start, id) => `${start}${Uint8Array.fromHex(id).toBase64()}"`),
  );
}

/** Bytes of memory by character: an object or list with its place in another, a value or name. */
const JSON_BYTES = new Uint16Array(256);
for (const [character, bytes] of Object.entries({ "{": 256, "[": 64, ",": 64, ":": 64 })) {
  JSON_BYTES[character.charCodeAt(0)] = bytes;
}
/** Bytes of the text for each byte of the body: two where one character is beyond Latin-1. */
const TEXT_BYTES = 2;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Estimates the memory of parsed JSON by counting separators: `JSON.parse` can turn
 * a body of 16 MiB into hundreds of megabytes.
 */
function jsonMemory(bytes: Uint8Array): number {
  let memory = bytes.length * TEXT_BYTES;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) isText = !isText;
    else if (!isText) memory += JSON_BYTES[byte] ?? 0;
    else if (byte === BACKSLASH) at++;
  }
  return memory;
}
