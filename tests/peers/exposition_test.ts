import { assert, assertEquals } from "@std/assert";
import { aliasStep, nameStep } from "../../lib/exposition/names.ts";
import { captures, formatOf, readCapture, sanitized } from "../exposition/sanitized.ts";
import { promtoolCheck } from "./promtool.ts";
import { python } from "./python.ts";

/** Texts that no parser can read before they are sanitised, or whose types it refuses. */
const UNREADABLE = ["rust-dp2-unescaped.txt", "mounted-openmetrics.txt"];

/** Remarks of promtool that are on vLLM's and Python's own choice of names. */
const ALLOWED_REMARKS = [
  /counter metrics should have "_total" suffix/,
  /non-counter metrics should not have "_total" suffix/,
  /non-histogram and non-summary metrics should not have "_(?:count|sum|bucket)" suffix/,
  /metric names should not contain abbreviated units/,
  /use base unit/,
  /no help text/,
];

Deno.test("Python's prometheus_client reads the same samples from input and output", async () => {
  const names = captures().filter((path) => !UNREADABLE.includes(path));
  const lines = names.map((name) => {
    const input = readCapture(name);
    const { text: output } = sanitized(input, { format: formatOf(name) });
    const text = new TextDecoder().decode(input);
    return JSON.stringify({ name, format: formatOf(name), input: text, output });
  });
  const answers = (await python("exposition_oracle.py", lines.join("\n"))).trimEnd().split("\n");
  assertEquals(answers.length, names.length);
  for (const answer of answers) {
    const { name, samples, difference } = JSON.parse(answer);
    assertEquals(difference, [], name);
    assert(samples > 80, `${name}: ${samples} samples`);
  }
});

Deno.test("promtool reads vLLM's own names, both names, and those of older and newer vLLM", async () => {
  for (const path of ["during-load-c40.txt", "old011-hidden-lora-after-load.txt"]) {
    const { text } = sanitized(readCapture(path));
    const aliases = aliasStep({ style: "underscore", hasAliases: true });
    const whole = `${aliases?.push(text)}${aliases?.end()}`;
    for (const style of ["underscore", "colon", "both"] as const) {
      const step = nameStep(style);
      const { code, remarks } = await promtoolCheck(step ? step.push(whole) + step.end() : whole);
      assert(code === 0 || code === 3, `${path}, ${style}: ${remarks}`);
    }
  }
});

Deno.test("promtool reads every output and remarks on nothing but names that are vLLM's", async () => {
  for (const path of captures().filter((path) => !/-(0[3-9]|[1-9][0-9])\.txt$/.test(path))) {
    const { text } = sanitized(readCapture(path), { format: formatOf(path) });
    const { code, remarks } = await promtoolCheck(text);
    assert(code === 0 || code === 3, `${path}: ${remarks}`);
    const others = remarks.split("\n").filter((remark) =>
      remark !== "" && !ALLOWED_REMARKS.some((allowed) => allowed.test(remark))
    );
    assertEquals(others, [], path);
  }
});
