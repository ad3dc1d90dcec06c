/** Scripts for the Python that `PEER_PYTHON` names. */

/**
 * Runs a script. Fails, never skips: a Python that lacks a package says so in its own words.
 *
 * @param script Its path, from this folder.
 * @param input What it reads from standard input.
 * @param args Its arguments.
 * @returns What it wrote to standard output.
 * @throws {Error} With what it wrote to standard error, when it failed.
 */
export async function python(
  script: string,
  input: string,
  args: readonly string[] = [],
): Promise<string> {
  const command = new Deno.Command(Deno.env.get("PEER_PYTHON") ?? "python3", {
    args: [new URL(script, import.meta.url).pathname, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  await using child = command.spawn();
  const output = child.output();
  try {
    await ReadableStream.from([new TextEncoder().encode(input)]).pipeTo(child.stdin);
  } catch (error) {
    // It ended early; why, it says itself.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  const { success, stdout, stderr } = await output;
  if (!success) throw new Error(`Cannot run ${script}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}
