import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { faultsOf } from "./faults.ts";
import { arbitraryPassage } from "./rubbish.ts";

for (const format of ["text", "openmetrics"] as const) {
  Deno.test(`whatever is taken for ${format}: Fluent Bit loses nothing, nothing depends on chunks`, () => {
    fc.assert(
      fc.property(arbitraryPassage(format), (passage) => assertEquals(faultsOf(passage), [])),
      { numRuns: 1_500 },
    );
  });
}
