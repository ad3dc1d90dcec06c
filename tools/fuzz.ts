/**
 * `deno task fuzz`: feeds the sanitiser with rubbish, with damaged expositions
 * and with valid ones, and holds what comes out against an independent account
 * of Fluent Bit's decoder, against a second pass, against other chunks and
 * against what is remembered.
 *
 * `--seed` repeats a run, `--seconds` bounds it, or `--runs` does. On a fault it
 * prints the seed and the smallest input found, which it leaves in a file, and
 * exits with 1.
 */

import { parseArgs } from "node:util";
import fc from "fast-check";
import { faultsOf, type Passage } from "../tests/exposition/faults.ts";
import { arbitraryPassage } from "../tests/exposition/rubbish.ts";

const DEFAULT_SECONDS = 10;
const EXIT_FAULT = 1;
const EXIT_USAGE = 2;

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Reads a whole number from the command line; exits when it is none. */
function wholeNumber(name: string, text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  print(`fuzz: --${name} must be a whole number: "${text}"`);
  Deno.exit(EXIT_USAGE);
}

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    seconds: { type: "string", default: String(DEFAULT_SECONDS) },
    runs: { type: "string" },
  },
});
const seed = wholeNumber("seed", values.seed);
const bound = values.runs === undefined
  ? {
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: wholeNumber("seconds", values.seconds) * 1_000,
  }
  : { numRuns: wholeNumber("runs", values.runs) };

const passages = fc.oneof(arbitraryPassage("text"), arbitraryPassage("openmetrics"));

/** Throws what is wrong, so that it is told with the input. */
function assertFaultless(passage: Passage): void {
  const faults = faultsOf(passage);
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

const { failed, counterexample, errorInstance, numRuns } = fc.check(
  fc.property(passages, assertFaultless),
  { seed, ...bound, markInterruptAsFailure: false },
);
if (failed && counterexample !== null) {
  const [{ input, before, cuts, format }] = counterexample;
  const file = `fuzz-${seed}.txt`;
  Deno.writeFileSync(file, input);
  Deno.writeFileSync(`fuzz-${seed}-before.txt`, before);
  const fault = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  print(`fuzz: FAULT after ${numRuns} inputs, seed ${seed}: ${fault}`);
  print(
    `fuzz: the input is in ${file}, taken for ${format}, cut at shares [${cuts}] of its length;`,
  );
  print(`fuzz: what is remembered is of fuzz-${seed}-before.txt`);
  Deno.exit(EXIT_FAULT);
}
print(`fuzz: ${numRuns} inputs, seed ${seed}, no fault`);
