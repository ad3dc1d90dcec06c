/**
 * Three ways to stand between a reader and vLLM with nothing but Deno, to
 * compare the service with:
 *
 *     deno run -A bench/passthrough.ts --port 8002 --upstream http://127.0.0.1:8001/metrics raw
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { parseArgs } from "node:util";

/** The name of a way to pass a body on. */
export type PassthroughName = "raw" | "read" | "lines";

/** Turns the upstream's answer into the reply. */
type Pass = (upstream: Response) => Response;

/** What a name may follow in a line, so that a colon is only changed in a name. */
const NAME = /^((?:# (?:HELP|TYPE) )?)vllm:/;

function headersOf(upstream: Response, names: readonly string[]): Headers {
  const headers = new Headers();
  for (const name of names) {
    const value = upstream.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

/** Hands the body on as it is: its bytes never enter JavaScript. */
function raw(upstream: Response): Response {
  const headers = headersOf(upstream, ["content-type", "content-length"]);
  return new Response(upstream.body, { headers });
}

/** Reads each chunk in JavaScript and passes it on: the floor for all that looks at bytes. */
function read(upstream: Response): Response {
  const headers = headersOf(upstream, ["content-type", "content-length"]);
  if (upstream.body === null) return new Response(null, { headers });
  const reader = upstream.body.getReader();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller): Promise<void> {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason): Promise<void> => reader.cancel(reason),
  });
  return new Response(body, { headers });
}

/** Reads lines as strings and replaces by pattern: how one would write it first. */
function lines(upstream: Response): Response {
  const headers = headersOf(upstream, ["content-type"]);
  if (upstream.body === null) return new Response(null, { headers });
  const split: TransformStream<string, string> = new TextLineStream();
  const rename = new TransformStream<string, string>({
    transform(line, controller): void {
      controller.enqueue(line.replace(NAME, "$1vllm_") + "\n");
    },
  });
  const body = upstream.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(split)
    .pipeThrough(rename)
    .pipeThrough(new TextEncoderStream());
  return new Response(body, { headers });
}

const PASSES: Record<PassthroughName, Pass> = { raw, read, lines };

/** Makes the handler of a pass-through. */
export function createPassthrough(
  name: PassthroughName,
  upstreamUrl: string,
): () => Promise<Response> {
  const pass = PASSES[name];
  const identity = { "accept-encoding": "identity" };
  return async () => pass(await fetch(upstreamUrl, { headers: identity }));
}

function isPassthroughName(word: string | undefined): word is PassthroughName {
  return word !== undefined && Object.hasOwn(PASSES, word);
}

if (import.meta.main) {
  const { values, positionals: [name] } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      port: { type: "string", default: "0" },
      upstream: { type: "string", default: "http://127.0.0.1:8000/metrics" },
    },
  });
  if (!isPassthroughName(name)) throw new TypeError(`Unknown pass-through "${name}"`);
  Deno.serve(
    { hostname: "127.0.0.1", port: Number(values.port), onListen: (): void => {} },
    createPassthrough(name, values.upstream),
  );
}
