/** Expected outputs kept as files, rewritten when `UPDATE_GOLDEN` is set. */

import { assertEquals } from "@std/assert";
import { type Bytes, decode, sameBytes, testdata } from "./sanitized.ts";

const updates = Deno.env.get("UPDATE_GOLDEN") !== undefined;
const HINT = "run the tests with UPDATE_GOLDEN=1 when the change is meant, and read the diff";

/** Compares bytes with a file of `tests/testdata/golden/`. */
export function assertGolden(name: string, actual: Bytes): void {
  const url = testdata(`golden/${name}`);
  if (updates) {
    Deno.mkdirSync(testdata("golden/"), { recursive: true });
    Deno.writeFileSync(url, actual);
  }
  const expected = Deno.readFileSync(url);
  if (!sameBytes(actual, expected)) assertEquals(decode(actual), decode(expected), HINT);
}

/** Compares a value with a JSON file of `tests/testdata/golden/`. */
export function assertGoldenJson(name: string, actual: unknown): void {
  const url = testdata(`golden/${name}`);
  if (updates) {
    Deno.mkdirSync(testdata("golden/"), { recursive: true });
    Deno.writeTextFileSync(url, `${JSON.stringify(actual, null, 2)}\n`);
  }
  assertEquals(actual, JSON.parse(Deno.readTextFileSync(url)), HINT);
}
