import { assertEquals } from "@std/assert";
import type { View } from "../../lib/dashboard/view.ts";
import type { TargetState } from "../../lib/history/history.ts";
import { builtView } from "./built_view.ts";
import { emptyHistory } from "./empty_history.ts";

const UNKNOWN: TargetState = {
  instance: "vllm",
  up: undefined,
  error: "",
  lastSuccessMs: undefined,
  sinceMs: undefined,
};

function viewOf(target: TargetState): View {
  return builtView(emptyHistory([target]), { selection: {}, windowSeconds: 300 }, 1_000_000, {
    goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
    intervalMs: 2_000,
    windows: [300],
  });
}

/** All notes of tiles and charts. */
function notesOf({ tiles, charts }: View): string[] {
  return [...new Set([...tiles, ...charts].map(({ note }) => note))];
}

Deno.test("before the first scrape all is without data, and nothing is wrong", () => {
  const view = viewOf(UNKNOWN);
  assertEquals(view.targets.map(({ state }) => state), ["unknown"]);
  assertEquals(notesOf(view), ["no data"]);
  assertEquals(view.tiles.map(({ value }) => value), view.tiles.map(() => null));
  assertEquals(view.findings, []);
});

Deno.test("a server that was never reached is down, and the tiles say so", () => {
  const view = viewOf({ ...UNKNOWN, up: false, error: "connection refused", sinceMs: 940_000 });
  assertEquals(view.targets.map(({ state }) => state), ["down"]);
  assertEquals(notesOf(view), ["server down"]);
  assertEquals(view.findings.map(({ id }) => id), ["server_down"]);
});

Deno.test("a server without vLLM's metrics is one that does not report them", () => {
  const view = viewOf({ ...UNKNOWN, up: true, lastSuccessMs: 999_000, sinceMs: 900_000 });
  assertEquals(notesOf(view), ["not reported by this vLLM"]);
});

Deno.test("all charts of one window have the same times, but for heat maps", () => {
  const { charts } = viewOf(UNKNOWN);
  const lengths = charts.map(({ kind, times }) => [kind === "heatmap", times.length]);
  assertEquals(new Set(lengths.map(String)), new Set(["false,151", "true,51"]));
});
