import { assertEquals } from "@std/assert";
import { launcher } from "../../tools/package_program.ts";

/** Prints what it may do. */
const PROGRAM = `
  const may = (name, path) => Deno.permissions.querySync({ name, path }).state === "granted";
  console.log(JSON.stringify({
    args: Deno.args,
    net: may("net"), read: may("read"), env: may("env"), run: may("run"),
    writeData: may("write", "/data/history.db"), writeElsewhere: may("write", "/elsewhere"),
  }));
  Deno.exit(Deno.args.includes("--fail") ? 1 : 0);
`;

/** The npm package as installed, with this Deno in the place of the one from npm. */
async function install(): Promise<AsyncDisposable & { path: string }> {
  const folder = await Deno.makeTempDir();
  const api = `exports.runInstall = () => ${JSON.stringify(Deno.execPath())};`;
  await Deno.mkdir(`${folder}/node_modules/deno`, { recursive: true });
  await Deno.writeTextFile(`${folder}/node_modules/deno/install_api.cjs`, api);
  await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module" }');
  await Deno.writeTextFile(`${folder}/vllm-metrics.js`, PROGRAM);
  const path = `${folder}/vllm-metrics.cjs`;
  await Deno.writeTextFile(path, await launcher("packaging/npm/vllm-metrics.cjs"));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/**
 * Deno runs the launcher in the place of Node, so that this test needs nothing else. Signals, which
 * Deno 2.9.6 reports differently, are covered by packaging/verify.sh.
 */
function launch(path: string, args: readonly string[]): Deno.Command {
  const options = ["run", "-q", "--allow-all", "--no-config", "--node-modules-dir=manual"];
  return new Deno.Command(Deno.execPath(), {
    args: [...options, path, ...args],
    cwd: "/",
    stdin: "null",
    stdout: "piped",
  });
}

function parse(stdout: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(stdout));
}

const SERVE = {
  net: true,
  read: true,
  env: true,
  run: false,
  writeData: true,
  writeElsewhere: false,
};

Deno.test("the npm launcher starts the service with its permissions and its arguments", async () => {
  await using installed = await install();
  const { code, stdout } = await launch(installed.path, ["serve", "a b"]).output();
  assertEquals(code, 0);
  assertEquals(parse(stdout), { args: ["serve", "a b"], ...SERVE });
});

Deno.test("provision may write where the user says", async () => {
  await using installed = await install();
  const { stdout } = await launch(installed.path, ["provision"]).output();
  assertEquals(parse(stdout), { args: ["provision"], ...SERVE, writeElsewhere: true });
});

Deno.test("the npm launcher ends with the exit code of the program", async () => {
  await using installed = await install();
  const { code } = await launch(installed.path, ["check", "--fail"]).output();
  assertEquals(code, 1);
});
