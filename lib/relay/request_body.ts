/** The body of a request to the relay: bounded in bytes and time, and without its encoding. */

import { Buffer } from "node:buffer";
import { gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { STATUS_CODE } from "@std/http/status";
import type { Slot } from "../http/slots.ts";
import { RequestError } from "../otlp/http.ts";
import type { RequestMemory } from "./memory.ts";

/** Longest body, as sent and without its encoding: over 600 scrapes of one engine. */
const MAX_REQUEST_BYTES = 16 * 1_048_576;
/** Longest wait for a body, in milliseconds: nobody sends slower on purpose. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** After how many seconds a sender that was too slow may retry. */
const LATE_RETRY_SECONDS = 5;

type Bytes = Uint8Array<ArrayBuffer>;
type Decompress = (bytes: Bytes, options: { maxOutputLength: number }) => Uint8Array;

/**
 * The codings that OTLP/HTTP names (gzip), and those that cost nothing. One request
 * at a time: what is decompressed at once would be in memory at once, uncounted.
 */
const DECOMPRESS: Readonly<Record<string, Decompress>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  zstd: zstdDecompressSync,
};

/** What the relay can decompress. */
const CODINGS: string = Object.keys(DECOMPRESS).join(", ");

/** How {@linkcode readRequestBody} waits. */
export interface BodyOptions {
  /** Longest wait for the whole body, in milliseconds. */
  readonly timeoutMs: number;
  /** The request's slot, which others may take while the body is incomplete. */
  readonly slot: Slot;
  /** Counts the memory of the body. */
  readonly memory: RequestMemory;
  /** The time in milliseconds, as for the slots. */
  readonly now: () => number;
}

/** Not 408, for which Fluent Bit drops its data. */
function late(message: string): RequestError {
  return new RequestError(STATUS_CODE.ServiceUnavailable, message, {
    retryAfterSeconds: LATE_RETRY_SECONDS,
  });
}

function tooLarge(): RequestError {
  const message = `the request is longer than ${MAX_REQUEST_BYTES} bytes`;
  return new RequestError(STATUS_CODE.ContentTooLarge, message);
}

/** Reads a stream to its end, or as far as the bound and the time allow. */
async function readBounded(stream: ReadableStream<Bytes>, options: BodyOptions): Promise<Bytes> {
  const { timeoutMs, slot, memory, now } = options;
  // From the start: a client that sends a byte now and then is stalled as well.
  slot.stalledSince = now();
  const reader = stream.getReader();
  const { promise: broken, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late("the request did not come in time")), timeoutMs);
  slot.evict = () => reject(late("the request did not come while others waited"));
  const chunks: Bytes[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), broken]);
      if (done) break;
      length += value.length;
      if (length > MAX_REQUEST_BYTES) throw tooLarge();
      memory.reserve(value.length);
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {/* The connection is gone, which is what is wanted. */});
    if (error instanceof RequestError) throw error;
    throw new RequestError(STATUS_CODE.BadRequest, "the request broke off");
  } finally {
    clearTimeout(timer);
    slot.evict = undefined;
    slot.stalledSince = undefined;
  }
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}

function decompressed(bytes: Bytes, coding: string): Uint8Array {
  const decompress = Object.hasOwn(DECOMPRESS, coding) ? DECOMPRESS[coding] : undefined;
  if (decompress === undefined) {
    throw new RequestError(
      STATUS_CODE.UnsupportedMediaType,
      `the content encoding ${JSON.stringify(coding)} is not one of ${CODINGS}, identity`,
      // Only here, where it is about the coding (RFC 9110, section 12.5.3).
      { headers: { "accept-encoding": CODINGS } },
    );
  }
  const invalid = new RequestError(STATUS_CODE.BadRequest, `the body is not valid ${coding}`);
  // Deno 2.9.6 gives what it has of a frame that is cut off, and leaves out all frames but the first.
  if (coding === "zstd" && !isOneZstdFrame(bytes)) throw invalid;
  try {
    return decompress(bytes, { maxOutputLength: MAX_REQUEST_BYTES });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge();
    throw invalid;
  }
}

/** The length without gzip, as it says itself in its last four bytes (RFC 1952, 2.3.1); else 0. */
function claimedBytes(bytes: Bytes, coding: string): number {
  if (coding !== "gzip" || bytes.length < 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(
    bytes.length - 4,
    true,
  );
}

/**
 * Reads the body of a request.
 *
 * @throws {RequestError} 400, 413, 415 or 503, when it is broken, long, of another coding, or late or
 *   there is no memory for it.
 */
export async function readRequestBody(
  request: Request,
  options: BodyOptions,
): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_REQUEST_BYTES) throw tooLarge();
  if (request.body === null) return new Uint8Array(0);
  const bytes = await readBounded(request.body, options);
  const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (coding === "" || coding === "identity") return bytes;
  // Refused here, it takes no memory: what is decompressed in vain stays until the next collection.
  options.memory.reserve(Math.min(claimedBytes(bytes, coding), MAX_REQUEST_BYTES));
  const plain = decompressed(bytes, coding);
  options.memory.hold(plain.length);
  return plain;
}

/** How a Zstandard frame begins (RFC 8878, section 3.1.1). */
const MAGIC = 0xfd2fb528;
/** Lengths in the header by bits of the descriptor: content size, dictionary id. */
const CONTENT_SIZE_BYTES: readonly number[] = [0, 2, 4, 8];
const DICTIONARY_ID_BYTES: readonly number[] = [0, 1, 2, 4];
/** A block of one byte that is repeated. */
const RLE_BLOCK = 1;

/** Whether bytes are exactly one frame: its last block ends where they end. */
function isOneZstdFrame(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 5 || view.getUint32(0, true) !== MAGIC) return false;
  const descriptor = view.getUint8(4);
  const windowBytes = 1 - (descriptor >> 5 & 1);
  const sizeBytes = CONTENT_SIZE_BYTES[descriptor >> 6] || 1 - windowBytes;
  let at = 5 + windowBytes + sizeBytes + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0);
  for (let isLast = false; !isLast;) {
    if (at + 3 > bytes.length) return false;
    const block = view.getUint16(at, true) | view.getUint8(at + 2) << 16;
    isLast = (block & 1) === 1;
    at += 3 + ((block >> 1 & 3) === RLE_BLOCK ? 1 : block >> 3);
  }
  const checksumBytes = (descriptor >> 2 & 1) * 4;
  return at + checksumBytes === bytes.length;
}
