import { assert, assertEquals } from "@std/assert";
import { capture, seriesOf, until } from "../fakes.ts";
import { startServe } from "../commands/process.ts";
import { serveHttp } from "../net/fakes.ts";
import { RawClient } from "./raw_client.ts";

/** Clients that are held open. */
const CLIENTS = 1_000;
/** No more than this may the next scrape take, on any machine. */
const GENEROUS_MS = 10_000;
/** More than fits into the buffers of a connection, in bytes. */
const LARGE_BYTES = 12_000_000;

const SCRAPE = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/** The text of very many engines, made of a capture: pieces of {@linkcode LARGE_BYTES} in all. */
function largeBody(): Uint8Array<ArrayBuffer>[] {
  const { text } = capture("during-load-c40");
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let bytes = 0; bytes < LARGE_BYTES; bytes += text.length) {
    const prefix = `engine${pieces.length}_`;
    const own = text.replace(/^(# (?:HELP|TYPE) )?(?=[a-z])/gm, (start) => start + prefix);
    pieces.push(new TextEncoder().encode(own));
  }
  return pieces;
}

/** Connects a thousand clients; a hundred at a time, so that none is turned away by the system. */
async function connectAll(origin: string, text: string, stack: DisposableStack): Promise<void> {
  for (let count = 0; count < CLIENTS; count += 100) {
    const some = Array.from({ length: 100 }, () => RawClient.send(origin, text));
    for (const client of await Promise.all(some)) stack.use(client);
  }
}

/** Asks until the answer is not 503; gives its text and how long that took. */
async function scrape(origin: string): Promise<{ text: string; tookMs: number }> {
  const started = performance.now();
  const text = await until(async () => {
    const response = await fetch(`${origin}/metrics`);
    const body = await response.text();
    return response.status === 503 ? undefined : body;
  }, "an answer");
  return { text, tookMs: performance.now() - started };
}

function report(what: string, tookMs: number): void {
  const text = `    ${CLIENTS} clients ${what}: the next scrape took ${tookMs.toFixed(0)} ms\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

Deno.test("a thousand half-sent requests do not stop the next scrape", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = await startServe({ env: { VLLM_METRICS_URL: vllm.origin } });
  const origin = await service.origin();
  using stack = new DisposableStack();
  await connectAll(origin, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: a", stack);
  const { text, tookMs } = await scrape(origin);
  assertEquals(text, "vllm_up 1\n");
  report("with half a request", tookMs);
  assert(tookMs < GENEROUS_MS, `${tookMs} ms`);
});

Deno.test("a thousand replies that nobody reads do not stop the next scrape", async () => {
  const pieces = largeBody();
  let body = (): BodyInit => ReadableStream.from(pieces);
  await using vllm = serveHttp(() => new Response(body()));
  await using service = await startServe({ env: { VLLM_METRICS_URL: vllm.origin } });
  const origin = await service.origin();
  using stack = new DisposableStack();
  await (await fetch(`${origin}/metrics`)).text();
  await connectAll(origin, SCRAPE, stack);
  const own = async (): Promise<Map<string, number>> =>
    seriesOf(await (await fetch(`${origin}/-/metrics`)).text());
  // All have been heard: they are being answered, or were told that there is no place.
  await until(async () => {
    const series = await own();
    const answered = series.get("vllm_metrics_requests_in_flight") ?? 0;
    const refused = series.get("vllm_metrics_requests_refused_total") ?? 0;
    const evicted = series.get("vllm_metrics_slow_readers_dropped_total") ?? 0;
    return answered + refused + evicted >= CLIENTS;
  }, "all requests to be heard");
  body = () => "vllm:up 1\n";
  const { text, tookMs } = await scrape(origin);
  assertEquals(text, "vllm_up 1\n");
  report("that do not read their reply", tookMs);
  assert(tookMs < GENEROUS_MS, `${tookMs} ms`);
  const evicted = (await own()).get("vllm_metrics_slow_readers_dropped_total") ?? 0;
  assert(evicted > 0, "nobody had to make room");
});
