/** The first message of a TLS client, byte by byte, for versions that no library here speaks. */

/** Cipher suites that servers of all versions knew, and three of TLS 1.2. */
const CIPHERS = [0xc02b, 0xc02f, 0xcca9, 0xc009, 0xc013, 0xc014, 0x002f, 0x0035, 0x000a];
/** secp256r1 and x25519. */
const GROUPS = [0x0017, 0x001d];
/** ECDSA with SHA-256 and RSA with SHA-256, and the SHA-1 ones of before. */
const SIGNATURES = [0x0403, 0x0401, 0x0203, 0x0201];

function uint16(...values: readonly number[]): number[] {
  return values.flatMap((value) => [value >> 8, value & 255]);
}

function sized(bytes: readonly number[]): number[] {
  return [...uint16(bytes.length), ...bytes];
}

/**
 * Writes a ClientHello (RFC 5246, section 7.4.1.2) without `supported_versions`.
 *
 * @param minor The highest version the client knows, as the protocol counts: 0 for SSL 3.0, 1 for
 *   TLS 1.0, 2 for TLS 1.1, 3 for TLS 1.2.
 */
export function clientHello(minor: number): Uint8Array<ArrayBuffer> {
  const extensions = [
    ...uint16(10),
    ...sized(sized(uint16(...GROUPS))),
    ...uint16(11),
    ...sized([1, 0]),
    ...uint16(13),
    ...sized(sized(uint16(...SIGNATURES))),
  ];
  const random = Array.from({ length: 32 }, (_, index) => index);
  const body = [3, minor, ...random, 0, ...sized(uint16(...CIPHERS)), 1, 0, ...sized(extensions)];
  const message = [1, 0, ...sized(body)];
  return new Uint8Array([22, 3, Math.min(minor, 1), ...sized(message)]);
}

/** What a server says to it: the type of its first record, and of an alert the description. */
export async function answerTo(
  port: number,
  minor: number,
): Promise<[type: number, alert: number]> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(clientHello(minor));
  const bytes = new Uint8Array(16);
  let length = 0;
  while (length < 7) {
    const count = await connection.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  const type = bytes[0] ?? 0;
  return [type, type === 21 ? bytes[6] ?? 0 : 0];
}
