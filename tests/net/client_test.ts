import { assertEquals, assertRejects } from "@std/assert";
import { createClient } from "../../lib/net/client.ts";
import { NetError } from "../../lib/net/net_error.ts";
import { closedPort } from "../upstream/fakes.ts";

Deno.test("a server at a known address that refuses connections again and again is refused each time", async () => {
  const port = closedPort();
  using client = createClient({ address: "127.0.0.1" });
  for (let attempt = 1; attempt <= 40; attempt++) {
    const error = await assertRejects(
      () =>
        client.request(new URL(`http://vllm:${port}/metrics`), { timeoutMs: 5_000, maxBytes: 1 }),
      NetError,
    );
    assertEquals([attempt, error.kind], [attempt, "refused"]);
  }
});
