/**
 * The origin of the bench: answers `/metrics` from memory, with vLLM's content
 * type and a length. A string is what `Deno.serve` answers cheapest: nothing is
 * copied within JavaScript, and the origin stays out of the measurement.
 *
 *     deno run -A bench/origin.ts --port 8001 one.txt two.txt
 *
 * Without files it reads each request and answers 200, as a Parseable that stores nothing.
 * `POST /use/1` makes the second file the answer. With `--slices 10
 * --pause-ms 100` the body leaves in ten parts with a tenth of a second between.
 */

import { parseArgs } from "node:util";

/** What vLLM 0.26 sends when the client asks for nothing in particular. */
const CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8";

/** How a body leaves the origin. */
export interface Slicing {
  /** Into how many parts the body is cut; 1 sends it as a whole. */
  slices: number;
  /** How long to wait before each part but the first, in milliseconds. */
  pauseMs: number;
}

function inSlices(bytes: Uint8Array<ArrayBuffer>, { slices, pauseMs }: Slicing): Response {
  const size = Math.ceil(bytes.length / slices);
  let sent = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller): Promise<void> {
      if (sent > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      controller.enqueue(bytes.slice(sent, sent + size));
      sent += size;
      if (sent >= bytes.length) controller.close();
    },
  }, { highWaterMark: 0 });
  return new Response(body, {
    headers: { "content-type": CONTENT_TYPE, "content-length": String(bytes.length) },
  });
}

/** Makes the handler of the origin. */
export function createOrigin(
  bodies: readonly string[],
  slicing: Slicing,
): (request: Request) => Response | Promise<Response> {
  const whole = { headers: { "content-type": CONTENT_TYPE } };
  const encoded = bodies.map((body) => new TextEncoder().encode(body));
  let current = 0;
  return (request) => {
    if (bodies.length === 0) return request.bytes().then(() => new Response(null));
    if (request.method === "POST") {
      current = Number(request.url.slice(request.url.lastIndexOf("/") + 1));
      return new Response(null, { status: current < bodies.length ? 204 : 404 });
    }
    const bytes = encoded[current];
    if (slicing.slices > 1 && bytes !== undefined) return inSlices(bytes, slicing);
    return new Response(bodies[current] ?? null, whole);
  };
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      port: { type: "string", default: "0" },
      slices: { type: "string", default: "1" },
      "pause-ms": { type: "string", default: "0" },
    },
  });
  const bodies = await Promise.all(positionals.map((path) => Deno.readTextFile(path)));
  const slicing = { slices: Number(values.slices), pauseMs: Number(values["pause-ms"]) };
  Deno.serve(
    { hostname: "127.0.0.1", port: Number(values.port), onListen: (): void => {} },
    createOrigin(bodies, slicing),
  );
}
