import { assertEquals } from "@std/assert";
import { describeForeign, detectFormat, isMarkup } from "../../lib/exposition/format.ts";
import { formatHead, parseHeader, parseSample, type Sample } from "../../lib/exposition/lines.ts";
import {
  escapeHelp,
  escapeLabelValue,
  isMetricName,
  plainName,
  sanitizeLabelName,
  sanitizeMetricName,
  sanitizeTimestamp,
  sanitizeValue,
  unescapeText,
} from "../../lib/exposition/tokens.ts";
import { captures, formatOf, readCapture, sanitized } from "./sanitized.ts";

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test.each<[string, string | undefined]>([
  ["vllm:num_requests_running", "vllm_num_requests_running"],
  ["up", "up"],
  ["a::b", "a_b"],
  ["a:_b", "a_b"],
  ["a_:b", "a_b"],
  [":a", "a"],
  ["a:", "a"],
  ["a_", "a"],
  ["a__b", "a__b"],
  ["_a", "_a"],
  ["inf", "_inf"],
  ["NaN", "_NaN"],
  [":1", "_1"],
  [":", undefined],
  ["_", undefined],
])("the metric name %s becomes %s", (name, expected) => {
  assertEquals(isMetricName(name), true);
  assertEquals(sanitizeMetricName(name), expected);
});

Deno.test("label names keep all but their colons, and no number word", () => {
  assertEquals(
    ["le", "a:b", "inf", "_x", "a.b", "1a", ""].map(sanitizeLabelName),
    ["le", "a_b", "_inf", "_x", undefined, undefined, undefined],
  );
});

Deno.test("quoted names become plain ones as the underscores scheme has it", () => {
  assertEquals(["my.metric", "9lives", "é", "vllm:x"].map(plainName), [
    "my_metric",
    "_9lives",
    "_",
    "vllm:x",
  ]);
});

Deno.test.each<[string, string | undefined]>([
  ["1", "1"],
  ["-0", "-0"],
  ["+5", "+5"],
  ["1.5e-05", "1.5e-05"],
  ["1.1701968896e+010", "1.1701968896e+010"],
  ["5.", "5."],
  [".5", ".5"],
  ["NaN", "NaN"],
  ["-nan", "NaN"],
  ["Infinity", "+Inf"],
  ["-inf", "-Inf"],
  ["1e400", "+Inf"],
  ["-1e400", "-Inf"],
  ["1e-320", "0"],
  ["1e-400", "0"],
  ["0e-400", "0e-400"],
  ["2.225073858507202e-308", "2.225073858507202e-308"],
  ["2.2250738585072012e-308", "2.2250738585072014e-308"],
  ["-2.2250738585072012e-308", "-2.2250738585072014e-308"],
  [`0.${"1".repeat(70)}`, "0.1111111111111111"],
  ["0x1p4", "16"],
  ["-0x1.8p1", "-3"],
  ["0x10", undefined],
  ["1_000", undefined],
  ["1.2.3", undefined],
  ["", undefined],
  ["one", undefined],
])("the value %s becomes %s", (text, expected) => {
  assertEquals(sanitizeValue(text), expected);
});

Deno.test.each<[string, boolean, string | undefined]>([
  ["1395066363000", false, "1395066363000"],
  ["1395066363.5", false, "1395066363500"],
  ["1395066363", true, "1395066363000"],
  ["1395066363.001", true, "1395066363001"],
  ["-5", false, "-5"],
  ["18446744073710", false, undefined],
  ["soon", false, undefined],
])("the timestamp %s (in seconds: %s) becomes %s", (text, seconds, expected) => {
  assertEquals(sanitizeTimestamp(text, seconds), expected);
});

Deno.test("escapes are read leniently and written as every reader takes them", () => {
  assertEquals(unescapeText(String.raw`a\\b\nc\"d\q`, true), 'a\\b\nc"d\\q');
  assertEquals(unescapeText(String.raw`\"`, false), '\\"');
  assertEquals(escapeLabelValue('a\\b\nc"d'), String.raw`a\\b\nc\"d`);
  assertEquals(escapeLabelValue("a\r\nb\rc\0"), String.raw`a\nb\nc` + "\uFFFD");
  assertEquals(escapeHelp('a\\b\n"c"'), String.raw`a\\b\n"c"`);
});

Deno.test.each<[string, unknown]>([
  ["# HELP a b c", { kind: "help", family: "a", help: "b c" }],
  ["# HELP a", { kind: "help", family: "a", help: "" }],
  ['# HELP "my.metric" x', { kind: "help", family: "my_metric", help: "x" }],
  ["#\tTYPE  a\tgauge ", { kind: "type", family: "a", type: "gauge" }],
  ["# TYPE a Gauge extra", { kind: "type", family: "a", type: "gauge" }],
  ["# TYPE a nonsense", "bad_header"],
  ["# TYPE a.b gauge", "bad_header"],
  ["# TYPE", "bad_header"],
  ["# EOF", "comment"],
  ["# UNIT a seconds", "comment"],
  ["# HELPFUL a", "comment"],
  ["#TYPE a gauge", "comment"],
])("the line %s is read as %s", (line, expected) => {
  assertEquals(parseHeader(line, "text"), expected);
});

Deno.test.each<[string, string]>([
  ['a{x="1",} 2', 'a{x="1"} 2\n'],
  ['a { x = "1" , y="2" } 2 5', 'a{x="1",y="2"} 2 5\n'],
  ['{"my.metric", x="1"} 2', 'my_metric{x="1"} 2\n'],
  ['a{x="1"}2 # {id="3"} 0.5', 'a{x="1"} 2\n'],
  ['a{x="1 "2" 3",y="4"} 5', String.raw`a{x="1 \"2\" 3",y="4"} 5` + "\n"],
  ['a{x="C:\\new\\dir"} 1', String.raw`a{x="C:\new\\dir"} 1` + "\n"],
  ['a{x="1",x="2"} 1', "bad_label"],
  ["a{x} 1", "bad_label"],
  ["a-b 1", "bad_name"],
  ["a", "bad_syntax"],
  ["a 1 2 3", "bad_syntax"],
  ["a one", "bad_value"],
  ["a 1 soon", "bad_timestamp"],
])("the sample %s becomes %s", (line, expected) => {
  const sample = parseSample(line, false);
  const textOf = ({ name, labels, value, timestamp }: Sample): string =>
    `${formatHead(name, labels)}${value}${timestamp === undefined ? "" : ` ${timestamp}`}\n`;
  assertEquals(typeof sample === "string" ? sample : textOf(sample), expected);
});

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
  assertEquals(["\uFEFF <html>", "a 1\n"].map((body) => isMarkup(body)), [true, false]);
});

Deno.test("histograms with other bounds are told apart by an empty label on their count", () => {
  const one = 'h_bucket{m="x",le="1"} 1\nh_bucket{m="x",le="+Inf"} 2\nh_sum{m="x"} 3\n';
  const other = 'h_bucket{m="y",le="5"} 1\nh_bucket{m="y",le="+Inf"} 2\nh_sum{m="y"} 3\n';
  const input = `# TYPE h histogram\n${one}h_count{m="x"} 2\n${other}h_count{m="y"} 2\n`;
  const output = `# TYPE h histogram\n${one}h_count{m="x"} 2\n${other}h_count{m="y",bounds=""} 2\n`;
  assertEquals(sanitized(input).text, output);
});

Deno.test("the empty label is one that no reader keeps for itself", () => {
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
