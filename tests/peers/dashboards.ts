/** Asking `dashboards.py`, which runs SQL in Parseable's query engine. */

import type { Row } from "../parseable/stream_rows.ts";
import { python } from "./python.ts";

/** What became of a query. */
export interface Answer {
  /** Its rows. */
  readonly rows?: Row[];
  /** The engine's words when it failed. */
  readonly error?: string;
}

/**
 * Runs queries.
 *
 * @param tables Rows by the name of the stream.
 * @param queries The queries.
 * @returns An answer each.
 */
export async function ask(
  tables: Readonly<Record<string, readonly Row[]>>,
  queries: readonly string[],
): Promise<Answer[]> {
  const stdout = await python("dashboards.py", JSON.stringify({ tables, queries }));
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}
