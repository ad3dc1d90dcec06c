import { assertEquals } from "@std/assert";
import { readAsFluentBit } from "./fluent_bit_rules.ts";
import { sanitized } from "./sanitized.ts";

/** Outputs are made anew with UPDATE_GOLDEN=1; a change shows in review. */
const UPDATE = Deno.env.get("UPDATE_GOLDEN") === "1";
const OUTPUTS = new URL("../testdata/golden/decoder-cases.json", import.meta.url);
const CASES = new URL("../testdata/decoder-cases.jsonl", import.meta.url);

/** A recorded answer of Fluent Bit 5.1.1. */
interface DecoderCase {
  readonly id: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fluentBit: string;
}

function field(record: object, name: string): string | undefined {
  const value: unknown = Object.entries(record).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : undefined;
}

function readCases(): DecoderCase[] {
  return Deno.readTextFileSync(CASES).trimEnd().split("\n").map((line) => {
    const record: unknown = JSON.parse(line);
    if (typeof record !== "object" || record === null) throw new TypeError(line);
    const base64 = field(record, "inputBase64");
    const bytes = base64 === undefined
      ? new TextEncoder().encode(field(record, "input") ?? "")
      : Uint8Array.fromBase64(base64);
    return { id: field(record, "id") ?? "", fluentBit: field(record, "fluentBit") ?? "", bytes };
  });
}

/** Tells whether a text holds a sample. */
function hasSample(text: string): boolean {
  return /^[^#\n]/m.test(text);
}

const cases = readCases();
const outputs: Record<string, { output: string; dropped: Record<string, number> }> = UPDATE
  ? {}
  : JSON.parse(Deno.readTextFileSync(OUTPUTS));

Deno.test("the account of Fluent Bit's decoder gives its recorded answer to every case", () => {
  assertEquals(cases.length, 93);
  const answers = cases.map(({ id, bytes }) => [id, readAsFluentBit(bytes).result]);
  assertEquals(answers, cases.map(({ id, fluentBit }) => [id, fluentBit]));
});

for (const { id, bytes, fluentBit } of cases) {
  Deno.test(`${id} (${fluentBit} as it is) is handed out so that Fluent Bit reads all of it`, () => {
    const { bytes: output, text, dropped } = sanitized(bytes, { format: "text" });
    if (UPDATE) outputs[id] = { output: text, dropped };
    assertEquals({ output: text, dropped }, outputs[id]);
    const { result, unread, reason } = readAsFluentBit(output);
    const expected = hasSample(text) ? "accepted" : "scrape lost";
    assertEquals({ result, unread }, { result: expected, unread: false }, reason);
  });
}

if (UPDATE) {
  Deno.test("the outputs are written", () => {
    Deno.writeTextFileSync(OUTPUTS, `${JSON.stringify(outputs, null, 2)}\n`);
    assertEquals(Object.keys(outputs).length, cases.length);
  });
}
