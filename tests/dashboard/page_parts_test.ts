import { assertEquals, assertStringIncludes } from "@std/assert";
import type { View } from "../../lib/dashboard/view.ts";
import {
  choiceQuery,
  listedTargets,
  nameOptions,
  readChoice,
  targetCountText,
} from "../../lib/dashboard/page/choice.ts";

import { noFindings } from "../../lib/dashboard/availability.ts";
import { sparkPath, stack } from "../../lib/dashboard/page/shapes.ts";
import { boundText, shortText, valueParts, valueText } from "../../lib/dashboard/page/text.ts";

/** A view without anything. */
const EMPTY_VIEW: View = {
  version: "1",
  timeMs: 0,
  selection: {},
  windowSeconds: 300,
  windows: [300],
  targets: [],
  models: [],
  engines: [],
  instances: [],
  tiles: [],
  charts: [],
  findings: [],
};

Deno.test("a choice goes into the address and comes back out of it", () => {
  const choice = { instance: "b:8000", model: "org/a model&more", engine: "1", window: "900" };
  assertEquals(readChoice(choiceQuery(choice)), choice);
  assertEquals(choiceQuery(readChoice("?model=x&foreign=1")), "?model=x");
  assertEquals(choiceQuery(readChoice("")), "");
});

Deno.test.each([
  [[], "", ["=all models"]],
  [["a"], "", ["=a"]],
  [["a"], "a", ["=a", "a=a"]],
  [["a", "b"], "b", ["=all models (2)", "a=a", "b=b"]],
  [["a", "b"], "gone", ["=all models (2)", "a=a", "b=b", "gone=gone (gone)"]],
])("of %j with %j chosen there is to choose %j", (names, chosen, options) => {
  const given = nameOptions(names, chosen, "models");
  assertEquals(given.map(({ value, text }) => `${value}=${text}`), options);
});

Deno.test("few servers are all named, of many those that are not up", () => {
  const targets = Array.from({ length: 20 }, (_, index) => ({
    instance: `s${index}`,
    state: index % 10 === 0 ? "down" as const : "up" as const,
    up: index % 10 !== 0,
    error: "",
    lastSuccessMs: undefined,
    sinceMs: undefined,
  }));
  const few = targets.slice(0, 8);
  assertEquals(listedTargets(few), few);
  assertEquals(targetCountText(few), "");
  assertEquals(listedTargets(targets).map(({ instance }) => instance), ["s0", "s10"]);
  assertEquals(targetCountText(targets), "18 of 20 servers are up");
  const down = targets.map((target) => ({ ...target, state: "down" as const }));
  assertEquals(listedTargets(down).length, 8);
});

Deno.test("a small line begins at 0 and is broken where a value is missing", () => {
  assertEquals(sparkPath([0, 5, null, 10]), "M0.0 23.0h0L33.3 12.0M100.0 1.0h0");
  assertEquals(sparkPath([0, 0]), "M0.0 23.0h0L100.0 23.0");
  assertEquals(sparkPath([null, null]), "");
});

Deno.test("stacked lines stand on the ones before; a gap is where none has a value", () => {
  const series = [
    { name: "a", values: [1, null, null, 2] },
    { name: "b", values: [10, 10, null, null] },
  ];
  assertEquals(stack(series, 4), [[1, null, null, 2], [11, 10, null, 2]]);
});

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
    const server = { instance: "a", up: true, error: "", lastSuccessMs: 0, sinceMs: 0 };
    const words = { id: "a", title: "a", explanation: "a", unit: "count", trend: [] } as const;
    return noFindings({
      ...EMPTY_VIEW,
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
