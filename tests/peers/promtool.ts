/** Prometheus' own judge of expositions. */

/** What `promtool check metrics` said. */
export interface Verdict {
  /** 0 fine, 1 not readable, 3 readable with remarks. */
  readonly code: number;
  /** All it wrote. */
  readonly remarks: string;
}

/**
 * Runs `promtool check metrics`.
 *
 * @param text An exposition.
 * @throws {Error} When promtool is not installed: a check that is left out proves nothing.
 */
export async function promtoolCheck(text: string): Promise<Verdict> {
  const command = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = spawn(command);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, remarks: decoder.decode(stdout) + decoder.decode(stderr) };
}

function spawn(command: Deno.Command): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (error) {
    throw new Error("Cannot run promtool: install Debian's package prometheus", { cause: error });
  }
}
