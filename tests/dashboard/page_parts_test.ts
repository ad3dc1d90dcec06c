import { assertEquals, assertStringIncludes } from "@std/assert";
import { noFindings } from "../../lib/dashboard/availability.ts";
import { EMPTY_VIEW } from "./built_view.ts";
import { boundText, shortText, valueParts, valueText } from "../../lib/dashboard/page/text.ts";

Deno.test("values are written with their unit, and a dash where there is none", () => {
  assertEquals(valueText(null, "seconds"), "–");
  assertEquals(valueText(undefined, "share"), "–");
  assertEquals(valueText(0.451, "seconds"), "451 ms");
  assertEquals(valueParts(8_421, "tokens/s"), ["8,421", "tokens/s"]);
  assertEquals(valueParts(3, "count"), ["3", ""]);
  assertEquals(valueParts(null, "share"), ["–", ""]);
});

Deno.test("where there is little room, a unit stands only where it changes or is short", () => {
  assertEquals([0, 0.25, 1].map((value) => shortText(value, "seconds")), ["0", "250 ms", "1 s"]);
  assertEquals([0, 0.5].map((value) => shortText(value, "share")), ["0", "50\u00a0%"]);
  assertEquals(shortText(12_500, "tokens/s"), "12,500");
  assertEquals(shortText(null, "tokens/s"), "–");
});

Deno.test("a bucket is named by its bound", () => {
  assertEquals(["10", "2000.0", "+Inf"].map(boundText), ["10", "2,000", "∞"]);
});

Deno.test("nothing is said to be wrong only where something is known, and no tile is bad", () => {
  const said = (
    note: string,
    value: number | null,
    level: "good" | "bad" | "none",
    state: "up" | "down" = "up",
  ): string => {
    const server = { detail: "", instance: "a", up: true, error: "", lastSuccessMs: 0, sinceMs: 0 };
    const words = {
      below: null,
      limit: null,
      id: "a",
      title: "a",
      explanation: "a",
      unit: "count",
      trend: [],
    } as const;
    return noFindings({
      ...EMPTY_VIEW,
      status: { state: "healthy", level: "good", text: "Healthy", sinceMs: null },
      targets: [{ ...server, state }],
      tiles: [{ ...words, note, value, level }],
    }).text;
  };
  assertEquals(said("", 1, "good"), "✓ No problems found.");
  assertEquals(said("", 1, "bad"), "No diagnosis yet, but a metric below is critical.");
  assertEquals(said("no data", null, "none"), "");
  assertEquals(said("", 1, "good", "down"), "");
  assertStringIncludes(said("not reported by this vLLM", null, "none"), "--disable-log-stats");
});
