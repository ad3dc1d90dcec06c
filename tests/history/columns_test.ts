import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Columns,
  ColumnsBuilder,
  copyColumn,
  decodeColumns,
  encodeColumns,
} from "../../lib/history/columns.ts";

function columnsOf(...columns: readonly (readonly number[])[]): Columns {
  const builder = new ColumnsBuilder();
  columns.forEach((column, id) => builder.add(id * 3, Float64Array.from(column)));
  return builder.build();
}

function column(columns: Columns, id: number, length: number): number[] {
  const values = new Float64Array(length);
  copyColumn(columns, id, values);
  return [...values];
}

Deno.test("a column of one value takes the room of one", () => {
  const columns = columnsOf([7, 7, 7], [0, 0, 0]);
  assertEquals([columns.wide.length, columns.narrow.length], [2, 0]);
  assertEquals(column(columns, 0, 3), [7, 7, 7]);
});

Deno.test("whole numbers that lie close together take two bytes each", () => {
  const columns = columnsOf([1e9, 1e9 + 65_535, 1e9 + 1]);
  assertEquals([columns.wide.length, columns.narrow.length], [2, 3]);
  assertEquals(column(columns, 0, 3), [1e9, 1e9 + 65_535, 1e9 + 1]);
});

Deno.test("others keep every bit", () => {
  for (const values of [[0.1, 0.2], [1, 65_537], [NaN, 1], [1, Infinity], [2 ** 53, 2 ** 53 + 2]]) {
    const columns = columnsOf(values);
    assertEquals(columns.narrow.length, 0);
    assertEquals(column(columns, 0, values.length), values);
  }
});

Deno.test("a series that is not there has no values", () => {
  assertEquals(column(columnsOf([1], [2]), 2, 1), [NaN]);
});

Deno.test("columns come back as they were, through bytes as well", () => {
  const value = fc.oneof(
    fc.double(),
    fc.integer({ min: 0, max: 70_000 }),
    fc.integer({ min: 1_000_000, max: 1_000_100 }),
    fc.constant(3),
  );
  const table = fc.array(fc.array(value, { minLength: 4, maxLength: 4 }), { maxLength: 9 });
  fc.assert(fc.property(table, (rows) => {
    const columns = decodeColumns(encodeColumns(columnsOf(...rows)));
    // -0 and 0 are the same number of requests.
    rows.forEach((row, id) =>
      assertEquals(column(columns, id * 3, 4).map((each) => each + 0), row.map((each) => each + 0))
    );
  }));
});

Deno.test("bytes of another length are refused", () => {
  const bytes = encodeColumns(columnsOf([1, 2], [0.5, 1]));
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeColumns(bytes.subarray(0, length)), RangeError);
  }
  assert(decodeColumns(bytes).ids.length === 2);
});
