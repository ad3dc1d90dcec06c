/**
 * Chooses where the standard library comes from: JSR, or its pinned mirror on
 * npm where JSR does not answer. It asks once and writes the choice to
 * `.deno-std` (`jsr` or `npm`); remove that file to make it ask again.
 *
 * Prints the option with the import map, if there has to be one. `deno.json` imports only what the
 * service needs, since Deno downloads all of that at the first task; `dev` as an argument asks for
 * what tests, benches and tools need as well. Every task in `deno.json` passes the option on:
 *
 *     deno run $(deno run --no-config -q -R=.deno-std -W=.deno-std -N=jsr.io tools/std.ts) main.ts
 *
 * `npm_imports.json` has the mirror, `dev_imports.json` adds packages for development to JSR's.
 */

/** Remembers the choice; in the working directory, which is the project's for a task. */
const CHOICE_FILE = ".deno-std";
/** Longest wait for JSR, in milliseconds. */
const JSR_TIMEOUT_MS = 800;

type Source = "jsr" | "npm";

function remembered(): Source | undefined {
  try {
    const text = Deno.readTextFileSync(CHOICE_FILE).trim();
    return text === "jsr" || text === "npm" ? text : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
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

async function choose(): Promise<Source> {
  const known = remembered();
  if (known !== undefined) return known;
  const source = await askJsr();
  try {
    await Deno.writeTextFile(CHOICE_FILE, `${source}\n`);
  } catch (error) {
    // In a read-only checkout every start asks.
    if (!(error instanceof Deno.errors.PermissionDenied) && !isReadOnly(error)) throw error;
  }
  return source;
}

function isReadOnly(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EROFS";
}

const source = await choose();
const map = source === "npm" ? "npm" : Deno.args[0] === "dev" ? "dev" : undefined;
if (map !== undefined) {
  Deno.stdout.writeSync(new TextEncoder().encode(`--import-map=tools/${map}_imports.json\n`));
}
