import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SanitizerMemo } from "../../lib/exposition/sanitizer.ts";
import { asFluentBitReads, contentOf, seriesOf } from "./content.ts";
import { arbitraryDocument } from "./documents.ts";
import { expectedFamilies } from "./expected.ts";
import { faultsOf } from "./faults.ts";
import { readAsFluentBit } from "./fluent_bit_rules.ts";
import { lossesOf } from "./losses.ts";
import { type OracleFormat, readExposition } from "./oracle.ts";
import { arbitraryPassage } from "./rubbish.ts";
import { sanitized } from "./sanitized.ts";

const FORMATS: readonly OracleFormat[] = ["0.0.4", "1.0.0", "openmetrics"];
const RUNS = { numRuns: 300 };

function formatFor(format: OracleFormat): "text" | "openmetrics" {
  return format === "openmetrics" ? "openmetrics" : "text";
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
        assertEquals(lossesOf(bytes), []);
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
          const options = { format: formatFor(format), memo: new SanitizerMemo() };
          const { text: whole } = sanitized(text, { format: options.format });
          assertEquals(sanitized(text, options).text, whole);
          assertEquals(sanitized(text, { ...options, cuts }).text, whole);
        },
      ),
      RUNS,
    );
  });
}

for (const format of ["text", "openmetrics"] as const) {
  Deno.test(`whatever is taken for ${format}: Fluent Bit loses nothing, nothing depends on chunks`, () => {
    fc.assert(
      fc.property(arbitraryPassage(format), (passage) => assertEquals(faultsOf(passage), [])),
      { numRuns: 1_500 },
    );
  });
}
