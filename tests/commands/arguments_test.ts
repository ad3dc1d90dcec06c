import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../lib/commands/mod.ts";
import { runCommand } from "../../lib/commands/mod.ts";
import { fakeHost } from "./fake_host.ts";

/** Runs a command that reads nothing. */
async function call(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { host, output } = fakeHost({ args, stdin: ReadableStream.from([]) });
  return { code: await runCommand(host), ...output() };
}

for (const { name, summary, options } of COMMANDS) {
  Deno.test(`${name} --help prints its own options and nothing else`, async () => {
    const { code, stdout, stderr } = await call(name, "--help");
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, `vllm-metrics ${name}: ${summary}\n`);
    for (const option of options) assertMatch(stdout, new RegExp(`^  --${option.name}\\b`, "m"));
    assertEquals(stdout.split("\n").filter((line) => line.length > 80), []);
    const shown = [...stdout.matchAll(/^ {2}--([\w-]+)/gm)].map(([, option]) => option);
    assertEquals(shown, options.map((option) => option.name));
    assertEquals(await call("help", name), { code, stdout, stderr });
    assertEquals(await call(name, "-h"), { code, stdout, stderr });
  });

  Deno.test(`${name} refuses an option and a word that it does not know with 2`, async () => {
    for (const args of [["--port", "9"], ["--port=9"], ["-x"], ["extra"]]) {
      const { code, stdout, stderr } = await call(name, ...args);
      assertEquals([code, stdout], [2, ""], args.join(" "));
      assertMatch(stderr, new RegExp(`^vllm-metrics ${name}: there is no [^\\n]+\\n$`));
    }
  });
}

Deno.test.each<[args: string[], sentence: string]>([
  [["check", "--jsn"], 'there is no option "--jsn". Did you mean "--json"?'],
  [["version", "extra"], 'there is no argument "extra". There is --json.'],
  [["version", "--jsno"], 'there is no option "--jsno". Did you mean "--json"?'],
  [["top", "--windw", "5m"], 'there is no option "--windw". Did you mean "--window"?'],
  [["top", "--window"], '--window needs a value, such as "5m".'],
  [["top", "--model"], "--model needs a value."],
  [["top", "--model", "--json"], '--model needs a value. Write --model=--json if "--json" is it.'],
  [["check", "--watch=1"], '--watch takes no value: "1".'],
  [
    ["provision", "--export", "--force"],
    '--export needs a value. Write --export=--force if "--force" is it.',
  ],
  [["help", "tpo"], 'there is no command "tpo". Did you mean "top"?'],
  [
    ["serve", "--port", "9"],
    'there is no option "--port". Settings come from the environment or .env: see vllm-metrics help.',
  ],
])("%j is refused with one sentence", async ([command = "", ...args], sentence) => {
  const { code, stdout, stderr } = await call(command, ...args);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(stderr, `vllm-metrics ${command}: ${sentence}\n`);
});

Deno.test("all wrong arguments are reported at once", async () => {
  const { code, stderr } = await call("top", "--once=1", "--nope", "--window", "7", "--url", "x");
  assertEquals([code, stderr.trimEnd().split("\n").length], [2, 4]);
});

Deno.test("version --json has the version, its commit, the runtime and what was tested", async () => {
  const { code, stdout } = await call("version", "--json");
  assertEquals(code, 0);
  const { version, runtime, commit, tested } = JSON.parse(stdout);
  // null in a checkout; filled in where git archive made it.
  assertMatch(String(commit), /^(?:null|[0-9a-f]{40})$/);
  assertEquals(Object.keys(tested), ["vllm", "fluentBit", "parseable"]);
  assertMatch(version, /^\d+\.\d+\.\d+$/);
  assert(runtime !== "");
});
