import { assert, assertEquals } from "@std/assert";
import { startServe } from "../commands/process.ts";
import { seriesOf, until } from "../fakes.ts";
import { serveHttp } from "../upstream/fakes.ts";
import { Queue } from "../../lib/push/queue.ts";
import { exposed, metricsOf, type Received, serveReceiver } from "./receiver.ts";

/** Where the service may write: the permissions of `deno.json` say so. */
const DATA = new URL("../../data", import.meta.url).pathname;

/** The number that the server had at the scrape of a request. */
function numberIn({ request }: Received): number {
  return exposed(metricsOf(request, "e")).get('vllm_n{instance="e"}') ?? NaN;
}

Deno.test("with a queue file, kill -9 during an outage loses no scrape, and none is sent twice after it was acknowledged", async () => {
  await Deno.mkdir(DATA, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: DATA });
  try {
    let scrapes = 0;
    await using vllm = serveHttp(() => new Response(`# TYPE vllm:n gauge\nvllm:n ${++scrapes}\n`));
    await using receiver = serveReceiver();
    const acknowledged: number[] = [];
    let isDown = false;
    receiver.answer = (received) => {
      if (isDown) return new Response(null, { status: 503 });
      acknowledged.push(numberIn(received));
      return new Response(null);
    };
    const env = {
      VLLM_METRICS_URL: `e=${vllm.origin}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTLP_QUEUE_FILE: `${folder}/queue.db`,
    };
    let queued = 0;
    for (let life = 0; life < 3; life++) {
      isDown = life > 0;
      await using service = await startServe({ env });
      const origin = await service.origin();
      const want = queued + 3;
      await until(async () => {
        const own = seriesOf(await (await fetch(`${origin}/-/metrics`)).text());
        queued = own.get("vllm_metrics_push_queue_requests") ?? 0;
        return isDown ? queued >= want : acknowledged.length >= 3;
      }, "some scrapes");
      service.kill("SIGKILL");
      await service.code;
    }
    isDown = false;
    const sent = scrapes;
    await using service = await startServe({ env });
    await service.origin();
    await until(() => acknowledged.some((number) => number > sent), "the queue to be empty");
    const unique = [...new Set(acknowledged)];
    const missing = Array.from({ length: Math.max(...unique) }, (_, index) => index + 1)
      .filter((number) => !unique.includes(number));
    // A scrape that the kill interrupts is none: at most one a life.
    assert(missing.length <= 3, `missing: ${missing}`);
    // The acknowledgement that the kill of the first life interrupts may be repeated.
    assert(acknowledged.length - unique.length <= 1, `${acknowledged}`);
    assertEquals(acknowledged, acknowledged.toSorted((one, other) => one - other));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a queue drops its oldest requests when it is full or they are too old, and counts them", () => {
  const lost: string[] = [];
  using queue = new Queue({
    maxBytes: 25,
    onLost: (reason, points) => lost.push(`${reason} ${points}`),
  });
  const request = (points: number) => ({
    body: new Uint8Array(10),
    type: "application/json",
    coding: "",
    points,
  });
  queue.add([request(1)], 0);
  queue.add([request(2), request(3)], 1_000);
  assertEquals([queue.length, queue.bytes, lost], [2, 20, ["queue_full 1"]]);
  assertEquals(queue.first(1_000)?.points, 2);
  assertEquals(queue.first(86_401_001), undefined);
  assertEquals([queue.length, queue.bytes, lost.slice(1)], [0, 0, ["too_old 2", "too_old 3"]]);
});

Deno.test("a queue file of another program or another process is left alone", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/queue.db`;
    const onLost = (): void => {};
    using queue = new Queue({ path, onLost });
    assertEquals(queue.length, 0);
    Deno.writeTextFileSync(`${folder}/other`, "no database, but a text that is long enough");
    for (const other of [path, `${folder}/other`]) {
      let isOpen = false;
      try {
        using _second = new Queue({ path: other, onLost });
        isOpen = true;
      } catch {
        // As it should be.
      }
      assertEquals([other, isOpen], [other, false]);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
