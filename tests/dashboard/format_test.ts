import { assertEquals } from "@std/assert";
import { formatValue } from "../../lib/dashboard/format.ts";

Deno.test("values are written in the words of their unit", () => {
  assertEquals(formatValue(0.0123, "seconds"), "12.3 ms");
  assertEquals(formatValue(1.234, "seconds"), "1.23 s");
  assertEquals(formatValue(300, "seconds"), "5 min");
  assertEquals(formatValue(150, "seconds"), "2.5 min");
  assertEquals(formatValue(86_400, "seconds"), "24 h");
  assertEquals(formatValue(0.93456, "share"), "93.5\u00a0%");
  assertEquals(formatValue(1, "share"), "100\u00a0%");
  assertEquals(formatValue(0.9999, "share"), ">99.9\u00a0%");
  assertEquals(formatValue(0.0002, "share"), "<0.1\u00a0%");
  assertEquals(formatValue(0, "share"), "0\u00a0%");
  assertEquals(formatValue(12_345.6, "tokens/s"), "12,346 tokens/s");
  assertEquals(formatValue(0.0033, "events/s"), "0.003 events/s");
  assertEquals(formatValue(0, "requests/s"), "0 requests/s");
  assertEquals(formatValue(7, "count"), "7");
});
