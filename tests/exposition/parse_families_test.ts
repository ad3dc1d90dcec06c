import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Family, FamilyMemo, parseFamilies } from "../../lib/exposition/family.ts";
import { SanitizerStream } from "../../lib/exposition/sanitizer.ts";
import { readExposition } from "./reader.ts";
import { arbitraryPassage } from "./rubbish.ts";
import { captures, decode, encode, formatOf, readCapture, sanitized } from "./sanitized.ts";

/** Families as plain values. */
function plain(families: readonly Family[]): unknown[] {
  return families.map(({ name, type, help = "", series, values }) => ({
    name,
    type,
    help,
    samples: series.map(({ name, labels }, index) => ({
      name,
      labels: Object.fromEntries(labels),
      value: values[index],
    })),
  }));
}

/** The same as an independent reader finds them. */
function expected(text: string): unknown[] {
  return readExposition(text, { repeats: true }).map((family) => ({
    name: family.name,
    type: family.type ?? "untyped",
    help: family.help ?? "",
    samples: family.samples.map(({ name, labels, value }) => ({
      name,
      labels: Object.fromEntries(labels),
      value,
    })),
  }));
}

Deno.test("parseFamilies reads what an independent reader finds in every sanitized capture", () => {
  const memo = new FamilyMemo();
  for (const path of captures()) {
    const { bytes, text } = sanitized(readCapture(path));
    const wanted = expected(text);
    for (const pass of ["first", "second"]) {
      assertEquals(plain(parseFamilies(bytes, memo)), wanted, `${path}, ${pass}`);
    }
    assertEquals(plain(parseFamilies(bytes)), wanted, path);
  }
});

Deno.test("parseFamilies reads the captures as vLLM sent them", () => {
  const memo = new FamilyMemo();
  for (const path of captures()) {
    const format = formatOf(path);
    const values = (families: readonly Family[]): string[] =>
      families.flatMap(({ series, values }) =>
        series.map((one, index) =>
          JSON.stringify([one.name, one.labels.toSorted(), String(values[index])])
        )
      ).toSorted();
    const raw = values(parseFamilies(readCapture(path), memo, format));
    assertEquals(raw, values(parseFamilies(sanitized(readCapture(path), { format }).bytes)), path);
  }
});

Deno.test("parseFamilies gives the same series while only numbers change", () => {
  const memo = new FamilyMemo();
  const text = (count: string): string =>
    `# HELP a A.\n# TYPE a gauge\na{x="1"} ${count}\n# TYPE b counter\nb 1\nb{x="2"} ${count}\n`;
  const [first] = [parseFamilies(encode(text("1")), memo)];
  for (const value of ["2.5", "-7", "NaN", "+Inf", "-Inf", "1.7954922402930465e+09", "0.1"]) {
    const next = parseFamilies(encode(text(value)), memo);
    const number = Number(value.replace("Inf", "Infinity"));
    assertEquals(next.map(({ values }) => [...values]), [[number], [1, number]]);
    for (const [index, family] of next.entries()) {
      assertStrictEquals(family.series, first?.[index]?.series);
    }
  }
  const other = parseFamilies(encode(text("3").replace('"1"', '"9"')), memo);
  assert(other[0]?.series !== first?.[0]?.series);
  assertStrictEquals(other[1]?.series, first?.[1]?.series);
});

Deno.test("parseFamilies finds the same with and without a memo, whatever comes in", () => {
  const property = fc.property(arbitraryPassage("text"), ({ input, before }) => {
    const memo = new FamilyMemo();
    parseFamilies(before, memo);
    const wanted = JSON.stringify(plain(parseFamilies(input)));
    for (let pass = 0; pass < 2; pass++) {
      assertEquals(JSON.stringify(plain(parseFamilies(input, memo))), wanted);
    }
  });
  fc.assert(property, { numRuns: 500 });
});

Deno.test("SanitizerStream gives what the sanitizer gives, and fails on what is no exposition", async () => {
  for (const path of ["idle.txt", "rust-idle.txt"]) {
    const bytes = readCapture(path);
    const stream = new SanitizerStream({ format: formatOf(path) });
    const chunks = Array.from(
      { length: Math.ceil(bytes.length / 1_000) },
      (_, index) => bytes.slice(index * 1_000, index * 1_000 + 1_000),
    );
    const text = await new Response(ReadableStream.from(chunks).pipeThrough(stream)).text();
    const whole = sanitized(bytes, { format: formatOf(path) });
    assertEquals(text, decode(whole.bytes));
    assertEquals(stream.dropped.total, 0);
  }
  const source = { label: "http://vllm/metrics", mayQuote: true };
  const page = new Response("<html>\nvllm:up 1\n").body?.pipeThrough(
    new SanitizerStream({ source }),
  );
  const error = await new Response(page).text().catch(String);
  assertEquals(
    error.split(". ")[0],
    'MetricsError: Cannot read "http://vllm/metrics": the server sent an HTML or XML page',
  );
});
