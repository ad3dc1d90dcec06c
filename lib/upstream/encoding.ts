/** Undoes a `Content-Encoding` that was sent although `identity` was asked for. */

/** What `DecompressionStream` calls each coding of RFC 9110, section 8.4.1. */
const FORMAT_OF: Readonly<Record<string, CompressionFormat>> = {
  "gzip": "gzip",
  "x-gzip": "gzip",
  "deflate": "deflate",
  "br": "brotli",
};

/**
 * Tells which coding a body has.
 *
 * @param headers The header fields of the reply.
 * @returns The coding in lower case; empty when the body is plain.
 */
export function codingOf(headers: Headers): string {
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  return coding === "identity" ? "" : coding;
}

/**
 * Decompresses a body.
 *
 * @param body The body as sent.
 * @param coding Its coding, in lower case.
 * @returns The plain body; undefined when the coding is unknown or there are several.
 */
export function decode(
  body: ReadableStream<BufferSource>,
  coding: string,
): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
  if (!Object.hasOwn(FORMAT_OF, coding)) return undefined;
  const format = FORMAT_OF[coding];
  return format === undefined ? undefined : body.pipeThrough(new DecompressionStream(format));
}
