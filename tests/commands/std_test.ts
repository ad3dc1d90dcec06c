import { assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import mirror from "../../tools/npm_imports.json" with { type: "json" };

const SCRIPT = new URL("../../tools/std.ts", import.meta.url).pathname;
const MIRROR = "--import-map=tools/npm_imports.json\n";

/** A folder of a checkout, and a proxy through which alone JSR can be reached. */
class Checkout implements AsyncDisposable {
  /** How often JSR was asked for. */
  requests = 0;
  readonly #proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #folder = Deno.makeTempDirSync();
  readonly #refusing = this.#refuse();

  /** Runs tools/std.ts as the tasks do; gives what it prints. */
  async choose(): Promise<string> {
    const permissions = ["-R=.deno-std", "-W=.deno-std", "-N=jsr.io"];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "-q", ...permissions, SCRIPT],
      cwd: this.#folder,
      env: { HTTPS_PROXY: `http://127.0.0.1:${this.#proxy.addr.port}`, NO_PROXY: "" },
      stdin: "null",
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    return new TextDecoder().decode(stdout);
  }

  get file(): string {
    return `${this.#folder}/.deno-std`;
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

Deno.test("a choice made earlier holds, and anything else in the file is decided anew", async () => {
  await using checkout = new Checkout();
  await Deno.writeTextFile(checkout.file, "jsr\n");
  assertEquals(await checkout.choose(), "");
  assertEquals(checkout.requests, 0);
  await Deno.writeTextFile(checkout.file, "");
  assertEquals(await checkout.choose(), MIRROR);
  assertEquals(await Deno.readTextFile(checkout.file), "npm\n");
});

Deno.test("both sources have an exact version of every import", () => {
  const standard = Object.entries(config.imports).filter(([name]) => name.startsWith("@std/"));
  for (const [name, target] of standard) {
    assertMatch(target, /^jsr:@std\/[a-z]+@\d+\.\d+\.\d+(?:\/[\w-]+)?$/, name);
  }
  // No package: the runtime's own parser stands in for @std/dotenv.
  const { "@std/dotenv/parse": dotenv, ...packages } = mirror.imports;
  assertEquals(dotenv, "./dotenv_parse.ts");
  for (const [name, target] of Object.entries(packages)) {
    assertMatch(target, /^npm:(?:@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+(?:\/[\w./-]+)?$/, name);
  }
});

Deno.test("tasks that run the service have the permissions of serve, and never prompt", () => {
  const { start, demo, dev, cli } = config.tasks;
  for (const { command } of [start, demo, dev]) {
    assertMatch(
      command,
      /--no-prompt --allow-net --allow-read --allow-env --allow-write=data,\/data,\/var\/lib\/vllm-metrics main\.ts/,
    );
  }
  assertMatch(
    cli.command,
    /--no-prompt --allow-net --allow-read --allow-env --allow-write main\.ts/,
  );
});
