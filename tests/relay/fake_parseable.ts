/** A server that takes OTLP as Parseable 2.9.5 does, and can be told not to. */

import { serveHttp } from "../net/fakes.ts";

/** The credentials that it takes. */
export const GOOD = `Basic ${btoa("shipper:secret-password")}`;
/** Largest body, in bytes. */
const MAX_BYTES = 10 * 1_048_576;

/** A request that was stored. */
export interface Stored {
  /** The body. */
  readonly text: string;
  /** The header fields. */
  readonly headers: Headers;
}

/** The server, and what it holds. */
export interface FakeParseable extends AsyncDisposable {
  /** Its address. */
  readonly origin: string;
  /** What was stored, in order. */
  readonly stored: Stored[];
  /** When set, what it answers to everything. */
  answer: (() => Response | Promise<Response>) | undefined;
  /** When set, it stores, and then answers this: an answer that is lost. */
  lose: (() => Response) | undefined;
}

function refuse(status: number, text: string): Response {
  return new Response(text, { status });
}

/** Judges a request as Parseable does; undefined when it is stored. */
function judge(headers: Headers, bytes: number): Response | undefined {
  const authorization = headers.get("authorization");
  if (authorization === null && !headers.has("x-api-key")) return refuse(401, "Unauthorized");
  if (authorization !== null && authorization !== GOOD) return refuse(403, "Forbidden");
  if (!headers.has("x-p-stream")) {
    return refuse(400, "Stream name not found in header [x-p-stream]");
  }
  if (headers.get("x-p-log-source") !== "otel-metrics") return refuse(400, "Unknown log source");
  if (headers.get("content-type") !== "application/json") {
    return refuse(400, "Protobuf ingestion is not supported in Parseable OSS");
  }
  return bytes > MAX_BYTES ? refuse(413, "payload reached size limit") : undefined;
}

/** Starts one. */
export function serveParseable(): FakeParseable {
  const stored: Stored[] = [];
  const server = serveHttp(async (request) => {
    const text = await request.text();
    if (fake.answer !== undefined) return await fake.answer();
    if (new URL(request.url).pathname !== "/v1/metrics") return refuse(404, "not found");
    const refusal = judge(request.headers, new TextEncoder().encode(text).length);
    if (refusal !== undefined) return refusal;
    stored.push({ text, headers: request.headers });
    return fake.lose?.() ?? new Response(null);
  });
  const fake: FakeParseable = {
    origin: server.origin,
    stored,
    answer: undefined,
    lose: undefined,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return fake;
}
