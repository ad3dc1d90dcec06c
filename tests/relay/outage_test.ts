import { assert, assertEquals } from "@std/assert";
import { FakeFluentBit, numbersIn } from "./fake_fluent_bit.ts";
import { serveParseable } from "./fake_parseable.ts";
import { startRelay } from "./relay_service.ts";

Deno.test("after an outage of Parseable every scrape is there, and doubled only where an answer was lost", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
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
