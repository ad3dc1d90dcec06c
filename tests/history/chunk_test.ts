import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Columns, encodeColumns } from "../../lib/history/chunk.ts";

function encoded(...columns: readonly (readonly number[])[]): Uint8Array {
  return encodeColumns(columns.map((values, id) => [id * 3, Float64Array.from(values)]));
}

function column(columns: Columns, id: number, length: number): number[] {
  const values = new Float64Array(length);
  columns.copy(id, values);
  return [...values];
}

Deno.test("columns come back as they were, to the last bit", () => {
  const value = fc.oneof(
    fc.double(),
    fc.integer({ min: 0, max: 70_000 }),
    fc.integer({ min: 1_000_000, max: 1_000_100 }),
    fc.constantFrom(3, NaN, Infinity, 2 ** 53, 2 ** 53 + 2),
  );
  const table = fc.array(fc.array(value, { minLength: 4, maxLength: 4 }), { maxLength: 9 });
  fc.assert(fc.property(table, (rows) => {
    const columns = new Columns(encoded(...rows));
    // -0 and 0 are the same number of requests.
    rows.forEach((row, id) =>
      assertEquals(column(columns, id * 3, 4).map((each) => each + 0), row.map((each) => each + 0))
    );
  }));
});

Deno.test("constant columns and close integers take little space", () => {
  const rows = Array.from({ length: 64 }, (_, index) => 1e9 + index * 1_000);
  const [constant, close, other] = [rows.map(() => 7), rows, rows.map(Math.sqrt)]
    .map((values) => encoded(values).length - encoded().length);
  assertEquals([constant, close, other], [16, 24 + 2 * 64, 8 + 8 * 64]);
});

Deno.test("a series without values in the chunk is absent", () => {
  assertEquals(column(new Columns(encoded([1], [2])), 2, 1), [NaN]);
});

Deno.test("a blob of another length is refused", () => {
  const blob = encoded([1, 2], [0.5, 1]);
  for (let length = 0; length < blob.length; length++) {
    assertThrows(() => new Columns(blob.subarray(0, length)), RangeError);
  }
  assertEquals([...new Columns(blob).ids], [0, 3]);
});
