import { assertEquals } from "@std/assert";
import { ShapeMemory } from "../../lib/exposition/shape_memory.ts";
import { readAsFluentBit } from "./fluent_bit_rules.ts";
import { captures, formatOf, readCapture, sanitized } from "./sanitized.ts";

/**
 * Golden outputs are made anew with UPDATE_GOLDEN=1. Captures of the Python
 * front end need none: their output is the input with its colons replaced.
 */
const UPDATE = Deno.env.get("UPDATE_GOLDEN") === "1";
const GOLDEN = new URL("../testdata/golden/", import.meta.url);

/** Captures whose output differs from the input in more than colons. */
const REWRITTEN = [
  "mounted-openmetrics.txt",
  "rust-after-load.txt",
  "rust-dp2-unescaped.txt",
  "rust-idle.txt",
];

/** What the output of a Python capture must be, said in another way. */
function renamed(text: string): string {
  return text.replace(/^(# (?:HELP|TYPE) )?vllm:/gm, "$1vllm_");
}

for (const path of captures().filter((path) => !REWRITTEN.includes(path))) {
  Deno.test(`${path} comes out as it went in, but for the colons of its names`, () => {
    const input = readCapture(path);
    const { text, bytes, dropped } = sanitized(input, { format: formatOf(path) });
    assertEquals(text, renamed(new TextDecoder().decode(input)));
    assertEquals(bytes.length, input.length);
    assertEquals(dropped, {});
  });
}

for (const path of REWRITTEN) {
  Deno.test(`${path} comes out as its golden file`, () => {
    const { text, dropped } = sanitized(readCapture(path), { format: formatOf(path) });
    const golden = new URL(path, GOLDEN);
    if (UPDATE) Deno.writeTextFileSync(golden, text);
    assertEquals(text, Deno.readTextFileSync(golden));
    assertEquals(dropped, {});
  });
}

for (const path of captures()) {
  Deno.test(`Fluent Bit reads all of ${path}`, () => {
    const { bytes, text } = sanitized(readCapture(path), { format: formatOf(path) });
    const { result, reason, unread } = readAsFluentBit(bytes);
    assertEquals({ result, reason, unread }, { result: "accepted", reason: "", unread: false });
    assertEquals(/^(?:# (?:HELP|TYPE) )?[^ {]*:/m.test(text), false);
  });
}

Deno.test("a second scrape that takes the fast way gives the same bytes", () => {
  for (const path of captures()) {
    const memory = new ShapeMemory();
    const input = readCapture(path);
    const options = { format: formatOf(path), memory };
    const first = sanitized(input, options);
    const families = new TextDecoder().decode(input).match(/^# TYPE /gm)?.length ?? 0;
    assertEquals(memory.size, formatOf(path) === "text" ? families : 0, path);
    const second = sanitized(input, options);
    assertEquals(second.text, first.text, path);
    assertEquals(second.samples, first.samples, path);
  }
});

Deno.test("a series of scrapes of one server gives the same bytes as each by itself", () => {
  for (const folder of ["series", "pressure-series", "dp2-series", "restart"]) {
    const memory = new ShapeMemory();
    for (const path of captures().filter((path) => path.startsWith(`${folder}/`))) {
      const input = readCapture(path);
      assertEquals(sanitized(input, { memory }).text, sanitized(input).text, path);
    }
  }
});

Deno.test("the unescaped model name of the Rust front end is the one of the Python front end", () => {
  const modelOf = (path: string): string | undefined => {
    const { text } = sanitized(readCapture(path), { format: formatOf(path) });
    return /^vllm_num_requests_running\{.*model_name="((?:[^"\\]|\\.)*)"/m.exec(text)?.[1];
  };
  assertEquals(modelOf("rust-dp2-unescaped.txt"), modelOf("weird-after-load.txt"));
  assertEquals(modelOf("weird-after-load.txt")?.startsWith('acme/we\\"ird\\\\mo\tdel\\nx'), true);
});
