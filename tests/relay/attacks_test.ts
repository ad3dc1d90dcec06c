import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { type Running, startServe } from "../commands/process.ts";
import { bytesOf, nested, requestOf, type Write } from "../otlp/messages.ts";
import { capture } from "../otlp/relay.ts";
import { ask, RawClient } from "../http/raw_client.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";

/** What compose.yml lets the service have is 512 MiB; the rest is for everything but the relay. */
const MAX_RESIDENT_MIB = 400;
const MIB = 1_048_576;
/** Requests that the relay handles at once. */
const PLACES = 16;

/** A relay in a process of its own, and a Parseable that counts what it gets. */
interface Attacked extends AsyncDisposable {
  readonly origin: string;
  readonly process: Running;
  /** Bytes that Parseable got. */
  sentBytes(): number;
  /** Sends a body, gzipped; gives the status. */
  post(body: Uint8Array, contentType?: string): Promise<number>;
  /** The most memory that the process ever had, in MiB. */
  peakMib(): Promise<number>;
}

async function startAttacked(answer?: () => Promise<void>): Promise<Attacked> {
  const stack = new AsyncDisposableStack();
  let sent = 0;
  const parseable = stack.use(serveHttp(async (request) => {
    for await (const chunk of request.body ?? []) sent += chunk.length;
    await answer?.();
    return new Response(null);
  }));
  const port = closedPort();
  const process = stack.use(
    await startServe({
      env: {
        VLLM_METRICS_URL: "http://127.0.0.1:9",
        PARSEABLE_URL: parseable.origin,
        OTLP_LISTEN_ADDRESS: `127.0.0.1:${port}`,
      },
    }),
  );
  await process.log.seen("Relaying OTLP");
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    process,
    sentBytes: () => sent,
    post: (body, contentType) => post(origin, gzipSync(body), contentType),
    async peakMib(): Promise<number> {
      // Linux tells; elsewhere only the responses are compared.
      if (Deno.build.os !== "linux") return 0;
      // A child may read it, whatever this process may read.
      const status = new Deno.Command("cat", { args: [`/proc/${process.pid}/status`] });
      const { stdout } = await status.output();
      const kib = /^VmHWM:\s*(\d+) kB/m.exec(new TextDecoder().decode(stdout))?.[1];
      return Number(kib) / 1_024;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function post(
  origin: string,
  gzipped: Uint8Array,
  contentType = "application/x-protobuf",
): Promise<number> {
  const response = await fetch(`${origin}/v1/metrics`, {
    method: "POST",
    body: new Uint8Array(gzipped),
    headers: {
      authorization: "Basic YTpi",
      "content-type": contentType,
      "content-encoding": "gzip",
    },
  });
  await response.bytes();
  return response.status;
}

function attribute(name: string, text: string): Write {
  return (writer) => {
    writer.writeStringField(1, name);
    writer.writeMessage(2, (_, value) => value.writeStringField(1, text), undefined);
  };
}

/** A gauge point with a value. */
const POINT: Write = (writer) => {
  writer.writeFixed64Field(3, 1);
  writer.writeDoubleField(4, 1);
};

/** A gauge whose resource has one attribute. */
function requestWithResource(text: string, points: number): Uint8Array {
  const gauge = nested(5, ...Array<Write>(points).fill(nested(1, POINT)));
  const scope = nested(2, nested(2, (writer) => writer.writeStringField(1, "m"), gauge));
  return bytesOf(nested(1, nested(1, nested(1, attribute("big", text))), scope));
}

/** A metric of empty points, two bytes each. */
function emptyPoints(count: number, kind = 5): Uint8Array {
  const points = new Uint8Array(count * 2);
  for (let at = 0; at < points.length; at += 2) points[at] = 0x0a;
  return requestOf((metric) => metric.writeBytesField(kind, points));
}

Deno.test.each<[points: number]>([[40], [2_000]])(
  "a resource of nearly 10 MiB around %i points is refused before anything is sent",
  async (points) => {
    await using relay = await startAttacked();
    const body = requestWithResource("x".repeat(10 * MIB - 1_000), points);
    assertEquals(await relay.post(body), 413);
    assertEquals(relay.sentBytes(), 0);
    const peak = await relay.peakMib();
    assert(peak < MAX_RESIDENT_MIB, `${peak} MiB`);
  },
);

Deno.test.each<[what: string, body: () => Uint8Array, contentType: string]>([
  ["empty gauge points", () => emptyPoints(500_000), "application/x-protobuf"],
  ["the most empty points that are taken", () => emptyPoints(119_000), "application/x-protobuf"],
  [
    "the most empty exponential points",
    () => emptyPoints(119_000, 10),
    "application/x-protobuf",
  ],
  [
    "many bucket counts",
    () => {
      const side = nested(8, (side) => side.writeBytesField(2, new Uint8Array(9_900)));
      return requestOf(nested(10, ...Array<Write>(80).fill(nested(1, side))));
    },
    "application/x-protobuf",
  ],
  [
    "10 MB of scrapes",
    () => {
      const scrape = capture("during-load-c40");
      const copies = Math.floor(10_000_000 / scrape.length);
      const body = new Uint8Array(copies * scrape.length);
      for (let copy = 0; copy < copies; copy++) body.set(scrape, copy * scrape.length);
      return body;
    },
    "application/x-protobuf",
  ],
  [
    "bucket counts of one byte",
    () =>
      requestOf(
        nested(
          10,
          nested(1, nested(8, (side) => side.writeBytesField(2, new Uint8Array(15 * MIB)))),
        ),
      ),
    "application/x-protobuf",
  ],
  [
    "bucket counts of eight bytes",
    () =>
      requestOf(
        nested(
          9,
          nested(1, (point) => point.writeBytesField(6, new Uint8Array(15 * MIB).fill(0x7f))),
        ),
      ),
    "application/x-protobuf",
  ],
  [
    "one long text",
    () => requestWithResource("\u0001".repeat(15 * MIB), 1),
    "application/x-protobuf",
  ],
  [
    "texts of control characters, six times as long in JSON",
    () => {
      const text = attribute("label", "\u0001".repeat(MIB - 1));
      return requestOf(nested(5, nested(1, POINT, ...Array<Write>(15).fill(nested(7, text)))));
    },
    "application/x-protobuf",
  ],
  [
    "empty JSON objects",
    () => new TextEncoder().encode(`{"resourceMetrics":[${"{},".repeat(5 * MIB)}{}]}`),
    "application/json",
  ],
  [
    "JSON lists in lists",
    () => new TextEncoder().encode(`{"ignored":[${"[],".repeat(5 * MIB)}[]]}`),
    "application/json",
  ],
  [
    "JSON fields with names of their own",
    () =>
      new TextEncoder().encode(
        `{${Array.from({ length: MIB }, (_, index) => `"a${index}":0.5`).join()}}`,
      ),
    "application/json",
  ],
  [
    "JSON numbers",
    () => new TextEncoder().encode(`{"ignored":[${"1.5,".repeat(4 * MIB - 100)}1.5]}`),
    "application/json",
  ],
  ["a decompression bomb", () => new Uint8Array(100 * MIB), "application/x-protobuf"],
])(
  `${PLACES} requests at once with %s stay within the memory of the service`,
  async (_, body, contentType) => {
    const release = Promise.withResolvers<void>();
    await using relay = await startAttacked(() => release.promise);
    const gzipped = gzipSync(body());
    const statuses: number[] = [];
    for (let round = 0; round < 1; round++) {
      const answers = Array.from(
        { length: PLACES },
        () => post(relay.origin, gzipped, contentType).then((status) => statuses.push(status)),
      );
      // Those that are sent on are held until all of the others have been answered.
      const ready = await fetch(`${relay.origin}/-/ready`);
      assertEquals(await ready.text(), "ready\n");
      release.resolve();
      await Promise.all(answers);
    }
    assertEquals(statuses.filter((status) => ![200, 400, 413, 503].includes(status)), []);
    const peak = await relay.peakMib();
    assert(peak < MAX_RESIDENT_MIB, `${peak} MiB; ${statuses}`);
  },
);

Deno.test("a request without credentials is refused before its body is read", async () => {
  await using relay = await startAttacked();
  const head = "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n" +
    "Content-Type: application/json\r\n";
  // Not one byte of the body comes.
  using client = await RawClient.send(relay.origin, `${head}\r\n`);
  await client.readUntil("}");
  assert(client.text.startsWith("HTTP/1.1 401 "), client.text);
  assert(/^www-authenticate: Basic realm="Parseable"/im.test(client.text), client.text);
  const whole =
    "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n" +
    "Content-Type: application/json\r\n";
  for (const [field, status] of [["Authorization: ", 401], ["X-API-Key: k", 200]] as const) {
    const reply = await ask(relay.origin, `${whole}${field}\r\n\r\n{}`);
    assertEquals([field, reply.status], [field, status]);
  }
  assertEquals(relay.sentBytes(), 0);
});
