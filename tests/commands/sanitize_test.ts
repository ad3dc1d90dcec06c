import { assert, assertEquals, assertMatch } from "@std/assert";
import { sanitize } from "../../lib/commands/sanitize.ts";
import { capture, captureNames, serveCapture, startService } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { fakeHost } from "./fake_host.ts";
import { run } from "./process.ts";

const encoder = new TextEncoder();
const OPENMETRICS = '# TYPE a counter\na_total 1 # {b="c"} 1\n# EOF\n';

/** Runs the command in this process, on the chunks of a text. */
async function sanitized(
  chunks: Iterable<Uint8Array<ArrayBuffer>>,
  args: string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { host, output } = fakeHost({ args, stdin: ReadableStream.from(chunks) });
  return { code: await sanitize.run(host), ...output() };
}

Deno.test.each(captureNames())("sanitize gives for %s what /metrics gives", async (name) => {
  await using vllm = serveCapture(name);
  await using service = startService(vllm.origin);
  const served = await (await service.get("/metrics")).text();
  const { bytes, contentType } = capture(name);
  for (const args of contentType.includes("openmetrics") ? [[], ["--openmetrics"]] : [[]]) {
    const { code, stdout } = await sanitized([bytes.slice()], args);
    assertEquals(code, 0);
    assert(stdout === served, `${name}: the texts differ`);
  }
});

Deno.test("sanitize gives the same whatever pieces its input comes in", async () => {
  for (const name of ["nostats-after-load", "rust-idle"]) {
    const { bytes } = capture(name);
    const whole = await sanitized([bytes.slice()]);
    for (const size of [1, 7, 100, 4_096]) {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
      const { code, stdout } = await sanitized(pieces);
      assertEquals(code, 0);
      assert(stdout === whole.stdout, `${name} in pieces of ${size} bytes differs`);
    }
  }
});

Deno.test("sanitize --openmetrics says what the input does not", async () => {
  // OpenMetrics counts time in seconds, text 0.0.4 in milliseconds.
  const text = encoder.encode("a 1 1700000000\n");
  const plain = await sanitized([text.slice()]);
  assertEquals(plain, { code: 0, stdout: "a 1 1700000000\n", stderr: "" });
  const forced = await sanitized([text.slice()], ["--openmetrics"]);
  assertEquals(forced, { code: 0, stdout: "a 1 1700000000000\n", stderr: "" });
});

Deno.test.each([
  ["an HTML page", "<!doctype html>\n<p>Log in</p>\n", "an HTML or XML page"],
  ["an HTML page with a sample in it", "\n<pre>\nvllm:up 1\n</pre>\n", "an HTML or XML page"],
  ["JSON", '{"a": 1}\n', "JSON"],
  ["nothing", "", "an empty body"],
  ["white space", " \n", "an empty body"],
  [
    "comments",
    "# HELP vllm:up Up.\n",
    'text without a sample, which begins with "# HELP vllm:up Up."',
  ],
])("sanitize ends with 1 for %s and writes none of it", async (_, text, what) => {
  const { code, stdout, stderr } = await sanitized(text === "" ? [] : [encoder.encode(text)]);
  assertEquals([code, stdout], [1, ""]);
  assertEquals(stderr, `vllm-metrics sanitize: the input is ${what}\n`);
});

Deno.test("/metrics refuses what sanitize refuses", async () => {
  const page = "\n<pre>\nvllm:up 1\n</pre>\n";
  await using vllm = serveHttp(() => new Response(page));
  await using service = startService(vllm.origin);
  const response = await service.get("/metrics");
  await response.text();
  assertEquals([response.status, (await sanitized([encoder.encode(page)])).code], [502, 1]);
});

Deno.test("sanitize tells on standard error what it left out", async () => {
  const { code, stdout, stderr } = await sanitized([encoder.encode("a 1\nb x\nc y\nd{ 1\ne 1\n")]);
  assertEquals([code, stdout], [0, "a 1\ne 1\n"]);
  assertEquals(
    stderr,
    "vllm-metrics sanitize: left out 2 line(s): bad_value\n" +
      "vllm-metrics sanitize: left out 1 line(s): bad_label\n",
  );
});

Deno.test("sanitize refuses a wrong argument with 2", async () => {
  for (const args of [["--openmetric"], ["file.txt"], ["--openmetrics=yes"]]) {
    const { code, stdout, stderr } = await sanitized([encoder.encode("a 1\n")], args);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^vllm-metrics sanitize: [^\n]+\n$/);
  }
});

Deno.test("sanitize is a filter between two pipes", async () => {
  const { bytes } = capture("idle");
  const [piped, forced] = await Promise.all([
    run(["sanitize"], { stdin: bytes }),
    run(["sanitize", "--openmetrics"], { stdin: encoder.encode(OPENMETRICS) }),
  ]);
  assertEquals([piped.code, piped.stderr], [0, ""]);
  assertEquals(piped.stdout, (await sanitized([bytes.slice()])).stdout);
  assertEquals(forced, { code: 0, stdout: "# TYPE a_total counter\na_total 1\n", stderr: "" });
});

Deno.test("a reader that has seen enough ends sanitize without a stack trace", async () => {
  // More than a pipe holds: it is still writing when its reader has gone.
  const line = encoder.encode(`vllm:a{b="${"x".repeat(1_000)}"} 1\n`);
  const stdin = new Uint8Array(line.length * 5_000);
  for (let at = 0; at < stdin.length; at += line.length) stdin.set(line, at);
  const { code, stdout, stderr } = await run(["sanitize"], { stdin, readBytes: 10 });
  assertEquals([code, stderr], [0, ""]);
  assert(stdout.startsWith('vllm_a{b="'));
});

const HISTOGRAM = '# TYPE vllm:h histogram\nvllm:h_bucket{le="1"} 1\nvllm:h_bucket{le="+Inf"} 2\n';

Deno.test.each<[what: string, input: string, read: number, written: number, notes: string]>([
  ["nothing", "# TYPE a gauge\na 1\n", 1, 1, "as it is"],
  ["a name", "# TYPE vllm:a gauge\nvllm:a 1\n", 1, 1, "renamed to vllm_a"],
  [
    "a type of OpenMetrics",
    "# TYPE a unknown\na 1\n# EOF\n",
    1,
    1,
    "unknown becomes untyped: as text 0.0.4 calls it",
  ],
  [
    "a histogram without bounds",
    '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1\n',
    3,
    3,
    "histogram becomes untyped: Fluent Bit would read it wrong",
  ],
  [
    "a histogram without sum and count",
    HISTOGRAM,
    2,
    4,
    "renamed to vllm_h; 2 added or with labels in another order",
  ],
  [
    "buckets in another order",
    '# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_bucket{le="1"} 1\nh_count 2\nh_sum 1\n',
    4,
    4,
    "put in order",
  ],
  ["a spelling", "# TYPE a gauge\na 0x1p4\n", 1, 1, "numbers, times or blanks are rewritten"],
  ["samples alone", "a 1\n", 1, 1, "has neither HELP nor TYPE"],
  [
    "lines that cannot be used",
    '# TYPE a counter\na -1\na{x="1"} 1\na b c\n',
    2,
    1,
    "1 dropped: a counter below zero; 1 dropped: a value that is not a number",
  ],
  [
    "creation times",
    "# TYPE a counter\na_total 1\na_created 2\n# EOF\n",
    2,
    2,
    "renamed to a_total; _created becomes the family a_created; " +
    "1 not sent to backends: BACKEND_COMPLETE is not set",
  ],
])("sanitize --explain tells what becomes of %s", async (_, input, read, written, notes) => {
  const { code, stdout, stderr } = await sanitized([encoder.encode(input)], ["--explain"]);
  assertEquals([code, stderr], [0, ""]);
  const [, row = "", , total] = stdout.split("\n");
  assertEquals(row.trim().split(/ {2,}/).slice(1), [String(read), `${written}`, notes]);
  const changed = notes === "as it is" ? 0 : 1;
  assertEquals(
    total,
    `1 families, ${changed} of them changed; ${read} samples read, ${written} written.`,
  );
});

Deno.test("sanitize --explain tells what METRICS_DROP leaves out, and refuses what is no exposition", async () => {
  const input = "# TYPE a_x gauge\na_x 1\n# TYPE b gauge\nb 1\n";
  const args = ["sanitize", "--explain"];
  const filtered = await run(args, { stdin: encoder.encode(input), env: { METRICS_DROP: "a_*" } });
  assertEquals(filtered.code, 0);
  assertMatch(filtered.stdout, /^a_x +1 +0 {2}1 filtered: METRICS_DROP or METRICS_KEEP$/m);
  assertMatch(filtered.stdout, /^b +1 +1 {2}as it is$/m);
  const wrong = await run(args, { stdin: encoder.encode(input), env: { METRICS_DROP: "a b" } });
  assertEquals(wrong.code, 2);
  const page = await sanitized([encoder.encode("<html>\na 1\n")], ["--explain"]);
  assertEquals(page, {
    code: 1,
    stdout: "",
    stderr: "vllm-metrics sanitize: the input is an HTML or XML page\n",
  });
});
