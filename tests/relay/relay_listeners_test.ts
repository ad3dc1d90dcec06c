import { assertEquals } from "@std/assert";
import { run, startServe } from "../commands/process.ts";
import { within } from "../fakes.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";

const VLLM = { VLLM_METRICS_URL: "http://127.0.0.1:9" };

/** The host and port of an address. */
function placeOf(origin: string): string {
  return origin.slice("http://".length);
}

Deno.test("both listeners are ready, and healthcheck asks both", async () => {
  const otlp = `127.0.0.1:${closedPort()}`;
  // No Parseable: that it is away is no reason to restart the relay.
  const relay = { ...VLLM, PARSEABLE_URL: "http://127.0.0.1:9", OTLP_LISTEN_ADDRESS: otlp };
  await using service = await startServe({ env: relay });
  await service.log.seen(`msg="Relaying OTLP" address=${otlp}`);
  const origin = await service.origin();
  for (const each of [origin, `http://${otlp}`]) {
    assertEquals(await (await fetch(`${each}/-/ready`)).text(), "ready\n");
    assertEquals(await (await fetch(`${each}/-/healthy`)).text(), "ok\n");
  }
  const env = { ...relay, LISTEN_ADDRESS: placeOf(origin) };
  assertEquals(await run(["healthcheck"], { env }), { code: 0, stdout: "", stderr: "" });
  service.kill("SIGTERM");
  assertEquals(await within(service.code, () => "the process did not end"), 0);
});

Deno.test("healthcheck is 1 when only the relay is not ready", async () => {
  await using metrics = serveHttp(() => new Response("ready\n"));
  const port = closedPort();
  const env = { LISTEN_ADDRESS: placeOf(metrics.origin), OTLP_LISTEN_ADDRESS: `0.0.0.0:${port}` };
  const parseable = { PARSEABLE_URL: "http://parseable:8000" };
  const [off, on] = await Promise.all([
    run(["healthcheck"], { env }),
    run(["healthcheck"], { env: { ...env, ...parseable } }),
  ]);
  assertEquals(off, { code: 0, stdout: "", stderr: "" });
  const url = `http://127.0.0.1:${port}/-/ready`;
  const stderr = `vllm-metrics healthcheck: cannot reach "${url}": no connection\n`;
  assertEquals(on, { code: 1, stdout: "", stderr });
});

Deno.test("healthcheck says what is wrong with OTLP_LISTEN_ADDRESS, when the relay is on", async () => {
  await using metrics = serveHttp(() => new Response("ready\n"));
  const env = {
    LISTEN_ADDRESS: placeOf(metrics.origin),
    OTLP_LISTEN_ADDRESS: "4318",
    PARSEABLE_URL: "http://parseable:8000",
  };
  const sentence = 'OTLP_LISTEN_ADDRESS: cannot use "4318": it has no host. Write "0.0.0.0:4318".';
  assertEquals(await run(["healthcheck"], { env }), {
    code: 1,
    stdout: "",
    stderr: `vllm-metrics healthcheck: ${sentence}\n`,
  });
});
