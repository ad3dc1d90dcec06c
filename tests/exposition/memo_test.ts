import { assertEquals } from "@std/assert";
import { Sanitizer, SanitizerMemo } from "../../lib/exposition/sanitizer.ts";
import { encode, familiesOf, remembered, sanitized } from "./sanitized.ts";

const A = "# TYPE vllm:a gauge\nvllm:a 1\n";
const B = "# TYPE vllm:b gauge\nvllm:b 2\n";
const HISTOGRAM = '# TYPE vllm:h histogram\nvllm:h_bucket{le="1"} 1\nvllm:h_bucket{le="+Inf"} 2\n' +
  "vllm:h_count 2\nvllm:h_sum 3\n";

/** Scrapes one behind the other: what is remembered of the first meets the second. */
const SCRAPES: ReadonlyArray<readonly [behaviour: string, first: string, second: string]> = [
  ["a family that appears twice", A + B, A + B + A],
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
  Deno.test(`memo makes no difference to ${behaviour}`, () => {
    const { text, dropped, samples } = sanitized(second, { format: "text" });
    for (let cut = 0; cut <= encode(second).length; cut++) {
      const memo = new SanitizerMemo();
      sanitized(first, { format: "text", memo });
      const actual = sanitized(second, { format: "text", memo, cuts: [cut] });
      const told = { text: actual.text, dropped: actual.dropped, samples: actual.samples };
      assertEquals(told, { text, dropped, samples }, `cut at ${cut}`);
    }
  });
}

Deno.test("memo keeps a TYPE with its HELP where a chunk ends in its name", () => {
  const family = "# TYPE vllm:h histogram\n# HELP vllm:h An h.\n" + HISTOGRAM.replace(/^.*\n/, "");
  const expected = sanitized(family + B).text;
  for (let cut = 0; cut < encode(family).length; cut++) {
    const memo = new SanitizerMemo();
    assertEquals(sanitized(family + B, { memo, cuts: [cut] }).text, expected, `cut at ${cut}`);
  }
});

Deno.test("a memo is shared by servers of other models and versions", () => {
  const memo = new SanitizerMemo();
  const texts = [A + B, A + HISTOGRAM + B, HISTOGRAM, A.replace(" 1", '{model="x"} 1') + B];
  for (const text of texts) sanitized(text, { format: "text", memo });
  for (const text of texts) assertEquals(remembered(memo, text), familiesOf(text).length);
});

Deno.test("a memo is bounded, and keeps what came last", () => {
  const memo = new SanitizerMemo(1_000_000);
  const family = (index: number, length = 10_000): string =>
    `# HELP m${index} ${"x".repeat(length)}\n# TYPE m${index} gauge\nm${index} 1\n`;
  const all = Array.from({ length: 200 }, (_, index) => family(index));
  sanitized(all.join(""), { format: "text", memo });
  const known = (
    some: readonly string[],
  ): number[] => [...new Set(some.map((each) => remembered(memo, each)))];
  assertEquals([known(all.slice(0, 100)), known(all.slice(-40))], [[0], [1]]);
  const large = "# TYPE g gauge\n" +
    Array.from({ length: 90_000 }, (_, index) => `g{a="${index}"} 1\n`).join("");
  sanitized(large, { format: "text", memo });
  assertEquals(remembered(memo, large), 0);
});

Deno.test("a memo does not hold back a text that comes byte by byte for longer than a family", () => {
  const memo = new SanitizerMemo();
  sanitized(A + HISTOGRAM + B, { format: "text", memo });
  const sanitizer = new Sanitizer({ format: "text", memo });
  const whole = A + HISTOGRAM + B;
  let out = "";
  for (const [index, character] of [...whole].entries()) {
    out += sanitizer.push(encode(character), false);
    if (index === (A + HISTOGRAM).length) assertEquals(out, A.replaceAll(":", "_"));
  }
  out += sanitizer.push(encode(""), true);
  assertEquals(out, whole.replaceAll(":", "_"));
});

Deno.test("a family too large to hold is written as any other, whatever its lines", () => {
  const line = (index: number): string => `vllm:g{a="${index}",b="x,\\"y"} ${index}.5\n`;
  const odd = [
    'vllm:g{a="é",b=""} 1\n',
    'vllm:g{a="vllm:g"} 0x1p4\n',
    "nonsense\n",
    "vllm:g 1 5\n",
  ];
  const lines = Array.from(
    { length: 40_000 },
    (_, index) => line(index) + (odd[index / 9_000] ?? ""),
  );
  const text = `# TYPE vllm:g gauge\n${lines.join("")}${B}`;
  const { text: out, dropped } = sanitized(text, { format: "text", memo: new SanitizerMemo() });
  const expected = text.replace("nonsense\n", "").replace("0x1p4", "16")
    .replace(/^(# TYPE )?vllm:/gm, "$1vllm_");
  assertEquals(out === expected, true);
  assertEquals(dropped, { bad_syntax: 1 });
});
