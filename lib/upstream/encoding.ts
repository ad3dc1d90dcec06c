/** Undoes a `Content-Encoding` that was sent although `identity` was asked for. */

import { Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

/** The codings of RFC 9110, section 8.4.1. */
const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
]);

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
 * Decompresses a body piece by piece. `DecompressionStream` makes one piece of all that a chunk
 * holds, and 700 bytes of brotli hold 500 MB.
 *
 * @param body The body as sent.
 * @param coding Its coding, in lower case.
 * @param onBroken Makes the error for a body that breaks, which is another than for one that does
 *   not decompress.
 * @returns The plain body; undefined when the coding is unknown or there are several.
 */
export function decode(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  coding: string,
  onBroken: () => Error,
): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
  const decoder = DECODERS.get(coding)?.();
  if (decoder === undefined) return undefined;
  const source = Readable.fromWeb(body);
  source.on("error", () => decoder.destroy(onBroken()));
  decoder.on("close", () => source.destroy());
  // Whoever reads is told of it; with nobody reading it shall not end the process.
  decoder.on("error", () => {});
  const pieces: AsyncIterator<Uint8Array> = source.pipe(decoder)[Symbol.asyncIterator]();
  // In Deno 2.9.6 what `Readable.toWeb` makes throws out of nowhere when it is cancelled.
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel(): void {
      decoder.destroy();
    },
  }, { highWaterMark: 0 });
}
