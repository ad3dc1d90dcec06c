/** Restarts of a server, detected in its scrapes. */

import { BREAK, FAILED, type Piece } from "./chunk.ts";
import type { Server } from "./queries.ts";

/** A counter that every version of vLLM has, at the latest after the first request. */
const COUNTER = "prompt_tokens_total";

/** The counter, summed over all its series; 0 where it is absent, as before the first request. */
function totalsIn(piece: Piece, ids: readonly number[]): Float64Array {
  const totals = new Float64Array(piece.times.length);
  const column = new Float64Array(piece.times.length);
  for (const id of ids) {
    piece.copy(id, column);
    column.forEach((value, index) => totals[index] = (totals[index] ?? 0) + (value || 0));
  }
  return totals;
}

/**
 * Finds the scrapes at which a server had restarted: its counter fell, or scrapes had failed and
 * the counter does not show the same run. A period without scrapes alone is no restart.
 *
 * @param server The server.
 * @param fromMs Earlier scrapes are ignored, in milliseconds since 1970.
 * @param toMs Later scrapes are ignored.
 * @returns When these scrapes began, ascending, in milliseconds since 1970.
 */
export function restartTimes(server: Server, fromMs: number, toMs: number): number[] {
  const ids = server.table.named(COUNTER).map(({ id }) => id);
  const found: number[] = [];
  let before: number | undefined;
  let wasAway = false;
  for (const piece of server.pieces(COUNTER, fromMs, toMs)) {
    const { times, flags } = piece;
    const totals = totalsIn(piece, ids);
    for (const [index, timeMs] of times.entries()) {
      if (timeMs < fromMs || timeMs > toMs) continue;
      const flag = flags[index] ?? 0;
      if ((flag & FAILED) !== 0) {
        wasAway = true;
        continue;
      }
      const total = totals[index] ?? 0;
      if ((flag & BREAK) !== 0 && before !== undefined) {
        // A counter that goes on shows that only scrapes failed; one at 0 shows nothing.
        if (total < before || (wasAway && before === 0)) found.push(timeMs);
      }
      before = total;
      wasAway = false;
    }
  }
  return found;
}
