import { assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import dev from "../../tools/dev_imports.json" with { type: "json" };
import mirror from "../../tools/npm_imports.json" with { type: "json" };

const SCRIPT = new URL("../../tools/std.ts", import.meta.url).pathname;
const MIRROR = "--import-map=tools/npm_imports.json --lock=deno.lock --frozen\n";
const JSR = "--lock=.std-source/deno.lock\n";

/** A folder of a checkout, and a proxy through which alone JSR can be reached. */
class Checkout implements AsyncDisposable {
  /** How often JSR was asked for. */
  requests = 0;
  readonly #proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #folder = Deno.makeTempDirSync();
  readonly #refusing = this.#refuse();

  /** Runs tools/std.ts as the tasks do; gives what it prints. */
  async choose(...args: string[]): Promise<string> {
    const permissions = ["-R=.", "-W=.std-source", "-N=jsr.io"];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "-q", ...permissions, SCRIPT, ...args],
      cwd: this.#folder,
      env: { HTTPS_PROXY: `http://127.0.0.1:${this.#proxy.addr.port}`, NO_PROXY: "" },
      stdin: "null",
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    return new TextDecoder().decode(stdout);
  }

  path(name: string): string {
    return `${this.#folder}/${name}`;
  }

  async #refuse(): Promise<void> {
    for await (const connection of this.#proxy) {
      this.requests++;
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#proxy.close();
    await this.#refusing;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("where JSR does not answer, tasks use the mirror, and later starts ask nobody", async () => {
  await using checkout = new Checkout();
  assertEquals(await checkout.choose(), MIRROR);
  const asked = checkout.requests;
  assertEquals(asked > 0, true, "JSR was asked");
  assertEquals(await checkout.choose(), MIRROR);
  assertEquals(checkout.requests, asked);
});

Deno.test("a choice made earlier holds, and anything else in its file is decided anew", async () => {
  await using checkout = new Checkout();
  await Deno.mkdir(checkout.path(".std-source"));
  await Deno.writeTextFile(checkout.path(".std-source/source"), "jsr\n");
  await Deno.writeTextFile(checkout.path("deno.lock"), "{}");
  assertEquals(await checkout.choose(), JSR);
  assertEquals(checkout.requests, 0);
  await Deno.writeTextFile(checkout.path(".std-source/source"), "");
  assertEquals(await checkout.choose(), MIRROR);
  assertEquals(await Deno.readTextFile(checkout.path(".std-source/source")), "npm\n");
});

Deno.test("with JSR, Deno writes hashes into a copy of the lock file, which follows the lock file", async () => {
  await using checkout = new Checkout();
  await Deno.mkdir(checkout.path(".std-source"));
  await Deno.writeTextFile(checkout.path(".std-source/source"), "jsr\n");
  const copied = (): Promise<string> => Deno.readTextFile(checkout.path(".std-source/deno.lock"));
  await Deno.writeTextFile(checkout.path("deno.lock"), "one");
  await checkout.choose();
  assertEquals(await copied(), "one");
  await Deno.writeTextFile(checkout.path(".std-source/deno.lock"), "one and hashes of JSR");
  await checkout.choose();
  assertEquals(await copied(), "one and hashes of JSR");
  await Deno.writeTextFile(checkout.path("deno.lock"), "two");
  await checkout.choose();
  assertEquals(await copied(), "two");
  assertEquals(
    await checkout.choose("dev"),
    "--import-map=tools/dev_imports.json --lock=.std-source/dev.lock\n",
  );
});

Deno.test("both sources have an exact version of every import, and the same imports", () => {
  const jsr: Record<string, string> = dev.imports;
  for (const [name, target] of [...Object.entries(jsr), ...Object.entries(mirror.imports)]) {
    // No package of npm has @std/dotenv: the runtime's own parser stands in for it.
    if (target === "./dotenv_parse.ts") continue;
    assertMatch(target, /^(?:jsr|npm):(?:@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+(?:\/[\w./-]+)?$/, name);
  }
  const bare = Object.keys(jsr).filter((name) => name !== "@std/http");
  assertEquals(bare.sort(), Object.keys(mirror.imports).sort());
  for (const [name, target] of Object.entries(config.imports)) {
    assertEquals(jsr[name], target, name);
  }
});

/** The npm packages of a lock file, with their hashes. */
async function lockedPackages(name: string): Promise<Record<string, unknown>> {
  const text = await Deno.readTextFile(new URL(`../../${name}`, import.meta.url));
  return JSON.parse(text).npm;
}

Deno.test("the service downloads none of the packages that only tests and tools need", async () => {
  const [few = {}, many = {}] = await Promise.all(["deno.lock", "dev.lock"].map(lockedPackages));
  for (const [name, entry] of Object.entries(few)) assertEquals(many[name], entry, name);
  const forTests = /playwright|axe-core|fast-check|sqlparser|ajv|yaml|fflate/;
  const names = [...Object.keys(few), ...Object.keys(config.imports)];
  assertEquals(names.filter((name) => forTests.test(name)), []);
  const { start, demo, dev, cli, test } = config.tasks;
  for (const { command } of [start, demo, dev, cli]) assertMatch(command, / tools\/std\.ts\) /);
  assertMatch(test.command, / tools\/std\.ts dev\) /);
});
