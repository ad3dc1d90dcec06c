/** `vllm-metrics sanitize`: standard input to standard output, the way `/metrics` does it. */

import { parseArgs } from "node:util";
import { describeForeign, detectFormat } from "../exposition/format.ts";
import { Sanitizer } from "../exposition/sanitizer.ts";
import { EXIT, type Host } from "./host.ts";

const EMPTY = new Uint8Array(0);

/**
 * Sanitises one exposition. What was left out is told on standard error.
 *
 * @param host The process; `--openmetrics` forces the format.
 * @returns 0, or 1 when the input is no exposition, or 2 on a wrong argument.
 */
export async function sanitize(host: Host): Promise<number> {
  let openmetrics: boolean;
  try {
    const { values } = parseArgs({
      args: [...host.args],
      options: { openmetrics: { type: "boolean", default: false } },
    });
    openmetrics = values.openmetrics;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    host.printError(`vllm-metrics sanitize: ${error.message}\n`);
    return EXIT.badConfig;
  }
  let sanitizer: Sanitizer | undefined;
  let head = EMPTY;
  const writer = host.stdout.getWriter();
  try {
    for await (const chunk of host.stdin) {
      sanitizer ??= new Sanitizer({
        format: openmetrics ? "openmetrics" : detectFormat("", chunk),
      });
      if (head.length === 0) head = chunk.slice(0, 1_024);
      await writer.write(sanitizer.push(chunk, false));
    }
    if (sanitizer !== undefined) await writer.write(sanitizer.push(EMPTY, true));
  } finally {
    writer.releaseLock();
  }
  if (sanitizer === undefined || sanitizer.samples === 0) {
    host.printError(`vllm-metrics sanitize: the input is ${describeForeign(head)}\n`);
    return EXIT.failed;
  }
  for (const [reason, lines] of sanitizer.dropped.entries()) {
    host.printError(`vllm-metrics sanitize: left out ${lines} line(s): ${reason}\n`);
  }
  return EXIT.ok;
}
