/** The error of a request that is not OTLP metrics. */

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

  /**
   * Words the message.
   *
   * @param place Where the mistake is.
   * @param problem What is wrong, without a full stop.
   * @param options The cause.
   */
  constructor(place: DecodePlace, problem: string, options?: ErrorOptions) {
    const where = "offset" in place ? `byte ${place.offset}` : `"${place.path}"`;
    super(`Cannot decode OTLP metrics at ${where}: ${problem}`, options);
    this.name = "DecodeError";
    this.place = place;
  }
}
