import { assertEquals } from "@std/assert";
import { asFluentBitReads, contentOf, type Series, seriesOf } from "./content.ts";
import { type Point, readAsFluentBit } from "./fluent_bit_rules.ts";
import { assertGoldenJson } from "./golden.ts";
import { hasSamples, lossesOf } from "./faults.ts";
import { readExposition } from "./reader.ts";
import { type Bytes, encode, sanitized, testdata } from "./sanitized.ts";

/** A recorded answer of Fluent Bit 5.1.1 to a text. */
interface DecoderCase {
  readonly id: string;
  readonly fluentBit: "accepted" | "scrape lost" | "process exits";
  readonly input: string;
  readonly inputBase64?: string;
  readonly series?: readonly string[];
}

/** Accepted texts that Fluent Bit misreads as they stand: the sanitiser has to mend them. */
const MISREAD: Record<string, string> = {
  "46_hist_noinf": "takes the last bucket for the one of +Inf that lacks",
  "49_hist_diffbuckets_more": "takes the bounds of the first label set for all",
  "55_hist_shuffled": "counts nothing in +Inf when the count stands before the buckets",
  "61_summary_quantile_first": "loses the labels behind the quantile",
  "74_help_nodoc_nospace_sample": "takes the sample below a HELP without text for its text",
  "b2_hist_bucket_nan": "makes up a count for NaN",
  "b3_hist_count_inf": "takes an infinite count for 0",
  "d2_counter_dup_higher": "takes the last of two samples of one series",
  "d4_hist_count_sum_order_missing_count": "counts nothing when the count lacks",
  "d6_hist_dup_family": "takes a family that comes twice for two",
  "e9_nul_in_label": "cuts a label value at NUL",
};

/** Where the record cuts a series off. */
const RECORDED_CHARACTERS = 189;

const cases: DecoderCase[] = Deno.readTextFileSync(testdata("decoder-cases.jsonl"))
  .trimEnd().split("\n").map((line) => JSON.parse(line));

function bytesOf({ input, inputBase64 }: DecoderCase): Bytes {
  return inputBase64 === undefined ? encode(input) : Uint8Array.fromBase64(inputBase64);
}

/** A point as the record writes it: `name{labels} = value`. */
function pointText(point: Point): string {
  const labels = [...point.labels].map(([name, value]) => `${name}="${value}"`);
  const head = point.name + (labels.length === 0 ? "" : `{${labels.join()}}`);
  if (point.parts === undefined) return `${head} = ${point.value}`;
  const parts = point.parts.map(([part, value]) => `${part}=${value}`).join(", ");
  const kind = point.type === "histogram" ? "buckets" : "quantiles";
  return `${head} = { ${kind} = { ${parts} }, sum=${point.sum}, count=${point.count} }`;
}

/** Spells numbers and bytes of label values in one way. */
function normalized(series: readonly string[]): string[] {
  const words = /"[^"]*"|[+-]?(?:inf(?:inity)?|nan)\b|[+-]?[0-9][0-9.]*(?:e[+-]?[0-9]+)?/gi;
  return series.map((text) =>
    text.slice(0, RECORDED_CHARACTERS).replace(words, (word) => {
      // deno-lint-ignore no-control-regex
      if (word.startsWith('"')) return word.replace(/[^\x00-\x7f]+/g, "?");
      const number = Number(word.replace(/inf$/i, "Infinity"));
      // The record has histograms with six digits.
      return Number.isNaN(number) ? "NaN" : String(Number(number.toPrecision(6)));
    })
  ).toSorted();
}

function withoutHeaders(series: readonly Series[]): unknown[] {
  return series.map(({ name, labels, value }) => ({ name, labels, value }));
}

Deno.test("readAsFluentBit agrees with the recorded answer on every case", () => {
  assertEquals(cases.length, 93);
  for (const each of cases) {
    const { result, points } = readAsFluentBit(bytesOf(each));
    assertEquals(result, each.fluentBit, each.id);
    assertEquals(normalized(points.map(pointText)), normalized(each.series ?? []), each.id);
  }
});

Deno.test("Sanitizer turns every case into its golden text", () => {
  const outputs = cases.map((each) => {
    const { text, dropped } = sanitized(bytesOf(each));
    return [each.id, { output: text.split("\n").slice(0, -1), dropped }];
  });
  assertGoldenJson("decoder-cases.json", Object.fromEntries(outputs));
});

for (const each of cases.filter(({ fluentBit }) => fluentBit === "accepted")) {
  const misread = MISREAD[each.id];
  const title = misread === undefined ? "keeps what is read" : `mends what Fluent Bit ${misread}`;
  Deno.test(`Sanitizer ${title}: ${each.id}`, () => {
    const before = readAsFluentBit(bytesOf(each));
    const after = readAsFluentBit(sanitized(bytesOf(each)).bytes);
    assertEquals({ ...after, points: [] }, { ...before, points: [] });
    const [was, is] = [before, after].map(({ points }) => withoutHeaders(seriesOf(points)));
    assertEquals(JSON.stringify(was) === JSON.stringify(is), misread === undefined);
  });
}

Deno.test("Sanitizer hands a strict reader what Fluent Bit reads, for every case", () => {
  for (const each of cases) {
    const { text, bytes } = sanitized(bytesOf(each));
    const { result, points, unread } = readAsFluentBit(bytes);
    if (!hasSamples(text)) continue;
    assertEquals({ result, unread }, { result: "accepted", unread: false }, each.id);
    // A gauge that appears twice is no valid text, but it is not the sanitiser's to choose.
    if (["41_dup_sample", "a1_type_after_samples"].includes(each.id)) continue;
    const content = contentOf(readExposition(text));
    assertEquals(seriesOf(points), asFluentBitReads(content), each.id);
  }
});

for (const each of cases.filter(({ fluentBit }) => fluentBit !== "accepted")) {
  Deno.test(`Sanitizer mends or drops what costs the scrape, and no neighbour: ${each.id}`, () => {
    const neighbours = each.input.match(/^(?:good|later|b|c) [0-9]+$/gm) ?? [];
    const { text, bytes, dropped } = sanitized(bytesOf(each));
    const lines = text.split("\n");
    assertEquals(neighbours.filter((line) => !lines.includes(line)), []);
    assertEquals(lossesOf(bytes), []);
    const sampleLines = each.input.split("\n").filter((line) => /^[^#\s]/.test(line)).length;
    const losses = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    assertEquals(hasSamples(text) || losses > 0 || sampleLines === 0, true, "gone uncounted");
  });
}
