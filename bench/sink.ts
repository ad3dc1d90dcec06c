/**
 * A Parseable that stores nothing and answers at once: it reads a body and says 200.
 *
 *     deno run -A bench/sink.ts --port 8000
 */

import { parseArgs } from "node:util";

async function answer(request: Request): Promise<Response> {
  await request.arrayBuffer();
  return new Response(null);
}

if (import.meta.main) {
  const { values } = parseArgs({ args: Deno.args, options: { port: { type: "string" } } });
  Deno.serve(
    { hostname: "127.0.0.1", port: Number(values.port), onListen: (): void => {} },
    answer,
  );
}
