import { assert, assertEquals } from "@std/assert";
import { Sanitizer } from "../../lib/exposition/sanitizer.ts";
import { encode, sanitized } from "./sanitized.ts";

/** Almost the longest line that is read. */
const LENGTH = 60_000;
/** Far more than reading it takes, far less than looking at each byte from each other one. */
const PATIENCE_MS = 500;

function times(text: string, length = LENGTH): string {
  return text.repeat(length / text.length);
}

/** Lines that a backtracking expression takes seconds for. */
const SLOW: ReadonlyArray<readonly [name: string, line: string]> = [
  ["a name of underscores", `${times("_")}a 1`],
  ["a name with underscores in the middle", `a${times("_")}b 1`],
  ["a name of colons and underscores", `${times("_:")}a 1`],
  ["a quoted name of other letters", `{"${times("é")}"} 1`],
  ["digits with a letter behind", `a ${times("1")}x`],
  ["digits on both sides of a point", `a ${times("1", 30_000)}.${times("1", 30_000)}x`],
  ["hexadecimal digits", `a 0x${times("1")}x`],
  ["digits for a timestamp", `a 1 ${times("1")}x`],
  ["blanks behind a quote", `a{b=""${times(" ")}x`],
  ["blanks behind a closing quote", `a{b="c"${times(" ")}x`],
  ["blanks and letters behind the labels", `a{b="c"d"}${times(" ", 30_000)}${times("x", 30_000)}{`],
  ["quotes", `a{b="${times('"')}`],
  ["backslashes", `a{b="${times("\\")}`],
  ["labels that begin and do not end", `a{b="c"x${times('",b="')}`],
  ["labels without end", `a{${times('b="1",')}`],
  ["blanks", times(" ")],
  ["blanks in a HELP line", `# HELP${times(" ")}x`],
  ["a quoted name in a HELP line", `# HELP "${times("\\")}`],
];

for (const [name, line] of SLOW) {
  Deno.test(`Sanitizer reads ${name} in time that grows with the line`, () => {
    for (const format of ["text", "openmetrics"] as const) {
      const start = performance.now();
      const { text } = sanitized(`${line}\nz 1\n`, { format });
      const elapsedMs = performance.now() - start;
      assert(text.endsWith("z 1\n"), text.slice(-100));
      assert(elapsedMs < PATIENCE_MS, `${elapsedMs} ms`);
    }
  });
}

Deno.test("Sanitizer leaves out and counts a line over the bound, and its neighbours arrive", () => {
  const long = `vllm:long{x="${"y".repeat(200)}"} 1`;
  for (const cuts of [[], [20], [20, 150, 230]]) {
    const input = `vllm:a 1\n${long}\nvllm:b 2\n`;
    const { text, dropped } = sanitized(input, { cuts, maxLineBytes: 100 });
    assertEquals(text, "vllm_a 1\nvllm_b 2\n");
    assertEquals(dropped, { line_too_long: 1 });
  }
});

Deno.test("Sanitizer takes a line of just the bound, and none that is a byte longer", () => {
  const line = (length: number): string => `a{x="${"y".repeat(length - 9)}"} 1`;
  for (const cuts of [[], [50], [99], [100]]) {
    for (const [length, dropped] of [[100, {}], [101, { line_too_long: 1 }]] as const) {
      const input = `${line(length)}\nb 2\n`;
      assertEquals(
        sanitized(input, { cuts, maxLineBytes: 100 }).dropped,
        dropped,
        `${length} ${cuts}`,
      );
    }
  }
});

Deno.test("Sanitizer holds nothing of a line without end", () => {
  const sanitizer = new Sanitizer({ format: "text" });
  sanitizer.push(encode('vllm:a 1\nvllm:long{x="'), false);
  const chunk = new Uint8Array(50_000).fill(0x79);
  const used = (): number => Deno.memoryUsage().external + Deno.memoryUsage().heapUsed;
  for (let count = 0; count < 100; count++) sanitizer.push(chunk, false);
  const before = used();
  for (let count = 0; count < 1_000; count++) sanitizer.push(chunk, false);
  const grown = used() - before;
  sanitizer.push(encode('"} 1\nvllm:b 2\n'), true);
  assertEquals(Object.fromEntries(sanitizer.dropped.entries()), { line_too_long: 1 });
  assertEquals(sanitizer.samples, 2);
  // Fifty megabytes were pushed.
  assert(grown < 20_000_000, `${grown} bytes`);
});
