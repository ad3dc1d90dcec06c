/** Scripts for the Python that `PEER_PYTHON` names. */

/**
 * Runs a script of this folder.
 *
 * @param script Its file name.
 * @param input What it reads from standard input.
 * @returns What it wrote to standard output.
 * @throws {Error} With what it wrote to standard error, when it failed.
 */
export async function python(script: string, input: string): Promise<string> {
  const command = Deno.env.get("PEER_PYTHON") ?? "python3";
  const path = new URL(script, import.meta.url).pathname;
  const child = new Deno.Command(command, {
    args: [path],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
  return new TextDecoder().decode(stdout);
}
