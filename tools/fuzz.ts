/**
 * `deno task fuzz`: feeds the sanitiser with rubbish and with damaged captures,
 * and holds what comes out against an independent account of Fluent Bit's
 * decoder. `--seed` repeats a run, `--seconds` bounds it. On a failure it prints
 * the seed and a file with the input, and exits with 1.
 */

import { parseArgs } from "node:util";
import { readAsFluentBit } from "../tests/exposition/fluent_bit_rules.ts";
import { captures, readCapture, sanitized } from "../tests/exposition/sanitized.ts";

const WORDS = [
  ...'\n\n\n\r\t  ""\\\\{}=,:_#\0',
  "# HELP a ",
  "# TYPE a ",
  "counter\n",
  "histogram\n",
  "summary\n",
  "stateset\n",
  'a{x="1"} 1\n',
  'a_bucket{le="1"} 1\n',
  'a_bucket{le="+Inf"} 1\n',
  "a_sum 1\n",
  "a_count 1\n",
  'a{quantile="0.5"} 1\n',
  "vllm:b ",
  "1e400",
  "-1",
  "NaN",
  "\xe9",
];

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    seconds: { type: "string", default: "10" },
  },
});

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

let state = Number(values.seed);
/** A number below `end` (Numerical Recipes' generator). */
function random(end: number): number {
  state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
  return Math.floor((state / 2 ** 32) * end);
}

function words(): Uint8Array<ArrayBuffer> {
  const text = Array.from({ length: random(80) }, () => WORDS[random(WORDS.length)]).join("");
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const names = captures();
function damaged(): Uint8Array<ArrayBuffer> {
  const capture = readCapture(names[random(names.length)] ?? "idle.txt");
  const start = random(capture.length);
  const bytes = capture.slice(start, start + 500 + random(4_000));
  for (let count = random(8); count > 0; count--) bytes[random(bytes.length)] = random(256);
  return bytes;
}

/** What is wrong with the output; undefined when nothing is. */
function fault(input: Uint8Array, format: "text" | "openmetrics"): string | undefined {
  const whole = sanitized(input, { format });
  const cuts = [random(input.length + 1)];
  if (sanitized(input, { format, cuts }).text !== whole.text) return `other bytes, cut at ${cuts}`;
  if (!/^[^#\n]/m.test(whole.text)) return undefined;
  const { result, reason, unread } = readAsFluentBit(whole.bytes);
  return result === "accepted" && !unread ? undefined : `${result} ${reason} unread=${unread}`;
}

const end = performance.now() + Number(values.seconds) * 1_000;
let runs = 0;
for (; performance.now() < end; runs++) {
  const input = runs % 4 === 3 ? damaged() : words();
  const format = random(2) === 0 ? "text" : "openmetrics";
  const found = fault(input, format);
  if (found !== undefined) {
    const file = `fuzz-${values.seed}-${runs}.txt`;
    Deno.writeFileSync(file, input);
    print(
      `FAILED: seed ${values.seed}, run ${runs}, ${format}: ${found}. The input is in ${file}.`,
    );
    Deno.exit(1);
  }
}
print(`fuzz: ${runs} inputs, seed ${values.seed}, no fault`);
