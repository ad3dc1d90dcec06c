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
