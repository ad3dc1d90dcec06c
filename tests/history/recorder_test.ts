import { assert, assertEquals } from "@std/assert";
import { MetricsError } from "../../lib/errors.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { Recorder } from "../../lib/history/recorder.ts";
import { type ServiceOverrides, startService, type TestService, until, within } from "../fakes.ts";
import { serveHttp, serveRaw } from "../net/fakes.ts";

const NOW_MS = 1_800_000_000_000;
const OK = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

/** Waits until the history has taken so many scrapes. */
async function taken(service: TestService, count: number): Promise<void> {
  await until(
    async () =>
      (await service.ownMetrics()).get("vllm_metrics_history_scrapes_total") === count || undefined,
    `${count} scrapes in the history`,
  );
}

/** What the history says is running at a time. */
function runningAt(service: TestService, timeMs: number): (number | null)[] {
  const grid = { startMs: timeMs, endMs: timeMs, stepMs: 1 };
  return service.history.gauge({ metric: "num_requests_running", grid })
    .flatMap(({ values }) => values);
}

/** A service whose clock stands still unless it is moved. */
function startWithClock(url: string, overrides: ServiceOverrides = {}): {
  service: TestService;
  clock: { ms: number };
} {
  const clock = { ms: NOW_MS };
  return { service: startService(url, { now: () => clock.ms, ...overrides }), clock };
}

Deno.test("a scrape that passes is in the history, by the time at which it began", async () => {
  await using vllm = serveHttp(() => new Response("vllm:num_requests_running 3\n"));
  const { service } = startWithClock(vllm.origin);
  await using _ = service;
  await (await service.get("/metrics")).text();
  await taken(service, 1);
  assertEquals(runningAt(service, NOW_MS - 1), [null]);
  assertEquals(runningAt(service, NOW_MS), [3]);
  assertEquals(service.history.labelValues("instance"), [new URL(vllm.origin).host]);
  assertEquals(service.history.targets.map(({ up }) => up), [true]);
});

Deno.test("of scrapes that follow fast, one an interval is taken", async () => {
  await using vllm = serveHttp(() => new Response("vllm:num_requests_running 3\n"));
  const { service, clock } = startWithClock(vllm.origin);
  await using _ = service;
  for (const ms of [0, 500, 1_000, 1_990, 2_000, 3_000, 3_990]) {
    clock.ms = NOW_MS + ms;
    await (await service.get("/metrics")).text();
  }
  await taken(service, 3);
  const lastMs = service.history.newestMs ?? 0;
  assertEquals(lastMs - NOW_MS, 3_990);
});

Deno.test("a scrape that comes in pieces is taken whole", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send }) => {
    await send(`${OK}vllm:num_requests_waiting 4\n`);
    await promise;
    await send("vllm:num_requests_running 3\n");
  });
  const { service } = startWithClock(vllm.origin);
  await using _ = service;
  const reply = await within(service.get("/metrics"), () => "the reply did not begin");
  assertEquals((await service.ownMetrics()).get("vllm_metrics_history_scrapes_total"), 0);
  resolve();
  await reply.text();
  await taken(service, 1);
  assertEquals(runningAt(service, NOW_MS), [3]);
});

Deno.test("a scrape that failed is in the history with its sentence", async () => {
  await using vllm = serveHttp(() => new Response("", { status: 500 }));
  const { service } = startWithClock(vllm.origin);
  await using _ = service;
  const reply = await service.get("/metrics");
  const sentence = (await reply.text()).trimEnd();
  await taken(service, 1);
  const [{ up, error, sinceMs } = {}] = service.history.targets;
  assertEquals([up, error, sinceMs], [false, sentence, NOW_MS]);
});

Deno.test("a body that breaks off is a failure, not half a scrape", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send }) => {
    await send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nvllm:num_requests_running 3\n");
    await promise;
  });
  const { service } = startWithClock(vllm.origin);
  await using _ = service;
  const reply = await service.get("/metrics");
  resolve();
  await reply.text().catch(() => {});
  await taken(service, 1);
  assertEquals(service.history.targets.map(({ up }) => up), [false]);
  assertEquals(runningAt(service, NOW_MS), []);
});

Deno.test("a reader that goes away says nothing, and the next scrape is taken", async () => {
  let asked = 0;
  await using vllm = serveRaw(async ({ send, gone }) => {
    if (++asked === 1) {
      await send(`${OK}vllm:num_requests_running 3\n`);
      await gone();
    } else await send(`${OK}vllm:num_requests_running 5\n`);
  });
  const { service } = startWithClock(vllm.origin);
  await using _ = service;
  const reply = await service.get("/metrics");
  await reply.body?.cancel();
  await until(
    async () =>
      (await service.ownMetrics()).get("vllm_metrics_requests_in_flight") === 0 || undefined,
    "the reader to be gone",
  );
  assertEquals(service.history.targets.map(({ up }) => up), [undefined]);
  await (await service.get("/metrics")).text();
  await taken(service, 1);
  assertEquals(runningAt(service, NOW_MS), [5]);
});

Deno.test("who needs the history has it fed, until that is over", async () => {
  await using vllm = serveHttp(() => new Response("vllm:num_requests_running 3\n"));
  await using service = startService(vllm.origin, { intervalMs: 100 });
  {
    using _first = service.watch();
    using _second = service.watch();
    await until(() => vllm.requests.length >= 3 || undefined, "three scrapes");
  }
  // What was under way when the last one left may still arrive.
  await until(
    async () =>
      (await service.ownMetrics()).get("vllm_metrics_history_scrapes_total") ===
        vllm.requests.length || undefined,
    "all scrapes in the history",
  );
  // Without anybody, only a reader's scrapes come, however long it takes.
  const asked = vllm.requests.length;
  for (let time = 0; time < 3; time++) {
    await (await service.get("/metrics")).text();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  assertEquals(vllm.requests.length - asked, 3);
});

Deno.test("no scrape is made while a reader comes at the interval", async () => {
  await using vllm = serveHttp(() => new Response("vllm:num_requests_running 3\n"));
  const { service, clock } = startWithClock(vllm.origin);
  await using _ = service;
  await (await service.get("/metrics")).text();
  using _watch = service.watch();
  clock.ms += 2_000;
  await (await service.get("/metrics")).text();
  await taken(service, 2);
  assertEquals(vllm.requests.length, 2);
});

Deno.test("outages are in the history of who needs it, and the service can end during one", async () => {
  await using vllm = serveRaw(({ gone }) => gone());
  await using service = startService(vllm.origin, { intervalMs: 100, timeoutMs: 100 });
  const _watch = service.watch();
  await taken(service, 2);
  assert(service.history.targets[0]?.error.includes("100"));
});

for (const [name, ms] of [["an hour", 3_600_000], ["five minutes", 300_000]] as const) {
  Deno.test(`a clock that is set back by ${name} does not stop the recorder`, async () => {
    await using vllm = serveHttp(() => new Response("vllm:num_requests_running 3\n"));
    let behindMs = 0;
    const now = (): number => Date.now() - behindMs;
    await using service = startService(vllm.origin, { intervalMs: 100, now });
    using _watch = service.watch();
    const recorded = async (count: number): Promise<void> => {
      await until(
        async () =>
          ((await service.ownMetrics()).get("vllm_metrics_history_scrapes_total") ?? 0) >= count ||
          undefined,
        `${count} scrapes in the history`,
      );
    };
    await recorded(2);
    behindMs = ms;
    const asked = vllm.requests.length;
    await recorded(asked + 2);
    assertEquals(runningAt(service, now()), [3]);
  });
}

Deno.test("the history records while nobody looks, and so the page shows what was before", async () => {
  await using vllm = serveHttp(() => new Response("vllm:num_requests_running 3\n"));
  await using service = startService(vllm.origin, { intervalMs: 100, idleIntervalMs: 150 });
  await until(() => vllm.requests.length >= 3 || undefined, "three scrapes");
  const view = await (await service.get("/api/v1/view")).json();
  const running = view.tiles.find(({ id }: { id: string }) => id === "running");
  assertEquals(running.value, 3);
});

Deno.test("scrapes come at the interval of a viewer as long as there is one", async () => {
  const times: number[] = [];
  await using vllm = serveHttp(() => {
    times.push(performance.now());
    return new Response("vllm:num_requests_running 3\n");
  });
  await using service = startService(vllm.origin, { intervalMs: 100, idleIntervalMs: 60_000 });
  await until(() => times.length >= 1 || undefined, "the first scrape, at the start");
  {
    using _watch = service.watch();
    await until(() => times.length >= 4 || undefined, "three more");
  }
  assert((times[3] ?? Infinity) - (times[0] ?? 0) < 30_000);
});

/** A recorder of one server whose clock is set by hand. */
function recorderOf(maxBytes = 1_000): {
  readonly store: HistoryStore;
  readonly recorder: Recorder;
  readonly server: ReturnType<Recorder["addServer"]>;
} {
  const store = new HistoryStore({ instances: [] });
  const options = { intervalMs: 2_000, idleIntervalMs: 60_000, now: () => NOW_MS, maxBytes };
  const recorder = new Recorder({ store, ...options });
  return { store, recorder, server: recorder.addServer("a:1") };
}

Deno.test("a scrape that is too large is left out and counted", () => {
  const { store, recorder, server } = recorderOf(10);
  using _ = recorder;
  const scrape = server.begin(NOW_MS);
  scrape?.push("vllm_x");
  scrape?.push("vllm_x");
  scrape?.end();
  assertEquals([recorder.skipped, store.scrapes], [1, 0]);
});

Deno.test("a clock that is set back does not stop the history", () => {
  const { store, recorder, server } = recorderOf();
  using _ = recorder;
  const failure = new MetricsError("UPSTREAM_FAILED", "Cannot scrape");
  for (const ms of [0, 2_000, 3_000, -3_600_000, -3_598_000]) {
    server.begin(NOW_MS + ms)?.fail(failure);
  }
  assertEquals(store.scrapes, 4);
  assertEquals(store.newestMs, NOW_MS - 3_598_000);
});

Deno.test("a scrape that finds no slot is not made again before its interval is over", async () => {
  const { recorder } = recorderOf();
  using _ = recorder;
  // Nothing was recorded.
  recorder.start(() => Promise.resolve());
  await until(() => recorder.polls === 1 || undefined, "the first scrape");
  // Enough turns of the event loop for timers without a wait to come again.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(recorder.polls, 1);
});
