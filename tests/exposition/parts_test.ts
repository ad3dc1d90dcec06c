import { assertEquals } from "@std/assert";
import { describeForeign, detectFormat, isMarkup } from "../../lib/exposition/format.ts";
import { captures, encode, formatOf, readCapture, sanitized } from "./sanitized.ts";

/** The first word of what a line becomes, or why it is dropped. */
function becomes(line: string, format: "text" | "openmetrics" = "text"): string {
  const { text, dropped } = sanitized(`${line}\n`, { format });
  return text.trimEnd() || Object.keys(dropped).join();
}

Deno.test.each([
  ["vllm:num_requests_running", "vllm_num_requests_running"],
  ["a::b", "a_b"],
  ["a:_b", "a_b"],
  [":a", "a"],
  ["a:", "a"],
  ["a_", "a"],
  ["a__b", "a__b"],
  ["_a", "_a"],
  ["inf", "_inf"],
  ["NaN", "_NaN"],
  [":1", "_1"],
  [":", "bad_name"],
  ['{"my.metric"}', "my_metric"],
  ['{"9lives"}', "_9lives"],
])("the metric name %s becomes %s", (name, expected) => {
  assertEquals(becomes(`${name} 1`).replace(/ 1$/, ""), expected);
});

Deno.test.each([
  ["-0", "-0"],
  ["+5", "+5"],
  ["1.5e-05", "1.5e-05"],
  ["1.1701968896e+010", "1.1701968896e+010"],
  ["5.", "5."],
  [".5", ".5"],
  ["-nan", "NaN"],
  ["Infinity", "+Inf"],
  ["-inf", "-Inf"],
  ["1e400", "+Inf"],
  ["1e-320", "0"],
  ["0e-400", "0e-400"],
  ["2.225073858507202e-308", "2.225073858507202e-308"],
  ["-2.2250738585072012e-308", "-2.2250738585072014e-308"],
  [`0.${"1".repeat(70)}`, "0.1111111111111111"],
  ["0x1p4", "16"],
  ["-0x1.8p1", "-3"],
  ["0x10", "bad_value"],
  ["1_000", "bad_value"],
  ["1.2.3", "bad_value"],
])("the value %s becomes %s", (text, expected) => {
  assertEquals(becomes(`a ${text}`).replace(/^a /, ""), expected);
});

Deno.test.each(
  [
    ["1395066363000", "text", "1395066363000"],
    ["1395066363.5", "text", "1395066363500"],
    ["1395066363", "openmetrics", "1395066363000"],
    ["-5", "text", "-5"],
    ["18446744073710", "text", "bad_timestamp"],
    ["soon", "text", "bad_timestamp"],
  ] as const,
)("the timestamp %s in %s becomes %s", (text, format, expected) => {
  assertEquals(becomes(`a 1 ${text}`, format).replace(/^a 1 /, ""), expected);
});

Deno.test.each([
  ['a{x="1",} 2', 'a{x="1"} 2'],
  ['a { x = "1" , y="2" } 2 5', 'a{x="1",y="2"} 2 5'],
  ['{"my.metric", x="1"} 2', 'my_metric{x="1"} 2'],
  ['a{x="1"}2 # {id="3"} 0.5', 'a{x="1"} 2'],
  ['a{x="1 "2" 3",y="4"} 5', String.raw`a{x="1 \"2\" 3",y="4"} 5`],
  ['a{x="C:\\new\\dir"} 1', String.raw`a{x="C:\new\\dir"} 1`],
  ['a{x="1\0"} 1', 'a{x="1\uFFFD"} 1'],
  ['a{a:b="1",inf="2"} 1', 'a{a_b="1",_inf="2"} 1'],
  ['a{x="1",x="2"} 1', "bad_label"],
  ["a{x} 1", "bad_label"],
  ["a-b 1", "bad_name"],
  ["a", "bad_syntax"],
  ["a 1 2 3", "bad_syntax"],
  ["#\tTYPE  a\tGauge extra", "# TYPE a gauge"],
  ['# HELP "my.metric" x\\"\\n', '# HELP my_metric x\\\\"\\n'],
  ["# TYPE a nonsense", "bad_header"],
  ["# TYPE a.b gauge", "bad_header"],
  ["# TYPE", "bad_header"],
  ["# HELPFUL a", ""],
])("the line %s becomes %s", (line, expected) => assertEquals(becomes(line), expected));

Deno.test("every capture tells its format without a Content-Type", () => {
  for (const path of captures()) {
    const bytes = readCapture(path);
    assertEquals(detectFormat("", bytes), formatOf(path), path);
    assertEquals(detectFormat("application/openmetrics-text; version=1.0.0", bytes), "openmetrics");
    assertEquals(detectFormat("text/plain; version=0.0.4", bytes), "text");
  }
});

Deno.test("what is no exposition is named", () => {
  const bodies = ["", "<!doctype html>", ' {"detail": "Not Found"}', "It works!\nReally."];
  assertEquals(bodies.map((body) => describeForeign(encode(body), true)), [
    "an empty body",
    "an HTML or XML page",
    "JSON",
    'text without a sample, which begins with "It works!"',
  ]);
  assertEquals(["\uFEFF <html>", "a 1\n"].map(isMarkup), [true, false]);
});

Deno.test("the label that tells histograms with other bounds apart is one that nobody else has", () => {
  const labels = 'bounds="x",bounds_="y"';
  const one = `h_bucket{${labels},le="1"} 1\nh_bucket{${labels},le="+Inf"} 2\nh_sum{${labels}} 3\n`;
  const other = one.replaceAll('le="1"', 'le="5"').replaceAll('"x"', '"z"');
  const count = `h_count{${labels}} 2\n`;
  const input = `# TYPE h histogram\n${one}${count}${other}${count.replace('"x"', '"z"')}`;
  const output =
    `# TYPE h histogram\n${one}${count}${other}h_count{bounds="z",bounds_="y",bounds__=""} 2\n`;
  assertEquals(sanitized(input).text, output);
  assertEquals(sanitized(output).text, output);
});

Deno.test("created samples of OpenMetrics become a family of their own", () => {
  const input = "# TYPE a counter\n# HELP a An a.\na_total 1\na_created 1.5\n# EOF\n";
  assertEquals(
    sanitized(input).text,
    "# HELP a_total An a.\n# TYPE a_total counter\na_total 1\n" +
      "# HELP a_created An a.\n# TYPE a_created gauge\na_created 1.5\n",
  );
});
