import { assert, assertEquals } from "@std/assert";
import { serveParseable } from "./fake_parseable.ts";
import { startRelay, type TestRelay } from "./relay_service.ts";

/** A scrape with a number of its own, as OTLP/JSON. */
function scrape(number: number): string {
  const point = { timeUnixNano: String(number), asDouble: number };
  const metrics = [{ name: "scrape", gauge: { dataPoints: [point] } }];
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
}

/** Statuses that Fluent Bit 5.1.1 tries again; on 200 to 205 a chunk is done, on others it is dropped. */
const RETRIED = [429, 502, 503, 504];

/** Keeps chunks and sends them again as Fluent Bit does, a round at a time and without its waits. */
class FakeFluentBit {
  waiting: number[] = [];
  readonly dropped: number[] = [];

  async flush(relay: Pick<TestRelay, "post">): Promise<void> {
    const left: number[] = [];
    for (const number of this.waiting) {
      const status = await this.#send(relay, number);
      if (status >= 200 && status <= 205) continue;
      (RETRIED.includes(status) ? left : this.dropped).push(number);
    }
    this.waiting = left;
  }

  async #send(relay: Pick<TestRelay, "post">, number: number): Promise<number> {
    try {
      const response = await relay.post(scrape(number), { "content-type": "application/json" });
      await response.bytes();
      return response.status;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return 503; // No connection: tried again.
    }
  }
}

function numbersIn(texts: readonly string[]): number[] {
  return texts.flatMap((text) =>
    [...text.matchAll(/"timeUnixNano":"(\d+)"/g)].map(([, number]) => Number(number))
  );
}

Deno.test("after an outage of Parseable every scrape is there, and doubled only where an answer was lost", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin, { PARSEABLE_TIMEOUT: "200ms" });
  const fluentBit = new FakeFluentBit();
  const lost = { count: 0 };
  // A minute at 2 s: refusing, hanging up in the middle, and losing its answer after storing.
  const phases: Array<() => void> = [
    () => parseable.answer = undefined,
    () => parseable.answer = () => new Response("shutting down", { status: 503 }),
    () => parseable.answer = () => new Response("wrong", { status: 403 }),
    () => parseable.answer = () => new Response("storage", { status: 500 }),
    () => {
      parseable.answer = undefined;
      parseable.lose = () => {
        lost.count++;
        return new Response("late", { status: 504 });
      };
    },
    () => parseable.lose = undefined,
  ];
  for (let number = 0; number < 30; number++) {
    if (number % 5 === 0) phases[number / 5]?.();
    fluentBit.waiting.push(number);
    await fluentBit.flush(relay);
  }
  await fluentBit.flush(relay);
  assertEquals([fluentBit.waiting, fluentBit.dropped], [[], []]);
  const stored = numbersIn(parseable.stored.map(({ text }) => text));
  assertEquals([...new Set(stored)].toSorted((a, b) => a - b), [...Array(30).keys()]);
  assertEquals(stored.length - 30, lost.count);
  assert(lost.count > 0);
});

Deno.test("nothing that was acknowledged is lost when the relay ends and begins again", async () => {
  await using parseable = serveParseable();
  const fluentBit = new FakeFluentBit();
  for (let life = 0; life < 4; life++) {
    fluentBit.waiting.push(...[0, 1, 2].map((count) => life * 3 + count));
    {
      await using relay = startRelay(parseable.origin);
      if (life % 2 === 0) await fluentBit.flush(relay);
    }
    const gone = { post: () => Promise.reject(new TypeError("connection refused")) };
    await fluentBit.flush(gone);
  }
  await using relay = startRelay(parseable.origin);
  await fluentBit.flush(relay);
  const stored = numbersIn(parseable.stored.map(({ text }) => text));
  assertEquals(stored.toSorted((a, b) => a - b), [...Array(12).keys()]);
  assertEquals([fluentBit.waiting, fluentBit.dropped], [[], []]);
});
