/** What decoding a request is bounded by. */

/**
 * Most points, attributes and other messages in one request: a request of 10 MiB
 * from Fluent Bit has 160,000, one scrape of vLLM about 500. Empty points of two
 * bytes become 50 MB of objects, so the limit is not far above what is in use.
 */
export const DEFAULT_MAX_MESSAGES = 200_000;

/** Settings of the decoders. */
export interface DecodeOptions {
  /** How many nested messages to accept; {@linkcode DEFAULT_MAX_MESSAGES} unless told. */
  maxMessages?: number;
  /** Is told of memory before it is taken, in bytes, and may throw. */
  reserve?: (bytes: number) => void;
}
