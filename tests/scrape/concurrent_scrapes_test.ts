import { assert, assertEquals } from "@std/assert";
import { renamed, startService } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { RawClient } from "../http/raw_client.ts";

/** Requests at once, within what the service answers at once. */
const READERS = 30;
const CODINGS = ["identity", "gzip", "br"];

const encoder = new TextEncoder();

/** The answer to one request: its number is in each line, its length differs from all others. */
function bodyOf(number: number): string {
  const lines = 10 + number * number * 2;
  let text = `# HELP vllm:number Number ${number}.\n# TYPE vllm:number gauge\n`;
  for (let line = 0; line < lines; line++) text += `vllm:number{line="${line}"} ${number}\n`;
  return `${text}# TYPE vllm:end_${number} counter\nvllm:end_${number} 1\n`;
}

/** The body in pieces with turns of the event loop between them; its last bytes wait for `end`. */
function sent(text: string, pieces: number, end: Promise<void>): BodyInit {
  const bytes = encoder.encode(text);
  const held = bytes.length - "1\n".length;
  const size = Math.ceil(held / pieces);
  let at = 0;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      await (at === held ? end : new Promise((resolve) => setTimeout(resolve)));
      const next = at === held ? bytes.length : Math.min(at + size, held);
      controller.enqueue(bytes.slice(at, next));
      at = next;
      if (at === bytes.length) controller.close();
    },
  });
}

Deno.test("replies that are under way at the same time do not mix", async () => {
  let asked = 0;
  let mayEnd = Promise.withResolvers<void>();
  await using vllm = serveHttp(() => {
    const number = asked++ % READERS;
    return new Response(sent(bodyOf(number), 2 + number % 4, mayEnd.promise));
  });
  await using service = startService(vllm.origin);
  for (let round = 0; round < 3; round++) {
    mayEnd = Promise.withResolvers();
    const responses: Response[] = [];
    // Each reader comes when vLLM has begun to answer the one before, so none share a scrape.
    for (let reader = 0; reader < READERS; reader++) {
      const coding = CODINGS[reader % CODINGS.length] ?? "";
      responses.push(await service.get("/metrics", { "accept-encoding": coding }));
    }
    mayEnd.resolve();
    const texts = await Promise.all(responses.map((response) => response.text()));
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
    return new Response(sent(bodyOf(number), 1 + number % 4, Promise.resolve()));
  });
  await using service = startService(vllm.origin);
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: READERS }, async (_, reader) => {
      if (reader % 3 === 0) {
        using client = await RawClient.send(
          service.origin,
          "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        );
        if (reader % 2 === 0) await client.readUntil("\r\n\r\n");
        return;
      }
      const text = await (await service.get("/metrics")).text();
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
