import { assert, assertEquals } from "@std/assert";
import { serveCapture, startService } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { promtoolCheck } from "./promtool.ts";

Deno.test("promtool has no remark on /-/metrics, before and after scrapes, good and bad", async () => {
  let status = 200;
  await using vllm = serveHttp(() => new Response("vllm:up 1\n", { status }));
  await using service = startService(vllm.origin);
  const check = async (): Promise<void> => {
    const text = await (await service.get("/-/metrics")).text();
    assertEquals(await promtoolCheck(text), { code: 0, remarks: "" });
  };
  await check();
  await (await service.get("/metrics")).text();
  await check();
  status = 500;
  await (await service.get("/metrics")).text();
  await check();
});

Deno.test.each(["during-load-c40", "dp2-during-load", "nostats-after-load", "spec-after-load"])(
  "promtool reads what /metrics makes of %s",
  async (name) => {
    await using vllm = serveCapture(name);
    await using service = startService(vllm.origin);
    const { code, remarks } = await promtoolCheck(await (await service.get("/metrics")).text());
    // Exit code 3 is for remarks on vLLM's own choice of names; 1 is for text it cannot read.
    assert(code === 0 || code === 3, remarks);
  },
);
