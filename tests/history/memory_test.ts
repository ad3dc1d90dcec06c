import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { addAt, grid, historyOf, values } from "./scrapes.ts";

/** Seconds of some hours. */
const HOUR = 3_600;

function tokens(value: number): string {
  return `vllm_prompt_tokens_total ${value}\n`;
}

function running(value: number): string {
  return `vllm_num_requests_running ${value}\n`;
}

Deno.test("scrapes are whole for an hour, then those at the end of each half minute stay", () => {
  const store = historyOf();
  for (let seconds = 0; seconds <= 2 * HOUR; seconds += 2) addAt(store, seconds, running(seconds));
  const at = (start: number): readonly (number | null)[] =>
    values(store.gauge({ metric: "num_requests_running", grid: grid(start, start + 30, 10) }));
  assertEquals(at(1.5 * HOUR), [5400, 5410, 5420, 5430]);
  assertEquals(at(600), [598, 598, 598, 628]);
});

Deno.test("values come back as they were from stored chunks, to the last bit", () => {
  const value = fc.oneof(
    fc.double({ min: 1e-300, noNaN: true }),
    fc.double({ max: -1e-300, noNaN: true }),
    fc.integer({ min: 0, max: 70_000 }),
    fc.integer({ min: 1_000_000, max: 1_000_100 }),
    fc.constantFrom(3, 2 ** 53, 2 ** 53 + 2),
  );
  const all = fc.array(value, { minLength: 130, maxLength: 130 });
  fc.assert(
    fc.property(all, (numbers) => {
      const store = historyOf();
      for (const [at, number] of numbers.entries()) addAt(store, at * 2, running(number));
      const found = store.gauge({ metric: "num_requests_running", grid: grid(0, 258, 2) });
      // -0 and 0 are the same number of requests.
      assertEquals(values(found).map((each) => (each ?? NaN) + 0), numbers.map((each) => each + 0));
    }),
    { numRuns: 30 },
  );
});

Deno.test("nothing is kept longer than a day and a block of scrapes", () => {
  const store = historyOf();
  for (let minutes = 0; minutes <= 30 * 60; minutes++) addAt(store, minutes * 60, running(minutes));
  const keptMs = (store.newestMs ?? 0) - (store.oldestMs ?? 0);
  assert(keptMs >= 24 * HOUR * 1_000, `${keptMs} ms`);
  assert(keptMs <= (24 * HOUR + 64 * 60) * 1_000, `${keptMs} ms`);
});

Deno.test("a clock that went ahead for a while and came back costs no more than the last scrapes", () => {
  const store = historyOf();
  for (let seconds = 0; seconds <= 20 * HOUR; seconds += 10) {
    addAt(store, seconds, running(seconds));
  }
  addAt(store, 21 * HOUR, running(1));
  addAt(store, 20 * HOUR + 20, running(2));
  const at = (seconds: number): readonly (number | null)[] =>
    values(store.gauge({ metric: "num_requests_running", grid: grid(seconds) }));
  assertEquals([at(HOUR), at(19.7 * HOUR), at(21 * HOUR)], [[3_590], [70_910], [null]]);
  assertEquals(at(20 * HOUR + 20), [2]);
});

Deno.test("an infinite counter hides nothing of what follows", () => {
  const store = historyOf();
  for (let seconds = 0; seconds <= 300; seconds += 10) {
    addAt(store, seconds, seconds === 50 ? "vllm_prompt_tokens_total +Inf\n" : tokens(seconds));
  }
  const rate = { metric: "prompt_tokens_total", grid: grid(60, 300, 120), rangeMs: 60_000 };
  assertEquals(values(store.rate(rate)), [1, 1, 1]);
});

Deno.test("an increase over thinned scrapes is that of all of them, falls of the counter included", () => {
  const falls = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 300, maxLength: 300 });
  fc.assert(
    fc.property(falls, (steps) => {
      const store = historyOf();
      let [value, expected] = [0, 0];
      for (const [index, step] of steps.entries()) {
        // One in thirty-one times the server begins anew and has counted something already.
        const before = value;
        value = step === 0 ? index % 7 : value + step;
        if (index * 2 > 28) expected += value < before ? value : value - before;
        addAt(store, index * 2, tokens(value));
      }
      addAt(store, 3 * HOUR, { error: "gone" });
      // Both ends are scrapes that stay, so that nothing is extrapolated.
      const question = { metric: "prompt_tokens_total", grid: grid(598), rangeMs: 570_000 };
      assertAlmostEquals(values(store.increase(question))[0] ?? NaN, expected, 1e-6);
    }),
    { numRuns: 30 },
  );
});

Deno.test("an outage within half a minute is seen in thinned scrapes", () => {
  const store = historyOf();
  for (let seconds = 0; seconds < 600; seconds += 2) {
    const down = seconds >= 304 && seconds < 312;
    addAt(store, seconds, down ? { error: "refused" } : running(1));
  }
  addAt(store, 3 * HOUR, running(1));
  addAt(store, 3 * HOUR + 300, running(1));
  assertEquals(
    values(store.gauge({ metric: "num_requests_running", grid: grid(302, 312, 2) })),
    [1, null, null, null, null, 1],
  );
});

Deno.test("a rate over thinned scrapes has a stretch that holds two of them", () => {
  const store = historyOf();
  for (let seconds = 0; seconds <= 2 * HOUR; seconds += 2) addAt(store, seconds, tokens(seconds));
  const question = { metric: "prompt_tokens_total", rangeMs: 10_000 };
  const old = values(store.rate({ ...question, grid: grid(900, 1_800, 10) }));
  assertEquals(old.map((rate) => Math.round((rate ?? NaN) * 1e6) / 1e6), old.map(() => 1));
  assertEquals(values(store.increase({ ...question, grid: grid(900) })), [10]);
});

Deno.test("a rate has no dip where thinned scrapes and whole ones meet", () => {
  const store = historyOf();
  for (let seconds = 0; seconds <= 2 * HOUR; seconds += 2) addAt(store, seconds, tokens(seconds));
  const question = { metric: "prompt_tokens_total", rangeMs: 60_000 };
  const rates = values(store.rate({ ...question, grid: grid(0.5 * HOUR, 2 * HOUR, 7) }));
  assertEquals(rates.map((rate) => Math.round((rate ?? NaN) * 1e6) / 1e6), rates.map(() => 1));
});

Deno.test("memory stays within its bound, and what went for it is counted", () => {
  const store = historyOf({ maxBytes: 300_000 });
  let number = 0;
  for (let seconds = 0; seconds < HOUR; seconds += 2) {
    const text = Array.from(
      { length: 60 },
      (_, engine) => `vllm_num_requests_running{engine="${engine}"} ${Math.sqrt(number++)}\n`,
    ).join("");
    addAt(store, seconds, text);
    assert(store.bytes <= 300_000, `${store.bytes} bytes after ${seconds} s`);
  }
  assert(store.droppedScrapes > 0);
  assertEquals(
    values(store.gauge({ metric: "num_requests_running", grid: grid(HOUR) })).length,
    1,
  );
});

Deno.test("series without end are refused at the bound and counted; those there are go on", () => {
  const store = historyOf({ maxSeries: 100 });
  for (let scrape = 0; scrape < 300; scrape++) {
    addAt(
      store,
      scrape * 2,
      `vllm_num_requests_waiting{engine="a${scrape}"} ${scrape}\n${running(scrape)}`,
    );
    assert(store.series <= 100);
  }
  assertEquals(store.droppedSamples, 201);
  assertEquals(
    values(store.gauge({ metric: "num_requests_running", grid: grid(598) })),
    [299],
  );
});

Deno.test("series whose scrapes are gone are forgotten, and make room", () => {
  const store = historyOf({ maxSeries: 2 });
  for (let hour = 0; hour <= 200; hour++) {
    const name = hour < 100 ? "num_requests_waiting" : "kv_cache_usage_perc";
    addAt(store, hour * HOUR, `${running(hour)}vllm_${name} 1\n`);
  }
  assertEquals(store.series, 2);
  assertEquals(
    values(store.gauge({ metric: "kv_cache_usage_perc", grid: grid(200 * HOUR) })),
    [1],
  );
});
