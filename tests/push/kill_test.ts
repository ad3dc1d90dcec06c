import { assert, assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type Running, startServe } from "../commands/process.ts";
import { seriesOf, until } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { Queue } from "../../lib/push/queue.ts";
import { exposed, metricsOf, read, type Received, serveReceiver } from "./receiver.ts";

/** Where the service may write: the permissions of `deno.json` say so. */
const DATA = new URL("../../data", import.meta.url).pathname;

/** A folder that the service may write to. */
async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  await Deno.mkdir(DATA, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: DATA });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The number that the server had at the scrape of a request. */
function numberIn({ request }: Pick<Received, "request">): number {
  return exposed(metricsOf(request, "e")).get('vllm_n{instance="e"}') ?? NaN;
}

/** The numbers of the scrapes that a queue file holds. */
function queuedIn(path: string): number[] {
  using database = new DatabaseSync(path, { readOnly: true });
  return database.prepare("SELECT type, body FROM request ORDER BY id").all()
    .map(({ type, body }) => {
      if (!(body instanceof Uint8Array)) throw new Error("a body is no blob");
      const headers = new Headers({ "content-type": String(type) });
      return numberIn({ request: read(headers, new Uint8Array(body)) });
    });
}

async function queueLength(service: Running): Promise<number> {
  const text = await (await fetch(`${await service.origin()}/-/metrics`)).text();
  return seriesOf(text).get("vllm_metrics_push_queue_requests") ?? 0;
}

Deno.test("kill -9: every scrape that was queued arrives, and none twice after its acknowledgement", async () => {
  await withFolder(async (folder) => {
    let scrapes = 0;
    await using vllm = serveHttp(() => new Response(`# TYPE vllm:n gauge\nvllm:n ${++scrapes}\n`));
    await using receiver = serveReceiver();
    const path = `${folder}/queue.db`;
    const env = {
      VLLM_METRICS_URL: `e=${vllm.origin}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTLP_QUEUE_FILE: path,
    };
    const acknowledged: number[] = [];
    const acknowledge = (received: Received): Response => {
      acknowledged.push(numberIn(received));
      return new Response(null);
    };
    const queued = new Set<number>();
    /** Scrapes during which the service was killed. */
    const interrupted = new Set<number>();
    for (const way of ["refuses", "hangs", "refuses", "hangs"]) {
      await using service = await startServe({ env });
      receiver.answer = acknowledge;
      const before = acknowledged.length;
      await until(() => acknowledged.length >= before + 3, "some acknowledgements");
      // From here on nothing is acknowledged: what the service noted before is on the disk when
      // the next request comes.
      const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
      const { promise: held, resolve: release } = Promise.withResolvers<Response>();
      receiver.answer = () => {
        ask();
        return way === "hangs" ? held : new Response(null, { status: 503 });
      };
      await asked;
      await until(async () => await queueLength(service) >= 3, "some scrapes in the queue");
      service.kill("SIGKILL");
      await service.code;
      release(new Response(null));
      const left = queuedIn(path);
      assert(left.length >= 3);
      for (const number of left) queued.add(number);
      for (let number = Math.max(...left) + 1; number <= scrapes; number++) interrupted.add(number);
    }
    receiver.answer = acknowledge;
    const last = scrapes;
    await using _service = await startServe({ env });
    await until(() => acknowledged.some((number) => number > last), "the queue to be empty");

    assertEquals([...queued].filter((number) => !acknowledged.includes(number)), []);
    // In order, and so none of them twice.
    assertEquals(acknowledged, [...new Set(acknowledged)].toSorted((a, b) => a - b));
    const all = Array.from({ length: Math.max(...acknowledged) }, (_, index) => index + 1);
    const missing = all.filter((number) => !acknowledged.includes(number));
    assertEquals(missing.filter((number) => !interrupted.has(number)), []);
  });
});

Deno.test("after SIGTERM the request that is being sent and the rest of the queue are sent", async () => {
  let scrapes = 0;
  await using vllm = serveHttp(() => new Response(`# TYPE vllm:n gauge\nvllm:n ${++scrapes}\n`));
  await using receiver = serveReceiver();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: held, resolve: release } = Promise.withResolvers<Response>();
  receiver.answer = () => {
    ask();
    return receiver.received.length === 1 ? held : new Response(null);
  };
  await using service = await startServe({
    env: {
      VLLM_METRICS_URL: `e=${vllm.origin}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      OTEL_METRIC_EXPORT_INTERVAL: "100",
    },
  });
  await asked;
  await until(async () => await queueLength(service) >= 3, "some scrapes in the queue");
  const origin = await service.origin();
  service.kill("SIGTERM");
  await until(
    () => fetch(origin).then(async (response) => void await response.body?.cancel(), () => true),
    "the service to stop listening",
  );
  release(new Response(null));

  assertEquals(await service.code, 0);
  const numbers = receiver.received.map(numberIn);
  assert(numbers.length >= 3, `${numbers}`);
  assertEquals(numbers, numbers.map((_, index) => index + 1));
  assertEquals(service.log.all.filter((line) => line.includes("were lost")), []);
});

Deno.test("after SIGTERM, what the queue in memory holds and cannot be sent is counted in the log", async () => {
  await using vllm = serveHttp(() => new Response("# TYPE vllm:n gauge\nvllm:n 1\n"));
  await using receiver = serveReceiver();
  receiver.answer = () => new Response(null, { status: 503 });
  await using service = await startServe({
    env: {
      VLLM_METRICS_URL: `e=${vllm.origin}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
      OTEL_METRIC_EXPORT_INTERVAL: "100",
    },
  });
  await until(async () => await queueLength(service) >= 2, "some scrapes in the queue");
  service.kill("SIGTERM");

  const line = await service.log.seen("Metrics were lost with the push queue in memory");
  assert(Number(/ requests=(\d+)/.exec(line)?.[1]) >= 2, line);
  assert(Number(/ points=(\d+)/.exec(line)?.[1]) > 50, line);
  assertEquals(await service.code, 0);
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
      assertThrows(() => new Queue({ path: other, onLost }));
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
