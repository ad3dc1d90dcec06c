import { assertEquals, assertRejects } from "@std/assert";
import { createClient } from "../../lib/net/client.ts";
import { NetError } from "../../lib/net/net_error.ts";

/** A port of this machine on which nothing listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

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
