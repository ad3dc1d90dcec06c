import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { until, within } from "../fakes.ts";
import { RawClient } from "../http/raw_client.ts";
import { serveParseable } from "../relay/fake_parseable.ts";
import { closedPort, serveHttp, serveRaw } from "../net/fakes.ts";
import { pointSender, run, type Running, startServe } from "./process.ts";

const PARTS = [
  "# TYPE vllm:a gauge\nvllm:a 1\n# TYPE vllm:b gauge\n",
  "vllm:b 2\n# TYPE vllm:c gauge\nvllm:c 3\n",
] as const;
const CLOSE = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
const SCRAPE = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
/** Shorter than the 8 s that the relay waits for a response under way. */
const SOON_MS = 6_000;
/** The relay, listening on a port of its own; nobody listens at the address of vLLM. */
const RELAY = { VLLM_METRICS_URL: "http://127.0.0.1:9", OTLP_LISTEN_ADDRESS: "127.0.0.1:0" };

/** Waits until nobody listens any more. */
function untilDeaf(origin: string): Promise<true> {
  return until(async () => {
    try {
      (await RawClient.connect(origin)).close();
      return undefined;
    } catch (error) {
      // Who connects in the moment of the end gets other errors.
      return error instanceof Deno.errors.ConnectionRefused || undefined;
    }
  }, "the service to stop listening");
}

/** Sends a signal; gives the exit code. */
async function end(service: Running, signal: Deno.Signal): Promise<number> {
  service.kill(signal);
  return await within(service.code, () => "the process did not end");
}

Deno.test.each<[Deno.Signal]>([["SIGTERM"], ["SIGINT"], ["SIGHUP"], ["SIGQUIT"]])(
  "serve says where it listens and ends with 0 on %s",
  async (signal) => {
    await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
    await using service = await startServe({ env: { VLLM_METRICS_URL: vllm.origin } });
    const origin = await service.origin();
    assertEquals(await (await fetch(`${origin}/metrics`)).text(), "vllm_up 1\n");
    assertEquals(await end(service, signal), 0);
    const [listening, ...rest] = service.log.all;
    assertMatch(
      listening,
      /^level=info msg=Listening address=127\.0\.0\.1:\d+ upstream=\S+\/metrics version=\d+\.\d+\.\d+$/,
    );
    assertEquals(rest, [
      'level=info msg="The relay is off: PARSEABLE_URL is not set"',
      `level=info msg="Upstream is up" upstream=${vllm.origin}/metrics`,
      "level=info msg=Stopped",
    ]);
  },
);

Deno.test.each<[Deno.Signal]>([["SIGTERM"], ["SIGINT"]])(
  "a reply under way is delivered whole after %s",
  async (signal) => {
    const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
    await using vllm = serveRaw(async ({ send }) => {
      await send(CLOSE + PARTS[0]);
      await within(mayGoOn, () => "no leave to go on");
      await send(PARTS[1]);
    });
    await using service = await startServe({ env: { VLLM_METRICS_URL: vllm.origin } });
    const origin = await service.origin();
    using client = await RawClient.send(origin, SCRAPE);
    await client.readUntil("vllm_a 1\n");
    service.kill(signal);
    // Only now that the service is on its way out does the rest come.
    await untilDeaf(origin);
    goOn();
    const reply = await client.readToEnd();
    assertEquals([reply.complete, reply.content], [true, PARTS.join("").replaceAll(":", "_")]);
    assertEquals(await service.code, 0);
  },
);

Deno.test("connections without a request under way do not hold the end up", async () => {
  await using service = await startServe({
    env: { ...RELAY, PARSEABLE_URL: "http://127.0.0.1:9" },
  });
  const line = await service.log.seen("Relaying OTLP");
  const origin = `http://${/address=(\S+)/.exec(line)?.[1]}`;
  using used = await RawClient.send(origin, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
  await used.readUntil("ok\n");
  using unused = await RawClient.connect(origin);
  // The connection is taken when one that came later is answered.
  await (await fetch(`${origin}/-/healthy`)).text();
  const started = performance.now();
  assertEquals(await end(service, "SIGTERM"), 0);
  assert(performance.now() - started < SOON_MS, "as if it had waited for the connections");
  assert(!unused.text && used.text);
});

Deno.test("half a request does not hold the end up", async () => {
  await using service = await startServe({ env: { VLLM_METRICS_URL: "http://127.0.0.1:9" } });
  const origin = await service.origin();
  using _half = await RawClient.send(origin, "GET /metrics HTTP/1.1\r\nHost:");
  await (await fetch(`${origin}/-/healthy`)).text();
  assertEquals(await end(service, "SIGTERM"), 0);
});

Deno.test("a reply that hangs is broken off", async () => {
  await using vllm = serveRaw(async ({ send, gone }) => {
    await send(CLOSE + PARTS[0]);
    await gone();
  });
  await using service = await startServe({ env: { VLLM_METRICS_URL: vllm.origin } });
  using client = await RawClient.send(await service.origin(), SCRAPE);
  await client.readUntil("vllm_a 1\n");
  assertEquals(await end(service, "SIGTERM"), 0);
  assertEquals((await client.readToEnd()).complete, false);
});

Deno.test("a request to the relay that waits for Parseable is answered after SIGTERM", async () => {
  const { promise: underWay, resolve: onRequest } = Promise.withResolvers<void>();
  await using parseable = serveParseable();
  parseable.answer = async () => {
    onRequest();
    // A slow Parseable: slower than the metrics may be at the end.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return new Response(null);
  };
  await using service = await startServe({
    env: { ...RELAY, PARSEABLE_URL: parseable.origin },
  });
  const sent = (await pointSender(service))();
  await underWay;
  service.kill("SIGTERM");
  const response = await sent;
  assertEquals([response.status, await response.text()], [200, "{}"]);
  assertEquals(await service.code, 0);
});

Deno.test("a second signal ends the service at once, while a request to the relay hangs", async () => {
  const { promise: underWay, resolve: onRequest } = Promise.withResolvers<void>();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  await using parseable = serveParseable();
  parseable.answer = async () => {
    onRequest();
    await over;
    return new Response(null);
  };
  await using service = await startServe({ env: { ...RELAY, PARSEABLE_URL: parseable.origin } });
  const origin = await service.origin();
  const sent = assertRejects(await pointSender(service));
  await underWay;
  const started = performance.now();
  service.kill("SIGTERM");
  await untilDeaf(origin);
  service.kill("SIGINT");
  assertEquals(await service.code, 0);
  assert(performance.now() - started < SOON_MS, "as if it had waited for the request");
  await sent;
  end();
});

Deno.test("a reply that breaks off is one line in the log and no stack trace", async () => {
  const { promise: mayEnd, resolve: endBody } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send }) => {
    await send(`HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${PARTS[0]}`);
    await within(mayEnd, () => "no leave to end");
  });
  await using service = await startServe({ env: { VLLM_METRICS_URL: vllm.origin } });
  const origin = await service.origin();
  using client = await RawClient.send(origin, SCRAPE);
  await client.readUntil("vllm_a 1\n");
  endBody();
  assertEquals((await client.readToEnd()).complete, false);
  assertEquals(await end(service, "SIGTERM"), 0);
  const lines = service.log.all.filter((line) => !line.startsWith("level=info "));
  assertEquals(lines.length, 1, lines.join("\n"));
  assertMatch(lines[0], /^level=warn msg="Upstream is down" .* code=UPSTREAM_CLOSED /);
});

Deno.test("a log that nobody reads does not stop the service", async () => {
  await using service = await startServe({
    env: { VLLM_METRICS_URL: `http://127.0.0.1:${closedPort()}` },
  });
  const origin = await service.origin();
  await service.closeLog();
  for (let count = 0; count < 2; count++) {
    const response = await fetch(`${origin}/metrics`);
    assertEquals(response.status, 502);
    assertMatch(await response.text(), /: connection refused\. /);
  }
  assertEquals(await end(service, "SIGTERM"), 0);
});

Deno.test("serve ends with 1 and a sentence when the port is in use", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  const { code, stdout, stderr } = await run(["serve"], {
    env: { VLLM_METRICS_URL: "http://127.0.0.1:9", LISTEN_ADDRESS: address },
  });
  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr.replace(/^time=\S+ /, ""),
    `level=error msg="Cannot listen on \\"${address}\\": the port is in use" ` +
      'code=LISTEN_FAILED hint="Is Prometheus or another copy running there? Set LISTEN_ADDRESS to another address."\n',
  );
});

Deno.test("serve ends with 1 and a sentence when the address is not this machine's", async () => {
  const { code, stderr } = await run(["serve"], {
    env: { VLLM_METRICS_URL: "http://127.0.0.1:9", LISTEN_ADDRESS: "192.0.2.1:0" },
  });
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^time=\S+ level=error msg="Cannot listen on \\"192\.0\.2\.1:0\\": [^"]+" code=LISTEN_FAILED hint="Set LISTEN_ADDRESS to another address\."\n$/,
  );
});
