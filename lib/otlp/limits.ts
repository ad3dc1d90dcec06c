/** Bounds on one request, and the errors of requests that are refused. */

/**
 * Most data points: a request of 16 MiB from Fluent Bit has 100,000, one scrape of
 * an engine 165. Empty points have two bytes each, so their number needs a bound
 * beside the length of the request.
 */
export const MAX_POINTS = 120_000;

/** Most numbers in the lists of one data point: a histogram of vLLM has 30 buckets. */
export const MAX_NUMBERS = 10_000;

/** Longest text, and longest JSON around the points of a metric, in characters. */
export const MAX_TEXT_LENGTH = 1_048_576;

/** Largest body that Parseable accepts by default (`P_MAX_EVENT_PAYLOAD_SIZE`), in bytes. */
export const MAX_BODY_BYTES = 10 * 1_048_576;

/** A request that is beyond a bound once it is JSON. */
export class TooLargeError extends Error {}

/**
 * How deep lists may be nested in an attribute value. Parseable's JSON reader
 * (serde_json) takes 127 levels; a point uses 15, each list up to 4 more.
 */
export const MAX_VALUE_DEPTH = 24;

/** The largest `uint64` and `fixed64`. */
export const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

/** The largest `int64`, and so the largest count that Parseable's `List<Int64>` holds. */
export const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;

/** Where in a request the mistake is: a byte of the protobuf, or a path into the JSON. */
export type DecodePlace = { offset: number } | { path: string };

/**
 * Bytes or text that are not OTLP metrics; they never will be, so the answer is
 * 400. The message names the place, without a full stop:
 * `Cannot decode OTLP metrics at byte 17: a field of 500 bytes runs past its message`.
 */
export class DecodeError extends Error {
  /** Where the mistake is. */
  readonly place: DecodePlace;

  /** Words the message. */
  constructor(place: DecodePlace, problem: string, options?: ErrorOptions) {
    const where = "offset" in place ? `byte ${place.offset}` : `"${place.path}"`;
    super(`Cannot decode OTLP metrics at ${where}: ${problem}`, options);
    this.name = "DecodeError";
    this.place = place;
  }
}
