import { assertEquals, assertNotEquals } from "@std/assert";
import { fingerprint, otherTags, readTag, writeTag } from "../../lib/parseable/ownership_tag.ts";

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

Deno.test("an ownership tag is found among other tags", () => {
  const tag = {
    stream: "lab-1_b",
    key: "0a1b2c3d",
    content: "0a1b2c3d4e5f",
    targets: "00000000",
  };
  const tags = ["vllm", "vllm-metrics", writeTag(tag), "vllm-metrics:x"];
  assertEquals(readTag(tags), tag);
  assertEquals(otherTags(tags), ["vllm", "vllm-metrics", "vllm-metrics:x"]);
  assertEquals(readTag(otherTags(tags)), undefined);
});
