import { assertEquals } from "@std/assert";
import { severalEngines } from "../../bench/exposition.ts";
import { SanitizerMemo } from "../../lib/exposition/sanitizer.ts";
import { asFluentBitReads, contentOf, seriesOf } from "./content.ts";
import { readAsFluentBit } from "./fluent_bit_rules.ts";
import { assertGolden, assertGoldenJson } from "./golden.ts";
import { readExposition } from "./reader.ts";
import {
  allCaptures,
  captures,
  decode,
  encode,
  familiesOf,
  formatOf,
  readCapture,
  remembered,
  sameBytes,
  sanitized,
} from "./sanitized.ts";

/** One of each kind is kept whole, of all others the hash. */
const KEPT = [
  ...["idle", "during-load-c40", "dp2-during-load", "api2-after-load", "nostats-after-load"],
  ...["old011-hidden-lora-after-load", "spec-after-load", "allflags-after-load"],
  ...["weird-after-load", "lora-during-1", "mounted-openmetrics", "rust-idle"],
  ...["rust-after-load", "rust-dp2-unescaped", "crash-last-1", "restart/restart-01"],
].map((name) => `${name}.txt`);

/** Captures of a server that was down. */
const EMPTY = Array.from({ length: 15 }, (_, index) => `restart/restart-${index + 19}.txt`);

const paths = captures();
const textPaths = paths.filter((path) => formatOf(path) === "text");

/** What the sanitiser does to a text of vLLM's Python front end, in two expressions. */
function withoutColons(text: string): string {
  return text.replace(/^([a-zA-Z0-9_]+):/gm, "$1_")
    .replace(/^(# (?:HELP|TYPE) [a-zA-Z0-9_]+):/gm, "$1_");
}

async function sha256(bytes: BufferSource): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

Deno.test("captures of a server that was down are empty, and no others", () => {
  assertEquals(allCaptures().filter((path) => readCapture(path).length === 0), EMPTY);
  for (const path of EMPTY) assertEquals(sanitized(readCapture(path)).bytes.length, 0);
});

for (const path of KEPT) {
  const name = path.replace(/^.*\//, "");
  Deno.test(`Sanitizer turns ${name} into its golden text`, () => {
    assertGolden(name, sanitized(readCapture(path)).bytes);
  });
}

Deno.test("Sanitizer turns all other captures into texts of the recorded hashes", async () => {
  const others = paths.filter((path) => !KEPT.includes(path));
  const hashes = await Promise.all(
    others.map(async (path) => [path, await sha256(sanitized(readCapture(path)).bytes)]),
  );
  assertGoldenJson("sha256.json", Object.fromEntries(hashes));
});

Deno.test("Sanitizer changes nothing but the colon of names in text captures", () => {
  assertEquals(textPaths.length, paths.length - 5);
  for (const path of textPaths) {
    const input = readCapture(path);
    const { bytes, dropped } = sanitized(input);
    assertEquals({ length: bytes.length, dropped }, { length: input.length, dropped: {} }, path);
    const expected = encode(withoutColons(decode(input)));
    if (!sameBytes(bytes, expected)) assertEquals(decode(bytes), decode(expected), path);
    // The server without statistics has no name with a colon.
    assertEquals(sameBytes(input, expected), path.startsWith("nostats"), path);
  }
});

Deno.test("Sanitizer leaves nothing out of captures in OpenMetrics", () => {
  for (const path of paths.filter((path) => formatOf(path) === "openmetrics")) {
    assertEquals(sanitized(readCapture(path)).dropped, {}, path);
  }
});

Deno.test("Sanitizer gives the same bytes for a series of scrapes with one memory", () => {
  const memo = new SanitizerMemo();
  for (const path of paths) {
    const input = readCapture(path);
    const fresh = sanitized(input).bytes;
    for (const pass of ["first", "second"]) {
      const { bytes } = sanitized(input, { memo });
      assertEquals(sameBytes(bytes, fresh), true, `${path}, ${pass} pass`);
    }
  }
});

Deno.test("SanitizerMemo remembers every family of vLLM that has samples and plain numbers", () => {
  for (const path of paths.filter((each) => each !== "rust-dp2-unescaped.txt")) {
    const memo = new SanitizerMemo();
    const text = decode(readCapture(path));
    sanitized(text, { memo, format: formatOf(path) });
    assertEquals(remembered(memo, text, formatOf(path)), familiesOf(text).length, path);
  }
});

Deno.test("SanitizerMemo remembers every family of 64 engines behind one front end", () => {
  const memo = new SanitizerMemo();
  const text = severalEngines(decode(readCapture("allflags-after-load.txt")), 64);
  sanitized(encode(text), { memo });
  assertEquals(remembered(memo, text), familiesOf(text).length);
});

Deno.test("Fluent Bit and a strict reader find the same series in the output of each kind", () => {
  for (const path of KEPT) {
    const { text, bytes } = sanitized(readCapture(path));
    const { result, points, unread } = readAsFluentBit(bytes);
    assertEquals({ result, unread }, { result: "accepted", unread: false }, path);
    const content = contentOf(readExposition(text));
    assertEquals(seriesOf(points), asFluentBitReads(content), path);
  }
});
