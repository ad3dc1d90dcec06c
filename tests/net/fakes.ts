/** Servers with real sockets that behave well or badly, and the configuration to reach them. */

import { createServer } from "node:https";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { TlsConfig, UpstreamConfig } from "../../lib/config/config.ts";
import { Secret } from "../../lib/config/secret.ts";
import { MetricsError } from "../../lib/errors.ts";
import { createUpstream, type ScrapeReply } from "../../lib/scrape/upstream.ts";

/** A small exposition. */
export const TEXT = "# TYPE vllm:up gauge\nvllm:up 1\n";

/** A signal that never aborts. */
export const NEVER: AbortSignal = new AbortController().signal;

const encoder = new TextEncoder();

/** Reads a file of `tests/testdata/tls/`. */
export function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`../testdata/tls/${name}`, import.meta.url));
}

/** What of a configuration a test sets. */
export interface Overrides extends Partial<Omit<UpstreamConfig, "url" | "headers" | "tls">> {
  /** Header fields as plain text. */
  headers?: Array<[string, string]>;
  /** Settings of TLS. */
  tls?: Partial<TlsConfig>;
}

/**
 * A configuration for a server; the label is `http://vllm/metrics` in all
 * sentences, and each request carries secrets with the word "secret" in them.
 */
export function configFor(url: string, overrides: Overrides = {}): UpstreamConfig {
  const { headers = [], tls = {}, ...rest } = overrides;
  const full = new URL(url);
  if (full.search === "") full.search = "?key=secret";
  return {
    url: full,
    label: "http://vllm/metrics",
    headers: [["x-key", "secret"] as const, ...headers]
      .map(([name, value]) => [name, new Secret(value)] as const),
    timeoutMs: 20_000,
    maxBodyBytes: 1_000_000,
    ...rest,
    tls: { skipVerify: false, ...tls },
  };
}

/** Reads the body of a scrape as text. */
export function textOf(scrape: ScrapeReply): Promise<string> {
  return new Response(scrape.body).text();
}

/** What a failed promise says: code, message, hint. Nowhere in it is a secret. */
export async function failureOf(promise: Promise<unknown>): Promise<[string, string, string]> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    const print = Deno.inspect(error);
    if (print.includes("secret")) throw new Error(`A secret got out: ${print}`);
    return [error.code, error.message, error.hint];
  }
  throw new Error("It should have failed");
}

/** What one scrape comes to: the text, or the code, message and hint of its failure. */
export async function outcome(
  url: string,
  overrides: Overrides = {},
): Promise<string | readonly string[]> {
  using upstream = createUpstream(configFor(url, overrides));
  try {
    return await textOf(await upstream.scrape({ signal: NEVER }));
  } catch (error) {
    return await failureOf(Promise.reject(error));
  }
}

/** A conversation with one client. */
export interface Conversation {
  /** The head of the request. */
  request: string;
  /** Sends text or bytes. */
  send(data: string | Uint8Array): Promise<void>;
  /** Resolves when the client closes the connection. */
  gone(): Promise<void>;
}

/** A server on a port of its own. */
export interface FakeServer extends AsyncDisposable {
  /** Its address, without path. */
  origin: string;
  /** The heads of all requests so far. */
  requests: string[];
}

/** Settings of {@linkcode serveRaw}. */
export interface RawOptions {
  /** The name of the certificate in `tests/testdata/tls/`; without it plain TCP. */
  certificate?: string;
  /** The name in the address. */
  host?: string;
}

/** Serves bytes as they are: `answer` runs once a request, and the connection ends after it. */
export function serveRaw(
  answer: (conversation: Conversation) => Promise<void>,
  { certificate, host = "127.0.0.1" }: RawOptions = {},
): FakeServer {
  const listener = certificate === undefined
    ? Deno.listen({ hostname: "127.0.0.1", port: 0 })
    : Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert: pem(`${certificate}.pem`),
      key: pem(`${certificate}.key`),
    });
  const requests: string[] = [];
  const open = new Set<Promise<void>>();
  const connections = new Set<Deno.Conn>();
  async function talk(connection: Deno.Conn): Promise<void> {
    connections.add(connection);
    try {
      const request = await readHead(connection);
      if (request === "") return;
      requests.push(request);
      await answer({
        request,
        send: (data) => writeAll(connection, data),
        gone: () => untilClosed(connection),
      });
    } catch (error) {
      // A client that breaks the handshake or the connection off is what some tests are about.
      if (!isBrokenConnection(error)) throw error;
    } finally {
      connections.delete(connection);
      connection.close();
    }
  }
  async function accept(): Promise<void> {
    for await (const connection of listener) {
      const conversation = talk(connection);
      open.add(conversation);
      conversation.finally(() => open.delete(conversation)).catch(() => {});
    }
  }
  const accepting = accept();
  const scheme = certificate === undefined ? "http" : "https";
  return {
    origin: `${scheme}://${host}:${listener.addr.port}`,
    requests,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

/** Serves one fixed reply. */
export function serveReply(reply: string | Uint8Array, options: RawOptions = {}): FakeServer {
  return serveRaw(({ send }) => send(reply), options);
}

/** A server that also tells its connections apart. */
export interface HttpServer extends FakeServer {
  /** The ports of its clients, one a connection. */
  ports: Set<number>;
}

/** Serves with `Deno.serve`; with the name of a certificate over TLS. */
export function serveHttp(handler: Deno.ServeHandler, certificate?: string): HttpServer {
  const requests: string[] = [];
  const ports = new Set<number>();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen(): void {},
    // A body that breaks on purpose is no news.
    onError: () => new Response(null, { status: 500 }),
    ...(certificate === undefined
      ? {}
      : { cert: pem(`${certificate}.pem`), key: pem(`${certificate}.key`) }),
  }, (request, info) => {
    requests.push(new URL(request.url).pathname);
    if (info.remoteAddr.transport === "tcp") ports.add(info.remoteAddr.port);
    return handler(request, info);
  });
  return {
    origin: certificate === undefined
      ? `http://127.0.0.1:${server.addr.port}`
      : `https://localhost:${server.addr.port}`,
    requests,
    ports,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The first byte of a TLS record that carries a handshake (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** Reads up to the end of the head, or what there is of another protocol. */
async function readHead(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) return "";
    if (buffer[0] === TLS_HANDSHAKE) return "TLS";
    head += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return head;
}

async function writeAll(connection: Deno.Conn, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function untilClosed(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    while (await connection.read(buffer) !== null);
  } catch (error) {
    if (!isBrokenConnection(error)) throw error;
  }
}

function isBrokenConnection(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.InvalidData;
}

/** A host name that no resolver asks the network for: a label has at most 63 letters. */
export const NO_SUCH_HOST: string = `${"a".repeat(64)}.invalid`;

/** Ports in a block of {@linkcode closedPort}. */
const BLOCK = 32;

/** Holds the first port of a block, so that no test file that runs at the same time takes it. */
function lockBlock(): Deno.TcpListener {
  // Below the ports that the system gives to listeners and connections.
  for (let port = 10_016; port < 32_000; port += BLOCK) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("All blocks of ports are in use");
}

const block = lockBlock();
let given = 0;

/** A port that nothing listens on; no other test gets it. */
export function closedPort(): number {
  for (;;) {
    const port = block.addr.port + 1 + given++ % (BLOCK - 1);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

const FORMATS: Record<string, CompressionFormat> = { deflate: "deflate", br: "brotli" };

/** Compresses text by a coding of HTTP. */
export async function compressed(text: string, coding: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream()
    .pipeThrough(new CompressionStream(FORMATS[coding] ?? "gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A server that wants a client certificate from `client_ca.pem`. */
export async function serveMutualTls(): Promise<FakeServer> {
  const requests: string[] = [];
  const server = createServer({
    cert: pem("server.pem"),
    key: pem("server.key"),
    ca: pem("client_ca.pem"),
    requestCert: true,
    rejectUnauthorized: true,
  }, (request, response) => {
    requests.push(request.url ?? "");
    response.end(TEXT);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return {
    origin: `https://localhost:${address.port}`,
    requests,
    async [Symbol.asyncDispose](): Promise<void> {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Makes V8 collect what nobody refers to. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
}
