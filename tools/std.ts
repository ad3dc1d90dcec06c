/**
 * Prints the option that makes `deno` take the standard library from npm when
 * JSR does not answer, and nothing when it does. Every task in `deno.json`
 * passes the answer on:
 *
 *     deno run $(deno run --no-config -q --allow-net=jsr.io tools/std.ts) main.ts
 *
 * `npm_imports.json` maps the specifiers of `deno.json` to a pinned npm mirror
 * of the same modules.
 */

/** Longest wait for JSR, in milliseconds: a task may not start noticeably later. */
const JSR_TIMEOUT_MS = 800;

async function jsrAnswers(): Promise<boolean> {
  try {
    const response = await fetch("https://jsr.io/@std/assert/meta.json", {
      signal: AbortSignal.timeout(JSR_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // No name, no route, no time: all of them mean "use the mirror".
    return false;
  }
}

if (!await jsrAnswers()) {
  Deno.stdout.writeSync(new TextEncoder().encode("--import-map=tools/npm_imports.json\n"));
}
