/** When a server began anew, as its scrapes tell it. */

import { BREAK, FAILED, type Rows } from "./block.ts";
import type { Server } from "./lines.ts";

/** A counter that every version of vLLM has, at the latest after the first request. */
const COUNTER = "prompt_tokens_total";

/** The counter in a block, all series together; not read before somebody asks. */
class Totals {
  readonly #server: Server;
  readonly #rows: Rows;
  #totals: Float64Array | undefined;

  constructor(server: Server, rows: Rows) {
    this.#server = server;
    this.#rows = rows;
  }

  /** The total at a row; 0 where the counter is absent, as it is before the first request. */
  at(row: number): number {
    this.#totals ??= this.#read();
    return this.#totals[row] ?? 0;
  }

  #read(): Float64Array {
    const totals = new Float64Array(this.#rows.length);
    const column = new Float64Array(this.#rows.length);
    for (const { id } of this.#server.table.named(COUNTER)) {
      this.#rows.copy(id, column, 0);
      column.forEach((value, row) => totals[row] = (totals[row] ?? 0) + (value || 0));
    }
    return totals;
  }
}

/** A scrape that went well. */
interface Seen {
  readonly totals: Totals;
  readonly row: number;
}

/** Whether the server that is seen now is another run of it than the one seen before. */
function isAnew(before: Seen, now: Seen, wasAway: boolean): boolean {
  const counted = before.totals.at(before.row);
  if (now.totals.at(now.row) < counted) return true;
  // A counter that goes on tells that only the scrapes failed. One at nothing tells nothing.
  return wasAway && counted === 0;
}

/**
 * Finds the scrapes at which a server was back or had begun anew: its counter fell, or scrapes had
 * failed and the counter does not show that it is the same run. A gap in which nobody scraped is
 * none by itself. Values are read only around rows that have a mark, which most hours have not.
 *
 * @param server The server.
 * @param fromMs No scrape before this one is looked at, in milliseconds since 1970.
 * @param toMs Nor behind this one.
 * @returns When these scrapes began, ascending, in milliseconds since 1970.
 */
export function restartTimes(server: Server, fromMs: number, toMs: number): number[] {
  const found: number[] = [];
  let before: Seen | undefined;
  let wasAway = false;
  for (const rows of server.pieces(fromMs, toMs)) {
    const { times, flags } = rows;
    const totals = new Totals(server, rows);
    for (const [row, timeMs] of times.entries()) {
      if (timeMs < fromMs || timeMs > toMs) continue;
      const flag = flags[row] ?? 0;
      if ((flag & FAILED) !== 0) {
        wasAway = true;
        continue;
      }
      const now = { totals, row };
      if ((flag & BREAK) !== 0 && before && isAnew(before, now, wasAway)) found.push(timeMs);
      before = now;
      wasAway = false;
    }
  }
  return found;
}
