/** An HTTP client that sends and shows bytes as they are. */

import { within } from "../fakes.ts";

const encoder = new TextEncoder();
/** One character a byte. */
const decoder = new TextDecoder("latin1");

/** A reply as it came over the wire, one character a byte. */
export interface RawReply {
  /** The status. */
  readonly status: number;
  /** The header fields. */
  readonly headers: Headers;
  /** Everything behind the head, chunk lines included. */
  readonly body: string;
  /** The same without chunk lines. */
  readonly content: string;
  /** Whether the reply says itself that it has come to its end. */
  readonly complete: boolean;
}

/** Reads a reply whose head has come. */
export function parseReply(text: string): RawReply {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...fields] = text.slice(0, end).split("\r\n");
  const headers = new Headers(fields.map((field): [string, string] => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon), field.slice(colon + 1).trim()];
  }));
  const body = text.slice(end + 4);
  const length = headers.get("content-length");
  const { content, complete } = length === null
    ? unchunk(body)
    : { content: body, complete: body.length === Number(length) };
  return { status: Number(first.split(" ")[1]), headers, body, content, complete };
}

/** Takes the chunk lines out (RFC 9112, section 7.1); complete when the last chunk is there. */
function unchunk(body: string): { content: string; complete: boolean } {
  let content = "";
  for (let at = 0;;) {
    const [line, digits] = /^([0-9a-f]+)\r\n/.exec(body.slice(at, at + 20)) ?? [];
    if (line === undefined || digits === undefined) return { content, complete: false };
    const size = parseInt(digits, 16);
    at += line.length;
    if (size === 0) return { content, complete: body.slice(at) === "\r\n" };
    content += body.slice(at, at + size);
    at += size + 2;
  }
}

/** One connection to a server. */
export class RawClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  #text = "";
  #closed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Connects to an origin such as `http://127.0.0.1:9090`. */
  static async connect(origin: string): Promise<RawClient> {
    const { hostname, port } = new URL(origin);
    return new RawClient(await Deno.connect({ hostname, port: Number(port) }));
  }

  /** Connects and sends a text. */
  static async send(origin: string, text: string): Promise<RawClient> {
    const client = await RawClient.connect(origin);
    await client.send(text);
    return client;
  }

  /** All that came so far, one character a byte. */
  get text(): string {
    return this.#text;
  }

  /** Sends a text. */
  async send(text: string): Promise<void> {
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  /** Reads until what came holds a text. */
  async readUntil(text: string): Promise<void> {
    while (!this.#text.includes(text)) {
      if (!await this.#read()) throw new Error(`The connection ended before "${text}"`);
    }
  }

  /** Reads until the server ends the connection, well or not. */
  async readToEnd(): Promise<RawReply> {
    while (await this.#read());
    return parseReply(this.#text);
  }

  /** Closes the connection. */
  close(): void {
    if (!this.#closed) this.#connection.close();
    this.#closed = true;
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    try {
      const count = await within(this.#connection.read(buffer), () => "no byte came");
      if (count === null) return false;
      this.#text += decoder.decode(buffer.subarray(0, count));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return false;
      throw error;
    }
  }
}

/** Sends a request and reads until the server closes. */
export async function ask(origin: string, request: string): Promise<RawReply> {
  using client = await RawClient.send(origin, request);
  return await client.readToEnd();
}
