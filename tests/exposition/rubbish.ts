/** Arbitrary input that is no exposition, or that was one once. */

import fc from "fast-check";
import type { Format } from "../../lib/exposition/types.ts";
import type { Passage } from "./faults.ts";
import { type Bytes, captures, decode, encode, formatOf, readCapture } from "./sanitized.ts";

/** What means something in the formats, or looks as if. */
const WORDS = [
  ...'\n\n\n\n\r\t    ""\\\\{}=,:_#\0',
  ...["# HELP a ", "# TYPE a ", "#  TYPE  a ", '# TYPE "a" ', "# TYPE vllm:a ", "# HELP a_count "],
  ...["counter\n", "histogram\n", "summary\n", "gauge\n", "info\n", "Gauge\n", "gauge x\n"],
  ...["stateset\n", "gaugehistogram\n", "\r\n", "# EOF\n", "# UNIT a b\n", "\ufeff", "é", "<p>\n"],
  ...[
    'a{x="1"} 1\n',
    'a_bucket{le="1"} 1\n',
    'a_bucket{le="+Inf"} 1\n',
    "a_sum 1\n",
    "a_count 1\n",
  ],
  ...['a{quantile="0.5"} 1\n', "vllm:a 1\n", "vllm_a 2\n", "a::b 1\n", "a_ 1\n", "inf 1\n"],
  ...["1e400", "1e-320", "-1", "NaN", "0x1p4", "1 2 3", "1395066363.5", ' # {t="x"} 1'],
];

const NAMES = [
  "h",
  "s",
  "a",
  "vllm:h",
  "vllm_h",
  "h_sum",
  "h_count",
  "h_bucket",
  "s_bucket",
  "a__b",
];
const TYPES = [
  "histogram",
  "summary",
  "gauge",
  "counter",
  "untyped",
  "info",
  "gaugehistogram",
  "x",
];
const LABELS = ["", 'm="x"', 'm="y"', 'n="1",m="z"', 'm="w",n="2"', 'm=""', 'a:b="1"', 'k="a\nb"'];
const BOUNDS = [["0.1"], ["0.1", "1"], ["1"], [], ["2", "1"], ["1e-310"], ["1", "1.0"]];
const VALUES = ["1", "2.5", "-3", "NaN", "+Inf", "7 5", "1e+09", "18446744073709551616", "x"];

function block(labels: readonly string[]): string {
  const present = labels.filter((label) => label !== "");
  return present.length === 0 ? "" : `{${present.join()}}`;
}

/** Lines of one label set, as of a histogram or summary; some are gone, some have another place. */
const labelSet = fc.record({
  name: fc.constantFrom(...NAMES),
  labels: fc.constantFrom(...LABELS),
  bounds: fc.constantFrom(...BOUNDS),
  isSummary: fc.boolean(),
  count: fc.constantFrom(...VALUES),
  order: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 3 }),
  isInOrder: fc.nat(3),
}).map(({ name, labels, bounds, isSummary, count, order, isInOrder }) => {
  const parts = isSummary
    ? bounds.map((bound) => `${name}${block([labels, `quantile="${bound}"`])} 3\n`)
    : [...bounds, "+Inf"].map((bound) => `${name}_bucket${block([labels, `le="${bound}"`])} 4\n`);
  const all = [
    ...parts,
    `${name}_count${block([labels])} ${count}\n`,
    `${name}_sum${block([labels])} 9\n`,
  ];
  const kept = isInOrder === 0 ? order : [0, 1, 2, 3, 4];
  return kept.flatMap((index) => all[index] ?? []).join("");
});

const header = fc.tuple(
  fc.constantFrom("# TYPE", "# TYPE", "# TYPE", "#  TYPE", "# HELP"),
  fc.constantFrom(" ", " ", " ", "  ", "\t"),
  fc.constantFrom(...NAMES, '"h"'),
  fc.constantFrom(...TYPES),
).map(([keyword, gap, name, type]) => `${keyword}${gap}${name} ${type}\n`);

const line = fc.tuple(
  fc.constantFrom(...NAMES, "inf", "_", "é"),
  fc.subarray(LABELS, { maxLength: 2 }),
  fc.constantFrom(...VALUES),
  fc.constantFrom("\n", "\n", "\n", "\r\n", ""),
).map(([name, labels, value, end]) => `${name}${block(labels)} ${value}${end}`);

const families = fc.array(fc.oneof(labelSet, labelSet, header, header, line), { maxLength: 12 })
  .map((pieces) => pieces.join(""));
const words = fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }).map((all) => all.join(""));

const paths = captures().filter((path) => !path.includes("/"));

/** Some families of a capture. */
function excerpt(format: Format): fc.Arbitrary<string> {
  const pieces = paths.filter((path) => formatOf(path) === format).flatMap((path) =>
    decode(readCapture(path)).split(/(?=^# HELP)/m)
  );
  const short = pieces.filter(({ length }) => length < 4_000);
  return fc.array(fc.constantFrom(...short), { minLength: 1, maxLength: 4 })
    .map((all) => all.join(""));
}

const edit = fc.record({
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  gone: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(40)),
  new: fc.oneof(
    fc.uint8Array({ maxLength: 2 }),
    fc.constantFrom(...WORDS).map(encode),
  ),
});

/** Bytes with some of them replaced, inserted or cut out. */
function damaged(text: fc.Arbitrary<string>): fc.Arbitrary<Bytes> {
  return fc.tuple(text, fc.array(edit, { maxLength: 6 })).map(([whole, edits]) => {
    let bytes: readonly number[] = [...encode(whole)];
    for (const { share, gone, new: added } of edits) {
      bytes = bytes.toSpliced(Math.floor(share * bytes.length), gone, ...added);
    }
    return Uint8Array.from(bytes);
  });
}

function arbitraryInput(format: Format): fc.Arbitrary<Bytes> {
  return fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => bytes.slice()),
    words.map(encode),
    families.map(encode),
    damaged(families),
    damaged(excerpt(format)),
  );
}

/** The same lines with other numbers, as at the scrape before. */
function renumbered(bytes: Bytes): Bytes {
  let count = 0;
  return encode(decode(bytes).replace(/ [0-9.]+$/gm, () => ` ${VALUES[count++ % VALUES.length]}`));
}

/** Gives rubbish, and expositions that took damage. */
export function arbitraryPassage(format: Format): fc.Arbitrary<Passage> {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const pair = arbitraryInput(format).chain((input) => {
    const before = fc.constantFrom(input, renumbered(input));
    const other = damaged(fc.constant(decode(input)));
    return fc.tuple(fc.constant(input), fc.oneof(before, other));
  });
  return fc.tuple(pair, fc.array(share, { maxLength: 6 }))
    .map(([[input, before], cuts]) => ({ input, before, cuts, format }));
}
