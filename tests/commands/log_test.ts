import { assert, assertEquals, assertMatch } from "@std/assert";
import { serve } from "../../lib/commands/serve.ts";
import { listen } from "../../main.ts";
import { seriesOf, until } from "../fakes.ts";
import { serveParseable } from "../relay/fake_parseable.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";
import { fakeHost } from "./fake_host.ts";
import { pointSender, startServe, startUnread } from "./process.ts";

/** Reads a stream up to a text; gives all of it until then. */
async function readUntil(stream: ReadableStream<Uint8Array>, text: string): Promise<string> {
  let seen = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    seen += piece;
    if (seen.includes(text)) break;
  }
  return seen;
}

async function isReady(origin: string): Promise<true | undefined> {
  try {
    const response = await fetch(`${origin}/-/ready`);
    await response.text();
    return response.ok || undefined;
  } catch {
    return undefined;
  }
}

Deno.test("a log pipe that is full and not read stops no route, and its lines arrive later", async () => {
  const address = `127.0.0.1:${closedPort()}`;
  const env = { VLLM_METRICS_URL: `http://127.0.0.1:${closedPort()}`, LISTEN_ADDRESS: address };
  const child = await startUnread({ env, isLogFull: true });
  try {
    const origin = `http://${address}`;
    await until(() => isReady(origin), "the service");
    for (const path of ["/metrics", "/-/healthy", "/-/metrics"]) {
      await (await fetch(origin + path)).text();
    }
    const stopped = readUntil(child.stderr, "msg=Stopped");
    child.kill("SIGTERM");
    assertMatch(
      (await stopped).replaceAll("\0", ""),
      /msg=Listening[^]*msg="Upstream is down"[^]*msg=Stopped/,
    );
    assertEquals((await child.status).code, 0);
  } finally {
    await child.stdout.cancel();
  }
});

Deno.test("a service whose log is never read ends on SIGTERM", async () => {
  const address = `127.0.0.1:${closedPort()}`;
  const env = { VLLM_METRICS_URL: "http://127.0.0.1:9", LISTEN_ADDRESS: address };
  const child = await startUnread({ env, isLogFull: true });
  await until(() => isReady(`http://${address}`), "the service");
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 0);
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
});

Deno.test("a backend that fails and recovers with each request does not flood the log", async () => {
  const requests = 400;
  let count = 0;
  await using vllm = serveHttp(() =>
    new Response("vllm:up 1\n", { status: count++ % 2 === 0 ? 500 : 200 })
  );
  await using service = await startServe({
    env: { VLLM_METRICS_URL: vllm.origin, MAX_SCRAPES_PER_SECOND: "100000" },
  });
  const origin = await service.origin();
  for (let sent = 0; sent < requests; sent++) {
    await (await fetch(`${origin}/metrics`)).text();
  }
  const own = seriesOf(await (await fetch(`${origin}/-/metrics`)).text());
  service.kill("SIGTERM");
  assertEquals(await service.code, 0);
  const changes = service.log.all.filter((line) => line.includes('msg="Upstream is'));
  assert(changes.length < requests / 2, `${changes.length} lines`);
  const suppressed = changes.reduce(
    (sum, line) => sum + Number(/ suppressed=(\d+)/.exec(line)?.[1] ?? 0),
    0,
  );
  assertEquals(changes.length + suppressed, requests, "lines and those left out");
  assertMatch(changes.at(-1) ?? "", /Upstream is up/, "the last line is the state that holds");
  const repeated = own.get('vllm_metrics_log_lines_dropped_total{reason="repeated"}') ?? 0;
  assert(repeated > 0 && repeated <= suppressed, `${repeated} of ${suppressed}`);
});

Deno.test("a Parseable that fails and recovers with each request does not flood the log", async () => {
  await using parseable = serveParseable();
  let count = 0;
  parseable.answer = () => new Response(null, { status: count++ % 2 === 0 ? 503 : 200 });
  await using service = await startServe({
    env: {
      VLLM_METRICS_URL: "http://127.0.0.1:9",
      PARSEABLE_URL: parseable.origin,
      OTLP_LISTEN_ADDRESS: "127.0.0.1:0",
    },
  });
  const send = await pointSender(service);
  for (let sent = 0; sent < 400; sent++) await (await send()).text();
  service.kill("SIGTERM");
  assertEquals(await service.code, 0);
  assert(count >= 400, `${count} requests reached Parseable`);
  assert(service.log.all.length < 200, `${service.log.all.length} lines`);
});

Deno.test("an unexpected failure is a proper line of a JSON log", async () => {
  const { promise: listening, resolve: onListen } = Promise.withResolvers<number>();
  const { promise: stopped, resolve: onStop } = Promise.withResolvers<() => void>();
  const { host, output } = fakeHost({ args: [], stdin: new ReadableStream() });
  const ended = serve.run({
    ...host,
    env: {
      VLLM_METRICS_URL: "http://127.0.0.1:9",
      LISTEN_ADDRESS: "127.0.0.1:0",
      LOG_FORMAT: "json",
    },
    listen(options): ReturnType<typeof listen> {
      const listener = listen(options);
      onListen(listener.port);
      return listener;
    },
    onStopSignal(stop): () => void {
      onStop(stop);
      return () => {};
    },
    residentBytes(): number {
      throw new Error("no such\nfile");
    },
  });
  const stop = await stopped;
  const response = await fetch(`http://127.0.0.1:${await listening}/-/metrics`);
  assertEquals([response.status, await response.text()], [500, "Unexpected error.\n"]);
  stop();
  assertEquals(await ended, 0);
  const lines = output().stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  const failure = lines.find(({ msg }) => msg === "Unexpected error");
  assertEquals([failure.level, failure.error], ["error", "no such\nfile"]);
  assertMatch(failure.stack, /residentBytes/);
});
