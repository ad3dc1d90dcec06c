import { assert, assertEquals } from "@std/assert";
import { capture, renamed, serveCapture } from "../fakes.ts";
import { closedPort } from "../net/fakes.ts";
import { startTask } from "./process.ts";

Deno.test("`deno task start` serves with nothing but VLLM_METRICS_URL", async () => {
  await using vllm = serveCapture("idle");
  await using service = startTask("start", {
    env: { VLLM_METRICS_URL: `${vllm.origin}/metrics`, LISTEN_ADDRESS: "127.0.0.1:0" },
  });
  const origin = await service.origin();
  const text = await (await fetch(`${origin}/metrics`)).text();
  assert(text === renamed(capture("idle").text), "the text differs");
  assertEquals(vllm.requests, ["/metrics"]);
  assertEquals(await (await fetch(`${origin}/-/ready`)).text(), "ready\n");
  // The task passes the signal on.
  service.kill("SIGTERM");
  assertEquals(await service.code, 0);
  assertEquals(service.log.all.at(-1), "level=info msg=Stopped");
});

Deno.test("`deno task start` without configuration ends with 2 and says why", async () => {
  await using service = startTask("start", {
    // Instead of localhost:8000, where a vLLM may run.
    env: { HTTP_PROXY: `http://127.0.0.1:${closedPort()}` },
  });
  assertEquals(await service.code, 2);
  await service.log.seen("VLLM_METRICS_URL: is not set.");
  assertEquals(service.log.all.filter((line) => /^\s+at /.test(line)), []);
});
