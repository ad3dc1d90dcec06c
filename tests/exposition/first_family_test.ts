import { assert, assertEquals } from "@std/assert";
import { renamed, startService, type TestService } from "../fakes.ts";
import { type Conversation, type FakeServer, serveRaw } from "../net/fakes.ts";
import { encode } from "./sanitized.ts";

/** Scrapes of one server: what a scrape remembers meets the next one. */
const SCRAPES = 4;
/** Sizes of the first family: below, around and above each bound on what is read or remembered. */
const SIZES = [1_000, 60_000, 64_000, 66_000, 100_000, 260_000, 265_000, 1_000_000];
/** Bytes of one piece of a body that comes slowly. */
const PIECE = 20_000;

/** A family of vLLM of at least `bytes`, with other numbers each scrape. */
type FirstFamily = (bytes: number, scrape: number) => string;

function lines(bytes: number, line: (index: number) => string): string {
  let text = "";
  for (let index = 0; text.length < bytes; index++) text += line(index);
  return text;
}

const FIRST: Record<string, FirstFamily> = {
  "a histogram of many engines": (bytes, scrape) =>
    "# HELP vllm:iteration_tokens_total Histogram of number of tokens per engine_step.\n" +
    "# TYPE vllm:iteration_tokens_total histogram\n" +
    lines(bytes, (engine) => {
      const labels = `engine="${engine}",model_name="Qwen/Qwen3-0.6B"`;
      const name = "vllm:iteration_tokens_total";
      return ["1.0", "8.0", "256.0", "+Inf"]
        .map((le) => `${name}_bucket{${labels.replace(",", `,le="${le}",`)}} ${scrape * 3}.0\n`)
        .join("") + `${name}_count{${labels}} ${scrape * 3}.0\n${name}_sum{${labels}} 7.5\n`;
    }),
  "lora_requests_info": (bytes, scrape) =>
    "# HELP vllm:lora_requests_info Running stats on lora requests.\n" +
    "# TYPE vllm:lora_requests_info gauge\n" +
    lines(
      bytes,
      (index) =>
        `vllm:lora_requests_info{max_lora="4",running_lora_adapters="adapter-${index},b",` +
        `waiting_lora_adapters=""} 1.7${scrape}${index % 10}e+09\n`,
    ),
  "a gauge with a long HELP": (bytes, scrape) =>
    `# HELP vllm:a ${"All of this is help. ".repeat(Math.min(bytes, 60_000) / 21)}\n` +
    `# TYPE vllm:a gauge\n` +
    lines(bytes - 60_000, (index) => `vllm:a{engine="${index}"} ${scrape}.0\n`) +
    `vllm:a{engine="x"} ${scrape}.0\n`,
  "samples without HELP and TYPE": (bytes, scrape) =>
    lines(bytes, (index) => `vllm:untyped{engine="${index}"} ${scrape}\n`),
};

/** The families behind the first one. */
const REST = "# TYPE vllm:num_requests_running gauge\n" +
  'vllm:num_requests_running{engine="0"} 3.0\n' +
  '# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total{engine="0"} 9.0\n';

type Send = (
  body: Uint8Array,
  talk: Conversation,
  service: () => TestService,
) => Promise<void>;

function head(field: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n${field}\r\n\r\n`;
}

function chunk(bytes: Uint8Array): Uint8Array {
  const line = encode(`${bytes.length.toString(16)}\r\n`);
  const whole = new Uint8Array(line.length + bytes.length + 2);
  whole.set(line);
  whole.set(bytes, line.length);
  whole.set(encode("\r\n"), line.length + bytes.length);
  return whole;
}

/** Cuts a body into pieces, a few single bytes among them. */
function* pieces(body: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < body.length;) {
    const isNear = at % 65_536 < 3 || at < 12;
    const end = isNear ? at + 1 : Math.min(at + size, at - at % 65_536 + 65_536);
    yield body.subarray(at, end);
    at = end;
  }
}

/** The service has looked at all its sockets when it has answered. */
async function turn(service: TestService): Promise<void> {
  await (await service.get("/-/healthy")).body?.cancel();
}

const WAYS: Record<string, Send> = {
  "with Content-Length": async (body, { send }) => {
    await send(head(`content-length: ${body.length}\r\nconnection: close`));
    await send(body);
  },
  "in one chunk": async (body, { send }) => {
    await send(head("transfer-encoding: chunked\r\nconnection: close"));
    await send(chunk(body));
    await send("0\r\n\r\n");
  },
  "in many chunks": async (body, { send }) => {
    await send(head("transfer-encoding: chunked\r\nconnection: close"));
    for (let at = 0; at < body.length; at += 1_000) await send(chunk(body.slice(at, at + 1_000)));
    await send("0\r\n\r\n");
  },
  "up to the end of the connection": async (body, { send }) => {
    await send(head("connection: close"));
    await send(body);
  },
  "slowly with Content-Length": async (body, { send }, service) => {
    await send(head(`content-length: ${body.length}\r\nconnection: close`));
    for (const piece of pieces(body, PIECE)) {
      await send(piece);
      await turn(service());
    }
  },
  "slowly in chunks": async (body, { send }, service) => {
    await send(head("transfer-encoding: chunked\r\nconnection: close"));
    for (const piece of pieces(body, PIECE)) {
      await send(chunk(piece));
      await turn(service());
    }
    await send("0\r\n\r\n");
  },
};

function serveEach(
  way: string,
  bodyOf: (scrape: number) => string,
  service: () => TestService,
): FakeServer {
  let scrape = 0;
  return serveRaw(async (talk) => {
    await WAYS[way]?.(encode(bodyOf(scrape++)), talk, service);
  });
}

const CASES = Object.keys(FIRST).flatMap((kind) =>
  Object.keys(WAYS).map((way): [string, string] => [kind, way])
);

Deno.test.each(CASES)(
  "each scrape arrives whole where %s of any size comes first, sent %s",
  async (kind, way) => {
    for (const size of SIZES) {
      const bodyOf = (scrape: number): string => (FIRST[kind]?.(size, scrape) ?? "") + REST;
      const running: { service?: TestService } = {};
      await using vllm = serveEach(way, bodyOf, () => {
        if (running.service === undefined) throw new Error("Not started");
        return running.service;
      });
      await using service = startService(vllm.origin, { maxBodyBytes: 8_000_000 });
      running.service = service;
      for (let scrape = 0; scrape < SCRAPES; scrape++) {
        const response = await service.get("/metrics");
        const text = await response.text();
        assertEquals(
          response.status,
          200,
          `${size} bytes, scrape ${scrape}: ${text.slice(0, 300)}`,
        );
        assert(text === renamed(bodyOf(scrape)), `${size} bytes, scrape ${scrape}: another text`);
      }
      const series = await service.ownMetrics();
      assertEquals(series.get("vllm_metrics_upstream_up"), 1);
    }
  },
);
