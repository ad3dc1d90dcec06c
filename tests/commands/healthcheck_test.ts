import { assertEquals } from "@std/assert";
import { closedPort, serveHttp, serveRaw } from "../net/fakes.ts";
import { type Output, run, startServe } from "./process.ts";

function healthcheck(address: string, env: Record<string, string> = {}): Promise<Output> {
  return run(["healthcheck"], { env: { LISTEN_ADDRESS: address, ...env } });
}

const HEALTHY: Output = { code: 0, stdout: "", stderr: "" };

function unhealthy(sentence: string): Output {
  return { code: 1, stdout: "", stderr: `vllm-metrics healthcheck: ${sentence}\n` };
}

Deno.test("healthcheck is 0 for a service that is ready, though vLLM is not", async () => {
  await using service = await startServe({
    env: { VLLM_METRICS_URL: "http://127.0.0.1:9", LISTEN_ADDRESS: "0.0.0.0:0" },
  });
  const { port } = new URL(await service.origin());
  const results = await Promise.all([
    healthcheck(`127.0.0.1:${port}`),
    healthcheck(`0.0.0.0:${port}`),
    healthcheck(`:${port}`),
    // What is asked is this machine, whatever proxy is in use for the others.
    healthcheck(`127.0.0.1:${port}`, { HTTP_PROXY: `http://127.0.0.1:${closedPort()}` }),
  ]);
  for (const result of results) assertEquals(result, HEALTHY);
});

Deno.test("healthcheck is 1 when nothing listens", async () => {
  const port = closedPort();
  assertEquals(
    await healthcheck(`0.0.0.0:${port}`),
    unhealthy(`cannot reach "http://127.0.0.1:${port}/-/ready": no connection`),
  );
});

Deno.test("healthcheck is 1 when the service is on its way out", async () => {
  await using server = serveHttp(() => new Response("stopping\n", { status: 503 }));
  const address = server.origin.slice("http://".length);
  assertEquals(
    await healthcheck(address),
    unhealthy(`"${server.origin}/-/ready" answered 503: stopping`),
  );
  assertEquals(server.requests, ["/-/ready"]);
});

Deno.test("healthcheck is 1 when the server hangs", async () => {
  const expected = (origin: string): Output =>
    unhealthy(`cannot reach "${origin}/-/ready": no answer in time`);
  await using mute = serveRaw(({ gone }) => gone());
  await using slow = serveRaw(async ({ send, gone }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nrea");
    await gone();
  });
  const [first, second] = await Promise.all(
    [mute, slow].map(({ origin }) => healthcheck(origin.slice("http://".length))),
  );
  assertEquals(first, expected(mute.origin));
  assertEquals(second, expected(slow.origin));
});

Deno.test("healthcheck says what is wrong with LISTEN_ADDRESS", async () => {
  assertEquals(
    await healthcheck("9090"),
    unhealthy('LISTEN_ADDRESS: cannot use "9090": it has no host. Write "0.0.0.0:9090".'),
  );
});

/** Whether this machine has IPv6 at all. */
function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test({
  name: "serve listens on [::] for IPv6 and IPv4, and healthcheck finds it there",
  ignore: !hasIpv6(),
  async fn(): Promise<void> {
    await using service = await startServe({
      env: { VLLM_METRICS_URL: "http://127.0.0.1:9", LISTEN_ADDRESS: "[::]:0" },
    });
    const line = await service.log.seen("msg=Listening");
    const port = /address=\[::\]:(\d+) /.exec(line)?.[1];
    for (const host of ["[::1]", "127.0.0.1"]) {
      const response = await fetch(`http://${host}:${port}/-/healthy`);
      assertEquals(await response.text(), "ok\n");
    }
    assertEquals(await healthcheck(`[::]:${port}`), HEALTHY);
  },
});
