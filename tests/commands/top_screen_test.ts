import { assert, assertEquals } from "@std/assert";
import { screenLines } from "../../lib/commands/top/top_screen.ts";
import type { View } from "../../lib/dashboard/view.ts";
import { letRun, look, OUTAGE } from "../dashboard/scenario.ts";
import { withoutColours } from "./fake_host.ts";

/** A view whose texts come from a server that means no good. */
function hostileView(): View {
  const view = look(letRun(110, { "evil\x1b[2J": { scenario: OUTAGE } }));
  return { ...view, selection: { model: "m\r\n\x9b31m" } };
}

Deno.test("no text that a server chose steers the terminal", () => {
  for (const line of screenLines(hostileView(), { columns: 100, color: false })) {
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f\x7f-\x9f]/.test(line), JSON.stringify(line));
  }
});

Deno.test("what is wrong is wrapped under its title", () => {
  const lines = screenLines(hostileView(), { columns: 60, color: false });
  const start = lines.indexOf("■ critical: A server is down");
  assertEquals(lines.slice(start + 1, start + 3), [
    "  evil?[2J has been down for 20 s: Cannot scrape: connection",
    "  refused.",
  ]);
  for (const line of lines) assert(line.length <= 60 || line.includes("https://"), line);
});

Deno.test("colours come with words, and only where they are wanted", () => {
  const view = look(letRun(110, { vllm: { scenario: OUTAGE } }));
  const colored = screenLines(view, { columns: 100, color: true });
  assert(colored.some((line) => line.startsWith("\x1b[31mdown      \x1b[0mvllm")));
  const bare = colored.map((line) => withoutColours(line).trimEnd());
  assertEquals(bare, screenLines(view, { columns: 100, color: false }));
});

Deno.test("several servers have a table, with what differs from its peers marked", () => {
  const view = look(letRun(110, { a: {}, b: { seed: 3 }, c: { scenario: OUTAGE } }));
  const [a, b, c] = view.fleet;
  if (a === undefined || b === undefined || c === undefined) throw new Error("no fleet");
  const fleet: View["fleet"] = [
    { ...a, running: 12, kvCache: 0.5, outliers: ["kvCache"], model: "m\x1b[2J" },
    b,
    c,
  ];
  const lines = screenLines({ ...view, fleet }, { columns: 200, color: false });
  const start = lines.findIndex((line) => line.startsWith("Server "));
  const [head = "", first = "", , third = ""] = lines.slice(start, start + 4)
    .map((line) => line.replace(/\p{Zs}/gu, " "));
  assertEquals(head.split(/ {2,}/).slice(0, 4), ["Server", "Running", "Waiting", "KV cache"]);
  assertEquals(first.split(/ {2,}/).toSpliced(2, 1).slice(0, 3), ["a", "12", "*50 %"]);
  assertEquals(first.split(/ {2,}/).at(-1), "m?[2J");
  assertEquals(third.split(/ {2,}/).slice(0, 3), ["c", "-", "-"]);
  const narrow = screenLines({ ...view, fleet }, { columns: 60, color: false });
  assert(narrow.some((line) => /^Server +Running +Waiting$/.test(line)));
});
