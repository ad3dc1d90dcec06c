import { assertEquals, assertNotEquals } from "@std/assert";
import { fingerprint, markOf, readMark, tagOf, withoutMark } from "../../lib/parseable/mark.ts";

Deno.test("a fingerprint does not depend on the order of keys, on null, or on the last bits", () => {
  const one = fingerprint({ a: 1, b: [{ c: 0.1, d: "x" }], e: null }, 12);
  assertEquals(one, fingerprint({ b: [{ d: "x", c: 0.1 + Number.EPSILON / 16 }], a: 1 }, 12));
});

Deno.test.each<[what: string, one: unknown, other: unknown]>([
  ["the order of a list", [1, 2], [2, 1]],
  ["a number and its text", 1, "1"],
  ["a twelfth digit", 0.123456789012, 0.123456789013],
  ["a key that is missing", { a: 1 }, { a: 1, b: false }],
])("a fingerprint tells %s apart", (_what, one, other) => {
  assertNotEquals(fingerprint(one, 12), fingerprint(other, 12));
});

Deno.test("a mark survives as a tag among others", () => {
  const mark = markOf("lab-1_b", "Overview", { title: "Overview" }, ["01T"]);
  const tags = ["vllm", "vllm-metrics", tagOf(mark), "vllm-metrics:x"];
  assertEquals(readMark(tags), mark);
  assertEquals(withoutMark(tags), ["vllm", "vllm-metrics", "vllm-metrics:x"]);
  assertEquals(readMark(withoutMark(tags)), undefined);
});
