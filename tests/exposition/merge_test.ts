import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ExpositionMerger } from "../../lib/exposition/merge.ts";
import { expectedSeries, merged, mergeFaultsOf, seriesOf, type Texts } from "./merged.ts";
import { readExposition } from "./reader.ts";
import { arbitraryPassage } from "./rubbish.ts";
import { captures, decode, formatOf, readCapture, sanitized } from "./sanitized.ts";

function mergedText(texts: Texts): string {
  return merged(texts).text;
}

/** The losses but for the type conflicts. */
function lossesBeside(reason: string, texts: Texts): [string, number][] {
  return [...merged(texts).dropped.entries()].filter(([each]) => each !== reason);
}

Deno.test("families are merged: one HELP and TYPE, samples in one piece, a label in front", () => {
  const text = (value: number): string =>
    `# HELP vllm:a First.\n# TYPE vllm:a gauge\nvllm:a{m="x"} ${value}\n` +
    `# HELP up2 Second.\n# TYPE up2 counter\nup2 ${value}\n`;
  assertEquals(
    mergedText({ prefill: text(1), "b:8000": text(2) }),
    "# HELP vllm_a First.\n# TYPE vllm_a gauge\n" +
      'vllm_a{instance="prefill",m="x"} 1\nvllm_a{instance="b:8000",m="x"} 2\n' +
      "# HELP up2 Second.\n# TYPE up2 counter\n" +
      'up2{instance="prefill"} 1\nup2{instance="b:8000"} 2\n',
  );
});

Deno.test("a family that only one server has stands behind those that came before", () => {
  assertEquals(
    mergedText({
      a: "# TYPE x gauge\nx 1\n",
      b: "# TYPE y gauge\ny 1\n# TYPE x gauge\nx 2\n",
    }),
    '# TYPE x gauge\nx{instance="a"} 1\nx{instance="b"} 2\n# TYPE y gauge\ny{instance="b"} 1\n',
  );
});

Deno.test("HELP is the first server's that has one", () => {
  assertEquals(
    mergedText({
      a: "# TYPE x gauge\nx 1\n",
      b: "# HELP x Of b.\n# TYPE x gauge\nx 2\n",
      c: "# HELP x Of c.\n# TYPE x gauge\nx 3\n",
    }).split("\n").filter((line) => line.startsWith("#")),
    ["# HELP x Of b.", "# TYPE x gauge"],
  );
});

Deno.test.each([
  ['x{instance="own"} 1', 'x{instance="s",exported_instance="own"} 1'],
  ['x{a="1",instance="o\\"w\\\\n"} 1', 'x{instance="s",a="1",exported_instance="o\\"w\\\\n"} 1'],
  [
    'x{instance="i",exported_instance="e"} 1 5',
    'x{instance="s",exported_exported_instance="i",exported_instance="e"} 1 5',
  ],
  ['x{a="instance=\\"no\\"",b="{},"} 1', 'x{instance="s",a="instance=\\"no\\"",b="{},"} 1'],
  ['x{my_instance="m"} 1', 'x{instance="s",my_instance="m"} 1'],
  ['x{instance="模型"} 1', 'x{instance="s",exported_instance="模型"} 1'],
])("%s becomes %s", (line, expected) => {
  assertEquals(mergedText({ s: `# TYPE x gauge\n${line}\n` }), `# TYPE x gauge\n${expected}\n`);
});

Deno.test("of differing types the first holds; the others' samples are counted and logged", () => {
  const result = merged({
    a: "# TYPE x gauge\nx 1\n# TYPE y gauge\ny 1\n",
    b: '# TYPE x counter\nx{n="1"} 2\nx{n="2"} 2\n# TYPE y gauge\ny 2\n',
    c: "# TYPE x gauge\nx 3\n",
  });
  assertEquals(
    result.text,
    '# TYPE x gauge\nx{instance="a"} 1\nx{instance="c"} 3\n' +
      '# TYPE y gauge\ny{instance="a"} 1\ny{instance="b"} 2\n',
  );
  assertEquals(result.conflicts, [{ family: "x", instance: "b", type: "counter", kept: "gauge" }]);
  assertEquals([...result.dropped.entries()], [["type_conflict", 2]]);
  assertEquals(result.samples, 4);
});

Deno.test("samples without a TYPE go with those that have one, unless that is a histogram's", () => {
  assertEquals(
    mergedText({ a: "x 1\n", b: "# TYPE x gauge\nx 2\n" }),
    '# TYPE x gauge\nx{instance="a"} 1\nx{instance="b"} 2\n',
  );
  const histogram =
    '# TYPE x histogram\nx_bucket{le="1"} 1\nx_bucket{le="+Inf"} 1\nx_count 1\nx_sum 1\n';
  const { conflicts } = merged({ a: histogram, b: "x 2\n" });
  assertEquals(conflicts, [{
    family: "x",
    instance: "b",
    type: "untyped",
    kept: "histogram",
  }]);
});

Deno.test("histograms of different bounds are told apart as Fluent Bit needs it", () => {
  const histogram = (bound: string): string =>
    `# TYPE x histogram\nx_bucket{le="${bound}"} 1\nx_bucket{le="+Inf"} 1\nx_count 1\nx_sum 1\n`;
  const texts = { a: histogram("1"), b: histogram("1"), c: histogram("2"), d: histogram("1") };
  assertEquals(mergeFaultsOf(texts), []);
  assertEquals(
    mergedText(texts).split("\n").filter((line) => line.startsWith("x_count")),
    [
      'x_count{instance="a"} 1',
      'x_count{instance="b"} 1',
      'x_count{instance="c",bounds=""} 1',
      'x_count{instance="d"} 1',
    ],
  );
});

Deno.test("summaries with quantiles are untyped when there are several: Fluent Bit needs it", () => {
  const summary = '# TYPE x summary\nx{quantile="0.5"} 1\nx_sum 1\nx_count 1\n';
  assertEquals(mergedText({ a: summary }).split("\n")[0], "# TYPE x summary");
  const texts = { a: summary, b: summary };
  assertEquals(mergedText(texts).split("\n")[0], "# TYPE x untyped");
  assertEquals(mergeFaultsOf(texts), []);
});

Deno.test("a sample that looks like a part of another server's histogram is in conflict with it", () => {
  const histogram =
    '# TYPE x histogram\nx_bucket{le="1"} 1\nx_bucket{le="+Inf"} 1\nx_count 1\nx_sum 1\n';
  const bare = "x_count 7\n";
  assertEquals(merged({ a: histogram, b: bare }).conflicts, [
    { family: "x_count", instance: "b", type: "untyped", kept: "histogram" },
  ]);
  assertEquals(merged({ a: bare, b: histogram }).conflicts, [
    { family: "x", instance: "b", type: "histogram", kept: "untyped" },
  ]);
  assertEquals(mergeFaultsOf({ a: histogram, b: bare }), []);
});

Deno.test("a summary that one server has in a form of its own is not in two places", () => {
  const usual = '# TYPE s summary\ns{quantile="0.5"} 0\ns_count 7\ns_sum 0\n';
  const texts = {
    a: usual,
    b: '# TYPE s summary\ns_count 7\ns_sum 0\ns_count{x="a"} 7\ns_sum{x="a"} 0\n',
    c: usual,
  };
  const result = merged(texts);
  // A strict parser takes no family twice.
  readExposition(result.text);
  assertEquals(seriesOf(result.text), expectedSeries(texts, result));
  assertEquals(result.conflicts.map(({ instance }) => instance), ["b", "b"]);
});

Deno.test("more label names than Fluent Bit takes are counted out", () => {
  const labels = (prefix: string): string =>
    Array.from({ length: 100 }, (_, index) => `${prefix}${index}="1"`).join();
  const texts = {
    a: `# TYPE x gauge\nx{${labels("a")}} 1\n`,
    b: `# TYPE x gauge\nx{${labels("b")}} 1\n`,
  };
  assertEquals(mergeFaultsOf(texts), []);
  assertEquals([...merged(texts).dropped.entries()], [["too_many_labels", 1]]);
});

Deno.test("the captures of vLLM as so many servers lose no sample", () => {
  const texts = Object.fromEntries(
    captures().map((path) => [
      path,
      sanitized(readCapture(path), { format: formatOf(path) }).text,
    ]),
  );
  const result = merged(texts);
  assertEquals(mergeFaultsOf(texts), []);
  assertEquals(lossesBeside("type_conflict", texts), []);
  const expected = expectedSeries(texts, result);
  assertEquals(seriesOf(result.text).join("\n") === expected.join("\n"), true);
  assertEquals(result.samples, expected.length);
  const headers = result.text.match(/^# TYPE \S+/gm) ?? [];
  assertEquals(new Set(headers).size, headers.length);
});

Deno.test("what came before makes no difference to a merge", () => {
  const [one = "", two = "", three = ""] = ["idle", "spec-after-load", "rust-after-load"].map(
    (name) => sanitized(readCapture(`${name}.txt`), { format: formatOf(name) }).text,
  );
  const rounds: Texts[] = [
    { a: one, b: two },
    { a: one, b: two, c: three },
    { b: two, c: three },
    { a: one, b: two, c: three },
    { c: three },
  ];
  const merger = new ExpositionMerger();
  for (const texts of rounds) {
    assert(merged(texts, merger).text === mergedText(texts), "it differs");
  }
});

/** Two to four servers, some of them with the same text. */
function arbitraryTexts(text: fc.Arbitrary<string>): fc.Arbitrary<Texts> {
  return fc.array(text, { minLength: 2, maxLength: 3 }).map((texts) => {
    const [first = ""] = texts;
    return Object.fromEntries([...texts, first].map((each, index) => [`s${index}:80`, each]));
  });
}

Deno.test("whatever comes: Fluent Bit loses nothing of a merge, and the sanitiser changes nothing", () => {
  const rubbish = arbitraryPassage("text").map(({ input }) => decode(input));
  fc.assert(
    fc.property(arbitraryTexts(rubbish), (texts) => assertEquals(mergeFaultsOf(texts), [])),
    { numRuns: 1_000 },
  );
});
