/**
 * `deno task compile`: makes `dist/vllm-metrics`, one file that needs no Deno.
 * `deno compile` takes its runtime (denort) from dl.deno.land, from DENORT_BIN
 * or from Deno's own cache. Where none of them has it, that step is skipped and
 * says so, and the same module graph is bundled and run instead.
 */

const DENORT_URL =
  `https://dl.deno.land/release/v${Deno.version.deno}/denort-${Deno.build.target}.zip`;
/** Longest wait for the server of runtimes, in milliseconds. */
const TIMEOUT_MS = 3_000;
const BINARY = "dist/vllm-metrics";
const BUNDLE = "dist/vllm-metrics.js";

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function run(command: string, args: string[]): Promise<string> {
  const child = new Deno.Command(command, { args, stderr: "inherit", stdout: "piped" });
  const { success, code, stdout } = await child.output();
  if (!success) {
    print(`FAILED: ${command} ${args.join(" ")} (exit ${code})`);
    Deno.exit(1);
  }
  return new TextDecoder().decode(stdout).trim();
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function hasDenort(): Promise<boolean> {
  const binary = Deno.env.get("DENORT_BIN");
  if (binary !== undefined) return isFile(binary);
  const cache = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  const cached = `dl/release/v${Deno.version.deno}/denort-${Deno.build.target}.zip`;
  if (isFile(`${cache}/${cached}`)) return true;
  try {
    const response = await fetch(DENORT_URL, {
      method: "HEAD",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.ok;
  } catch {
    // No name, no route, no time: all of them mean that it cannot be had.
    return false;
  }
}

/** The options of tools/std.ts, and options for `deno compile` such as `--target`. */
const options = Deno.args;
const deno = Deno.execPath();
/** Those of them that say where modules come from. */
const forGraph = options.filter((option) => /^--(?:import-map|lock|frozen)\b/.test(option));

await Deno.mkdir("dist", { recursive: true });
if (await hasDenort()) {
  await run(deno, [
    "compile",
    "-q",
    "-P=serve",
    ...options,
    "-o",
    BINARY,
    "main.ts",
  ]);
  print(`${BINARY}: ${await run(BINARY, ["version"])}`);
} else {
  await run(deno, ["bundle", "-q", ...forGraph, "-o", BUNDLE, "main.ts"]);
  const version = await run(deno, ["run", "-q", "-P=serve", BUNDLE, "version"]);
  print(`${BUNDLE}: ${version}`);
  print("SKIPPED: deno compile (denort not reachable)");
}
