/** Asking `dashboards.py`, which runs SQL in Parseable's query engine. */

import type { Row } from "../parseable/stream_rows.ts";

/** What became of a query. */
export interface Answer {
  /** Its rows. */
  readonly rows?: Row[];
  /** The engine's words when it failed. */
  readonly error?: string;
}

/**
 * Runs queries. Fails, never skips: a Python without the engine says in its own words what is missing.
 *
 * @param tables Rows by the name of the stream.
 * @param queries The queries.
 * @returns An answer each.
 */
export async function ask(
  tables: Readonly<Record<string, readonly Row[]>>,
  queries: readonly string[],
): Promise<Answer[]> {
  const script = new URL("dashboards.py", import.meta.url).pathname;
  const python = new Deno.Command(Deno.env.get("PEER_PYTHON") ?? "python3", {
    args: [script],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  await using child = python.spawn();
  const output = child.output();
  const input = new TextEncoder().encode(JSON.stringify({ tables, queries }));
  try {
    await ReadableStream.from([input]).pipeTo(child.stdin);
  } catch (error) {
    // It ended early; why, it says itself.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  const { success, stdout, stderr } = await output;
  if (!success) throw new Error(`Cannot run dashboards.py: ${new TextDecoder().decode(stderr)}`);
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}
