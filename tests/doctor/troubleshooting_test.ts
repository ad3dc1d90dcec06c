import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCommand } from "../../lib/commands/mod.ts";
import { Report } from "../../lib/doctor/check_run.ts";
import { type JsonObject, listOf, objectOf, textOf } from "../../lib/parseable/json.ts";
import { fakeHost } from "../commands/fake_host.ts";
import { type Env, startRows } from "./stages.ts";
import { SYMPTOMS } from "./symptoms.ts";

const DOCUMENT = new URL("../../docs/troubleshooting.md", import.meta.url);

/** The symptoms of the table, in its order. */
async function symptomsInDocs(): Promise<string[]> {
  const text = await Deno.readTextFile(DOCUMENT);
  const cells = text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|")[1]?.trim() ?? "");
  return cells.slice(2);
}

/** Runs `check`; gives the hops. */
async function checked(env: Env): Promise<{ code: number; hops: JsonObject[] }> {
  const stdin = new ReadableStream<Uint8Array<ArrayBuffer>>();
  const { host, output } = fakeHost({ args: ["check", "--json"], stdin });
  const readTextFile = (path: string): string => {
    if (path === ".env") throw new Deno.errors.NotFound();
    return Deno.readTextFileSync(path);
  };
  const code = await runCommand({ ...host, env, now: Date.now, readTextFile });
  return { code, hops: listOf(objectOf(JSON.parse(output().stdout)).hops).map(objectOf) };
}

Deno.test("every row of docs/troubleshooting.md has a case, and every case its row", async () => {
  const rows = await symptomsInDocs();
  assert(rows.length > 20);
  assertEquals(SYMPTOMS.map(([symptom]) => symptom).toSorted(), rows.toSorted());
});

Deno.test("docs/doctor.md names every hop of a whole walk", async () => {
  await using stack = new AsyncDisposableStack();
  const { hops } = await checked(await startRows(stack, { ageSeconds: 1 }));
  const text = await Deno.readTextFile(new URL("../../docs/doctor.md", import.meta.url));
  const names = [...text.matchAll(/^\|[^|]*\| ([^|]+?) +\|/gm)].map(([, name]) => name);
  assertEquals(hops.map(({ name }) => name).filter((name) => !names.includes(textOf(name))), []);
  assertEquals(hops.length, 22);
});

for (const [symptom, hop, words, stage, failed = []] of SYMPTOMS) {
  Deno.test(`check names what is wrong: ${symptom}`, async () => {
    await using stack = new AsyncDisposableStack();
    const { code, hops } = await checked(await stage(stack));
    const all = hops.map(({ name, status }) => `${textOf(name)} ${textOf(status)}`);
    const found = hops[all.indexOf(hop)];
    if (found === undefined) throw new Error(`There is no "${hop}":\n${all.join("\n")}`);
    assertMatch(`${textOf(found.found)} → ${textOf(found.action)}`, words);
    // Nothing else is named than what was broken.
    const others = hops.filter(({ status }) => status === "failed").map(({ name }) => name);
    assertEquals(others, found.status === "failed" ? [found.name, ...failed] : failed);
    assertEquals(code, others.length === 0 ? 0 : 1);
  });
}

Deno.test("what a server says of itself does not steer the terminal", () => {
  const lines = new Report(false).linesOf({
    part: "vLLM",
    name: "models",
    status: "ok",
    found: '"evil\x1b[2J\x9b2J\u202e"',
    action: "Look at \x07it.",
  });
  assertEquals(lines.match(/\p{Cc}/gu), ["\n", "\n", "\n"]);
  assertEquals(lines.includes('"evil?[2J?2J?"'), true);
});
