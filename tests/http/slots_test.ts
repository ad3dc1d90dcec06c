import { assertEquals } from "@std/assert";
import { startService, type TestService, until, within } from "../fakes.ts";
import { serveRaw } from "../net/fakes.ts";
import { RawClient } from "./raw_client.ts";

/** Requests on `/metrics` that the service answers at once. */
const MAX_REQUESTS = 32;
const REQUEST = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

async function requestsInFlight(service: TestService): Promise<number | undefined> {
  return (await service.ownMetrics()).get("vllm_metrics_requests_in_flight");
}

function getMany(service: TestService, readers: number): Promise<Response>[] {
  return Array.from({ length: readers }, () => service.get("/metrics"));
}

Deno.test("requests beyond the limit get 503 with Retry-After, and the others their answer", async () => {
  const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send }) => {
    await within(mayAnswer, () => "no leave to answer");
    await send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nvllm:up 1\n");
  });
  await using service = startService(vllm.origin);
  const waiting = getMany(service, MAX_REQUESTS);
  await until(async () => await requestsInFlight(service) === MAX_REQUESTS, "all requests");
  for (let count = 1; count <= 3; count++) {
    const refused = await service.get("/metrics");
    assertEquals(refused.status, 503);
    assertEquals(refused.headers.get("retry-after"), "1");
    assertEquals(
      await refused.text(),
      "Cannot scrape now: too many requests are being answered. " +
        "Try again in a moment, and see whether readers hang.\n",
    );
    const series = await service.ownMetrics();
    assertEquals(series.get("vllm_metrics_requests_refused_total"), count);
    assertEquals(series.get("vllm_metrics_requests_in_flight"), MAX_REQUESTS);
  }
  // The other routes have no limit.
  for (const path of ["/", "/-/healthy", "/-/ready"]) {
    const response = await service.get(path);
    assertEquals(response.status, 200);
    await response.text();
  }
  assertEquals(vllm.requests.length, 1);
  answer();
  for (const response of await Promise.all(waiting)) {
    assertEquals([response.status, await response.text()], [200, "vllm_up 1\n"]);
  }
  const series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_requests_in_flight"), 0);
  assertEquals(series.get("vllm_metrics_scrapes_total"), 1);
  assertEquals(series.get("vllm_metrics_slow_readers_dropped_total"), 0);
});

Deno.test("a reader that stands still makes room for the next, and sees its reply break off", async () => {
  let nowMs = 0;
  const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send }) => {
    const number = vllm.requests.length;
    if (number === 2) await within(mayAnswer, () => "no leave to answer");
    await send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    const label = "x".repeat(20_000);
    // More than all buffers on the way hold, for the first reader.
    for (let count = 0; count < (number === 1 ? 10_000 : 1); count++) {
      await send(`# TYPE vllm:a${count} gauge\nvllm:a${count}{b="${label}"} 1\n`);
    }
  });
  await using service = startService(vllm.origin, { maxBodyBytes: 1e9, now: () => nowMs });
  using still = await RawClient.send(service.origin, REQUEST);
  await still.readUntil("vllm_a0{");
  const waiting = getMany(service, MAX_REQUESTS - 1);
  await until(async () => await requestsInFlight(service) === MAX_REQUESTS, "all requests");
  // One more is refused until the reader has stood still for a second; then it waits as well.
  const dropped = "vllm_metrics_slow_readers_dropped_total";
  const more: Promise<Response>[] = [];
  await until(async () => {
    nowMs += 1_000;
    more.push(service.get("/metrics"));
    return (await service.ownMetrics()).get(dropped) === 1;
  }, "the reader to make room");
  answer();
  const statuses = await Promise.all(more.map(async (reply) => {
    const response = await reply;
    await response.text();
    return response.status;
  }));
  assertEquals(statuses.filter((status) => status !== 503), [200]);
  for (const response of await Promise.all(waiting)) {
    assertEquals(response.status, 200);
    await response.text();
  }
  const reply = await still.readToEnd();
  assertEquals([reply.status, reply.complete], [200, false]);
  const series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_slow_readers_dropped_total"), 1);
  assertEquals(series.get("vllm_metrics_requests_in_flight"), 0);
  assertEquals(service.log.all, ['level=info msg="Upstream is up" upstream=http://vllm/metrics']);
});
