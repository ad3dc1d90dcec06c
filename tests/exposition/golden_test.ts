import { assertEquals, assertNotEquals } from "@std/assert";
import { detectFormat } from "../../lib/exposition/format.ts";
import { ShapeMemory } from "../../lib/exposition/shape_memory.ts";
import {
  type Capture,
  decode,
  encode,
  readCapture,
  readCaptures,
  readFullCaptures,
  sameBytes,
  sanitize,
} from "./captures.ts";
import { asFluentBitReads, contentOf, seriesOf } from "./content.ts";
import { readAsFluentBit } from "./fluent_bit_rules.ts";
import { assertGolden, assertGoldenJson } from "./golden.ts";
import { readExposition } from "./oracle.ts";

/** One of each kind is kept whole, of all others the hash. */
const KEPT = [
  ...["idle", "during-load-c40", "dp2-during-load", "api2-after-load", "nostats-after-load"],
  ...["old011-hidden-lora-after-load", "spec-after-load", "allflags-after-load"],
  ...["weird-after-load", "lora-during-1", "mounted-openmetrics", "rust-idle"],
  ...["rust-after-load", "rust-dp2-unescaped", "crash-last-1", "restart-01"],
];

/** Captures of a server that was down. */
const EMPTY = Array.from({ length: 15 }, (_, index) => `restart-${index + 19}`);

const captures = readFullCaptures();
const textCaptures = captures.filter(({ bytes }) => detectFormat("", bytes) === "text");

/** What the sanitiser does to a text of vLLM's Python front end, in two expressions. */
function withoutColons(text: string): string {
  return text.replace(/^([a-zA-Z0-9_]+):/gm, "$1_")
    .replace(/^(# (?:HELP|TYPE) [a-zA-Z0-9_]+):/gm, "$1_");
}

async function sha256(bytes: BufferSource): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

Deno.test("captures of a server that was down are empty, and no others", () => {
  const empty = readCaptures().filter(({ bytes }) => bytes.length === 0);
  assertEquals(empty.map(({ name }) => name), EMPTY);
  for (const { bytes } of empty) assertEquals(sanitize(bytes).bytes.length, 0);
});

for (const name of KEPT) {
  Deno.test(`Sanitizer turns ${name} into its golden text`, () => {
    assertGolden(`${name}.txt`, sanitize(readCapture(name).bytes).bytes);
  });
}

Deno.test("Sanitizer turns all other captures into texts of the recorded hashes", async () => {
  const others = captures.filter(({ name }) => !KEPT.includes(name));
  const hashes = await Promise.all(
    others.map(async ({ name, bytes }) => [name, await sha256(sanitize(bytes).bytes)]),
  );
  assertGoldenJson("sha256.json", Object.fromEntries(hashes));
});

Deno.test("Sanitizer leaves nothing out of any capture", () => {
  for (const { name, bytes } of captures) assertEquals(sanitize(bytes).dropped, {}, name);
});

Deno.test("Sanitizer changes nothing but the colon of names in text captures", () => {
  assertEquals(textCaptures.length, captures.length - 4);
  for (const { name, bytes } of textCaptures) {
    const actual = sanitize(bytes).bytes;
    const expected = encode(withoutColons(decode(bytes)));
    assertEquals(actual.length, bytes.length, name);
    if (!sameBytes(actual, expected)) assertEquals(decode(actual), decode(expected), name);
  }
});

Deno.test("withoutColons changes most captures", () => {
  for (const { name, bytes } of textCaptures) {
    if (name.startsWith("nostats")) continue;
    assertNotEquals(withoutColons(decode(bytes)), decode(bytes), name);
  }
});

Deno.test("Sanitizer gives the same bytes for every capture when it remembers it", () => {
  for (const { name, bytes } of captures) {
    const fresh = sanitize(bytes).bytes;
    const memory = new ShapeMemory();
    for (const pass of ["first", "second", "third"]) {
      assertEquals(
        sameBytes(sanitize(bytes, { memory }).bytes, fresh),
        true,
        `${name}, ${pass} pass`,
      );
    }
  }
});

Deno.test("Sanitizer gives the same bytes for a series of scrapes with one memory", () => {
  const memory = new ShapeMemory();
  for (const { name, bytes } of captures) {
    const actual = sanitize(bytes, { memory }).bytes;
    assertEquals(sameBytes(actual, sanitize(bytes).bytes), true, name);
  }
});

Deno.test("ShapeMemory remembers every family of vLLM's Python front end", () => {
  for (const { name, bytes } of textCaptures) {
    const memory = new ShapeMemory();
    sanitize(bytes, { memory });
    assertEquals(memory.size, decode(bytes).match(/^# TYPE /gm)?.length, name);
  }
});

Deno.test("ShapeMemory remembers nothing of OpenMetrics", () => {
  const memory = new ShapeMemory();
  sanitize(readCapture("rust-idle").bytes, { memory });
  assertEquals(memory.size, 0);
});

function assertReadByAll({ name, bytes }: Capture): void {
  const { text, bytes: output } = sanitize(bytes);
  const content = contentOf(readExposition(text, "0.0.4"));
  const { result, points, unread } = readAsFluentBit(output);
  assertEquals({ result, unread }, { result: "accepted", unread: false }, name);
  assertEquals(seriesOf(points), asFluentBitReads(content), name);
}

Deno.test("Fluent Bit and a strict reader find the same series in the output of each kind", () => {
  for (const name of KEPT) assertReadByAll(readCapture(name));
});
