/**
 * Chooses where the standard library comes from: JSR, or its pinned mirror on npm where JSR does not
 * answer. It asks once and remembers the choice in `.std-source/source` (`jsr` or `npm`); remove that
 * folder to make it ask again.
 *
 * Prints the options of `deno` that go with it; every task in `deno.json` passes them on:
 *
 *     deno run $(deno run --no-config -q -R=. -W=.std-source -N=jsr.io tools/std.ts) main.ts
 *
 * `deno.json` and `deno.lock` have what the service needs, since Deno downloads all of that at the
 * first task. With `dev` as an argument it is also what tests, benches and tools need:
 * `npm_imports.json` has the mirror, `dev_imports.json` adds to JSR's, `dev.lock` has the hashes.
 *
 * The lock files are complete for npm, so nothing may change them (`--frozen`). For JSR they are
 * copied into `.std-source`, where Deno adds the hashes of what it gets there first.
 */

const FOLDER = ".std-source";
/** Longest wait for JSR, in milliseconds. */
const JSR_TIMEOUT_MS = 800;

type Source = "jsr" | "npm";

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function askJsr(): Promise<Source> {
  try {
    const response = await fetch("https://jsr.io/@std/assert/meta.json", {
      signal: AbortSignal.timeout(JSR_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok ? "jsr" : "npm";
  } catch {
    // No name, no route, no time: all of them mean "use the mirror".
    return "npm";
  }
}

/** Writes a file into the folder; false in a read-only checkout, where every start asks. */
function remember(name: string, text: string): boolean {
  try {
    Deno.mkdirSync(FOLDER, { recursive: true });
    Deno.writeTextFileSync(`${FOLDER}/${name}`, text);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    if (error instanceof Error && "code" in error && error.code === "EROFS") return false;
    throw error;
  }
}

async function chooseSource(): Promise<Source> {
  const known = readText(`${FOLDER}/source`).trim();
  if (known === "jsr" || known === "npm") return known;
  const source = await askJsr();
  remember("source", `${source}\n`);
  return source;
}

/** The copy of a lock file for JSR, made anew when the lock file has changed. */
function lockForJsr(name: string): string {
  const text = readText(name);
  if (readText(`${FOLDER}/${name}.origin`) === text) return `--lock=${FOLDER}/${name}`;
  const isWritten = remember(name, text) && remember(`${name}.origin`, text);
  return isWritten ? `--lock=${FOLDER}/${name}` : `--lock=${name}`;
}

const isDev = Deno.args[0] === "dev";
const lock = isDev ? "dev.lock" : "deno.lock";
const options = await chooseSource() === "npm"
  ? ["--import-map=tools/npm_imports.json", `--lock=${lock}`, "--frozen"]
  : [...isDev ? ["--import-map=tools/dev_imports.json"] : [], lockForJsr(lock)];
Deno.stdout.writeSync(new TextEncoder().encode(`${options.join(" ")}\n`));
