import { assertEquals } from "@std/assert";
import { SanitizerMemo } from "../../lib/exposition/sanitizer.ts";
import { captures, formatOf, readCapture, sanitized } from "./sanitized.ts";

/** Of each kind one: a cut is tried at every byte of the first 4 KiB. */
const KINDS = captures().filter((path) => !path.includes("/"));
const CUT_BYTES = 4_096;
/** Bytes of a capture that are pushed for each cut: enough to go on behind it. */
const PUSHED_BYTES = 6_144;

/** Numbers that look random and are the same each time (Numerical Recipes' generator). */
function* numbers(seed: number): Generator<number> {
  for (let state = seed;;) {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    yield state;
  }
}

for (const path of KINDS) {
  Deno.test(`${path} gives the same bytes when it is cut anywhere in its first 4 KiB`, () => {
    const input = readCapture(path).subarray(0, PUSHED_BYTES);
    const format = formatOf(path);
    const whole = sanitized(input, { format }).text;
    const memo = new SanitizerMemo();
    sanitized(input, { format, memo });
    for (let cut = 1; cut < Math.min(CUT_BYTES, input.length); cut++) {
      const { text } = sanitized(input, { format, cuts: [cut], memo });
      if (text !== whole) assertEquals(text, whole, `cut at ${cut}, remembered`);
      if (cut % 8 !== 0) continue;
      const anew = sanitized(input, { format, cuts: [cut] }).text;
      if (anew !== whole) assertEquals(anew, whole, `cut at ${cut}`);
    }
  });
}

Deno.test("captures give the same bytes when they are cut at random points", () => {
  const random = numbers(1);
  for (const path of captures()) {
    const input = readCapture(path);
    const format = formatOf(path);
    const whole = sanitized(input, { format }).text;
    const memo = new SanitizerMemo();
    for (let round = 0; round < 4; round++) {
      const cuts = Array.from({ length: 1 + round * 8 }, () => random.next().value % input.length)
        .toSorted((a, b) => a - b);
      assertEquals(sanitized(input, { format, cuts, memo }).text, whole, `${path} ${cuts}`);
    }
  }
});
