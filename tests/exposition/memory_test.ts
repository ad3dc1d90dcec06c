import { assertEquals } from "@std/assert";
import { viewOf } from "../../lib/exposition/shape.ts";
import { ShapeMemory, ShapePool } from "../../lib/exposition/shape_memory.ts";
import { encode, sanitized } from "./sanitized.ts";

const A = "# TYPE vllm:a gauge\nvllm:a 1\n";
const B = "# TYPE vllm:b gauge\nvllm:b 2\n";
const HISTOGRAM = '# TYPE vllm:h histogram\nvllm:h_bucket{le="1"} 1\nvllm:h_bucket{le="+Inf"} 2\n' +
  "vllm:h_count 2\nvllm:h_sum 3\n";

/** Scrapes one behind the other: what is remembered of the first meets the second. */
const SCRAPES: ReadonlyArray<readonly [behaviour: string, first: string, second: string]> = [
  ["a family that is told twice", A + B, A + B + A],
  ["samples of a family behind a second TYPE of it", A, `${A}# TYPE vllm:a gauge\nvllm:a 5\n`],
  ["a second TYPE with two spaces", A, `${A}# TYPE  vllm:a gauge\nvllm:a 5\n`],
  ["a second TYPE with a quoted name", A, `${A}# TYPE "vllm:a" gauge\nvllm:a 5\n`],
  ["a HELP with two spaces behind a TYPE", A, "# TYPE vllm:a gauge\n# HELP  vllm:a x\nvllm:a 5\n"],
  ["a sample without a type behind a family", `${A}vllm:b 1\n`, `${A}vllm:b 1\n${A}`],
  ["a family whose samples stood without a type before", A + B, `vllm:b 1\n${A}${B}`],
  [
    "a TYPE that cannot be read amid a histogram",
    HISTOGRAM,
    HISTOGRAM.replace(
      "vllm:h_count",
      "# TYPE vllm:b nonsense\nvllm:h_count",
    ),
  ],
  [
    "a family that Fluent Bit takes for a part of the one before it",
    `${HISTOGRAM}${A}${B.replaceAll("vllm:b", "vllm:h_sum")}`,
    HISTOGRAM + B.replaceAll("vllm:b", "vllm:h_sum"),
  ],
  ["a comment behind a family", A + B, `${A}# a comment\n${B}`],
  [
    "a negative counter",
    A.replace("gauge", "counter"),
    A.replace("gauge", "counter").replace(" 1", " -1"),
  ],
  ["a missing line feed at the end", A + B, (A + B).trimEnd()],
  ["a family that went", A + HISTOGRAM + B, A + B],
  ["a family that came", A + B, A + HISTOGRAM + B],
  ["a series that came", A + B, A + A.replace(/^.*\n/, "").replace(" 1", '{x="1"} 1') + B],
  ["a byte order mark", A + B, `\ufeff${A}${B}`],
  ["carriage returns", A + B, (A + B).replaceAll("\n", "\r\n")],
  ["a name that goes on where a remembered one ends", A + B, A.replaceAll("vllm:a", "vllm:ab") + A],
];

for (const [behaviour, first, second] of SCRAPES) {
  Deno.test(`memory makes no difference to ${behaviour}`, () => {
    const { text, dropped, samples } = sanitized(second, { format: "text" });
    for (let cut = 0; cut <= encode(second).length; cut++) {
      const memory = new ShapeMemory();
      sanitized(first, { format: "text", memory });
      const actual = sanitized(second, { format: "text", memory, cuts: [cut] });
      const told = { text: actual.text, dropped: actual.dropped, samples: actual.samples };
      assertEquals(told, { text, dropped, samples }, `cut at ${cut}`);
    }
  });
}

Deno.test("memory keeps a TYPE with its HELP where a chunk ends in its name", () => {
  const family = "# TYPE vllm:h histogram\n# HELP vllm:h An h.\n" + HISTOGRAM.replace(/^.*\n/, "");
  const expected = sanitized(family + B).text;
  for (let cut = 0; cut < encode(family).length; cut++) {
    const memory = new ShapeMemory();
    assertEquals(sanitized(family + B, { memory, cuts: [cut] }).text, expected, `cut at ${cut}`);
  }
});

Deno.test("memory forgets what a server no longer sends", () => {
  const memory = new ShapeMemory();
  const sizes = [A + B + HISTOGRAM, A + HISTOGRAM, A, ""].map((text) => {
    sanitized(text, { format: "text", memory });
    return memory.size;
  });
  assertEquals(sizes, [3, 2, 1, 0]);
});

/** Whether the first family of a text is one that is looked for. */
function isMet(memory: ShapeMemory, text: string): boolean {
  const bytes = encode(text);
  return memory.walk().match(bytes, viewOf(bytes), 0, true, () => false) > 0;
}

Deno.test("a new server is met with what another has shown, a known one with its own", () => {
  const pool = new ShapePool();
  const [known, other] = [new ShapeMemory({ pool }), new ShapeMemory({ pool })];
  assertEquals(isMet(known, A + B), false);
  sanitized(A + B, { memory: known });
  assertEquals(isMet(other, A + B), true);
  sanitized(HISTOGRAM + B, { memory: other });
  assertEquals([isMet(known, A + B), isMet(known, HISTOGRAM + B)], [true, false]);
  assertEquals([isMet(other, A + B), isMet(other, HISTOGRAM + B)], [false, true]);
});

Deno.test("a server that shows nothing takes nothing from the others", () => {
  const pool = new ShapePool();
  sanitized(A + B, { memory: new ShapeMemory({ pool }) });
  sanitized("", { format: "text", memory: new ShapeMemory({ pool }) });
  assertEquals(isMet(new ShapeMemory({ pool }), A + B), true);
});

Deno.test("memory has a bound", () => {
  const memory = new ShapeMemory();
  const family = (index: number): string =>
    `# HELP m${index} ${"x".repeat(60_000)}\n# TYPE m${index} gauge\nm${index} 1\n`;
  sanitized(Array.from({ length: 100 }, (_, index) => family(index)).join(""), { memory });
  // 4 MiB are remembered, of families of 60 kB.
  assertEquals(memory.size, 69);
});
