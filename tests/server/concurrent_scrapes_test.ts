import { assert, assertEquals } from "@std/assert";
import { renamed, startService } from "../fakes.ts";
import { serveHttp } from "../upstream/fakes.ts";
import { RawClient } from "./raw_client.ts";

/** Requests at once, within what the service answers at once. */
const READERS = 30;
/** A time-out of its own gives a reader a scrape of its own. */
const TIMEOUT = "x-prometheus-scrape-timeout-seconds";
const CODINGS = ["identity", "gzip", "br"];

const encoder = new TextEncoder();

/** The answer to one request: its number is in each line, its length differs from all others. */
function bodyOf(number: number): string {
  const lines = 10 + number * number * 8;
  let text = `# HELP vllm:number Number ${number}.\n# TYPE vllm:number gauge\n`;
  for (let line = 0; line < lines; line++) text += `vllm:number{line="${line}"} ${number}\n`;
  return `${text}# TYPE vllm:end_${number} counter\nvllm:end_${number} 1\n`;
}

/** The body in one piece, or in pieces with turns of the event loop between them. */
function sent(text: string, pieces: number): BodyInit {
  const bytes = encoder.encode(text);
  if (pieces === 1) return bytes;
  const size = Math.ceil(bytes.length / pieces);
  let at = 0;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve));
      controller.enqueue(bytes.slice(at, at += size));
      if (at >= bytes.length) controller.close();
    },
  });
}

Deno.test("replies that are under way at the same time do not mix", async () => {
  let asked = 0;
  await using vllm = serveHttp(() => {
    const number = asked++ % READERS;
    return new Response(sent(bodyOf(number), 1 + number % 4));
  });
  await using service = startService(vllm.origin);
  for (let round = 0; round < 3; round++) {
    const texts = await Promise.all(Array.from({ length: READERS }, async (_, reader) => {
      const coding = CODINGS[reader % CODINGS.length] ?? "";
      const response = await service.get("/metrics", {
        "accept-encoding": coding,
        [TIMEOUT]: `${60 + reader}`,
      });
      assertEquals(response.status, 200);
      return await response.text();
    }));
    const numbers = texts.map((text) => Number(/end_(\d+) 1\n$/.exec(text)?.[1]));
    assertEquals(numbers.toSorted((a, b) => a - b), [...Array(READERS).keys()]);
    for (const [reader, text] of texts.entries()) {
      const number = numbers[reader] ?? NaN;
      assert(text === renamed(bodyOf(number)), `the reply to number ${number} differs`);
    }
  }
});

Deno.test("readers that leave do not disturb those that stay", async () => {
  let asked = 0;
  await using vllm = serveHttp(() => {
    const number = asked++ % READERS;
    return new Response(sent(bodyOf(number), 1 + number % 4));
  });
  await using service = startService(vllm.origin);
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: READERS }, async (_, reader) => {
      if (reader % 3 === 0) {
        using client = await RawClient.send(
          service.origin,
          `GET /metrics HTTP/1.1\r\nHost: x\r\n${TIMEOUT}: ${60 + reader}\r\n\r\n`,
        );
        if (reader % 2 === 0) await client.readUntil("\r\n\r\n");
        return;
      }
      const text = await (await service.get("/metrics", { [TIMEOUT]: `${60 + reader}` })).text();
      const number = Number(/end_(\d+) 1\n$/.exec(text)?.[1]);
      assert(text === renamed(bodyOf(number)), `the reply to number ${number} differs`);
    }));
  }
});

Deno.test("a body that breaks off does not show in the next reply", async () => {
  let broken = false;
  await using vllm = serveHttp(() => {
    broken = !broken;
    if (!broken) return new Response(bodyOf(7));
    const bytes = encoder.encode(bodyOf(20));
    let at = 0;
    return new Response(
      new ReadableStream({
        async pull(controller): Promise<void> {
          await new Promise((resolve) => setTimeout(resolve));
          if (at > bytes.length / 2) controller.error(new Error("vLLM stops"));
          else controller.enqueue(bytes.slice(at, at += 2_000));
        },
      }),
    );
  });
  await using service = startService(vllm.origin);
  for (let round = 0; round < 20; round++) {
    const text = await service.get("/metrics").then((response) => response.text()).catch(() => "");
    assert(!text.includes("end_"), "a body that broke off looks whole");
    assertEquals(await (await service.get("/metrics")).text(), renamed(bodyOf(7)));
  }
});
