import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ShapeMemory } from "../../lib/exposition/shape_memory.ts";
import { asFluentBitReads, contentOf, seriesOf } from "./content.ts";
import { arbitraryDocument } from "./documents.ts";
import { expectedFamilies } from "./expected.ts";
import { readAsFluentBit } from "./fluent_bit_rules.ts";
import { type OracleFormat, readExposition } from "./oracle.ts";
import { captures, formatOf, readCapture, sanitized } from "./sanitized.ts";

const FORMATS: readonly OracleFormat[] = ["0.0.4", "1.0.0", "openmetrics"];
const RUNS = { numRuns: 300 };

function formatFor(format: OracleFormat): "text" | "openmetrics" {
  return format === "openmetrics" ? "openmetrics" : "text";
}

/** Fails when Fluent Bit would exit on a text, or read on silently past lost data. */
function assertHarmless(bytes: Uint8Array): void {
  const { result, reason, unread } = readAsFluentBit(bytes);
  // A text without a sample is none that is handed out; the scrape is refused.
  const isEmpty = !/^[^#\n]/m.test(new TextDecoder().decode(bytes));
  if (!isEmpty) {
    assertEquals({ result, reason, unread }, { result: "accepted", reason: "", unread: false });
  }
}

for (const format of FORMATS) {
  Deno.test(`a strict parser reads the same from a valid ${format} document and its output`, () => {
    fc.assert(
      fc.property(arbitraryDocument(format), (text) => {
        const expected = contentOf(expectedFamilies(readExposition(text, format), format));
        const { text: output } = sanitized(text, { format: formatFor(format) });
        assertEquals(contentOf(readExposition(output, "0.0.4")), expected);
      }),
      RUNS,
    );
  });

  Deno.test(`Fluent Bit reads all of a valid ${format} document from its output`, () => {
    fc.assert(
      fc.property(arbitraryDocument(format), (text) => {
        const expected = contentOf(expectedFamilies(readExposition(text, format), format));
        const { bytes } = sanitized(text, { format: formatFor(format) });
        assertHarmless(bytes);
        assertEquals(seriesOf(readAsFluentBit(bytes).points), asFluentBitReads(expected));
      }),
      RUNS,
    );
  });

  Deno.test(`sanitising the output of a ${format} document changes nothing`, () => {
    fc.assert(
      fc.property(arbitraryDocument(format), (text) => {
        const once = sanitized(text, { format: formatFor(format) });
        assertEquals(sanitized(once.bytes, { format: "text" }).text, once.text);
      }),
      RUNS,
    );
  });

  Deno.test(`a ${format} document gives the same bytes however it is cut and remembered`, () => {
    fc.assert(
      fc.property(
        arbitraryDocument(format),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
        (text, shares) => {
          const { length } = new TextEncoder().encode(text);
          const cuts = shares.map((share) => Math.floor(share * length)).toSorted((a, b) => a - b);
          const options = { format: formatFor(format), memory: new ShapeMemory() };
          const { text: whole } = sanitized(text, { format: options.format });
          assertEquals(sanitized(text, options).text, whole);
          assertEquals(sanitized(text, { ...options, cuts }).text, whole);
        },
      ),
      RUNS,
    );
  });
}

Deno.test("arbitrary bytes never harm Fluent Bit", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, openmetrics) => {
      assertHarmless(sanitized(bytes, { format: openmetrics ? "openmetrics" : "text" }).bytes);
    }),
    { numRuns: 2_000 },
  );
});

/** Words that mean something to a reader of expositions, in any order. */
const WORDS = [
  ...'\n\n\r\t ""\\{}=,:_#\0',
  "# HELP ",
  "# TYPE ",
  " counter",
  " histogram",
  " summary",
  " gauge",
  " info",
  "a",
  "a_bucket",
  "a_sum",
  "a_count",
  "vllm:a",
  'le="1"',
  'le="+Inf"',
  'quantile="0.5"',
  " 1",
  " NaN",
  " 1e400",
  " -1",
  "\n# EOF\n",
  "\u00e9",
];

Deno.test("arbitrary words of the formats never harm Fluent Bit", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }),
      fc.boolean(),
      (words, openmetrics) => {
        const format = openmetrics ? "openmetrics" : "text";
        assertHarmless(sanitized(words.join(""), { format }).bytes);
      },
    ),
    { numRuns: 3_000 },
  );
});

Deno.test("captures with bytes changed, inserted or cut never harm Fluent Bit", () => {
  const names = captures().filter((path) => !path.includes("/"));
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.nat(),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 12 }),
      (name, from, changes) => {
        const capture = readCapture(name);
        const start = from % Math.max(1, capture.length - 6_000);
        const bytes = capture.slice(start, start + 6_000);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        assertHarmless(sanitized(bytes, { format: formatOf(name) }).bytes);
      },
    ),
    { numRuns: 300 },
  );
});
