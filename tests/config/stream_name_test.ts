import { assertEquals } from "@std/assert";
import { parseStreamName } from "../../lib/config/values.ts";

Deno.test.each([["vLLMmetrics"], ["vllm_metrics-2"], ["-a"], ["_a"], ["1"], ["Select"], [
  "pstats",
]])(
  "parseStreamName() takes %s, as Parseable does",
  (text) => {
    assertEquals(parseStreamName(text), { ok: true, value: text });
  },
);

// Parseable would store "été", but its reading of X-P-Stream ends at anything beyond ASCII.
Deno.test.each([["with space"], ["a.b"], ["a/b"], ["a:b"], ['a"b'], ["a\nb"], ["été"], ["日本"]])(
  "parseStreamName() refuses %j",
  (text) => {
    assertEquals(parseStreamName(text), {
      ok: false,
      problem: "it has a character that no stream can have in its name. " +
        'Write only letters from A to Z, digits, "-" and "_", as in "vLLMmetrics".',
    });
  },
);

Deno.test.each([["select"], ["from"], ["by"], ["sql"], ["DEFAULT_TENANT"]])(
  "parseStreamName() refuses %s, which Parseable keeps",
  (text) => {
    assertEquals(parseStreamName(text), {
      ok: false,
      problem: 'Parseable keeps that name for itself. Write another, such as "vLLMmetrics".',
    });
  },
);
