/** Which requests ended well. */

import { clientDisconnects } from "./client_disconnects.ts";
import { add, divide, type Line } from "./line.ts";
import type { Scope } from "./scope.ts";

/** Ends that nobody wants; all others are the answer's own (`stop`, `length`, `repetition`). */
const FAILED_REASONS = ["error", "abort"];

/**
 * The share of ended requests that neither failed nor were given up. Clients that disconnect from the
 * Python front end count as given up.
 *
 * @param scope Where to look.
 * @returns Shares from 0 to 1; undefined when there is no such series.
 */
export function successShare(scope: Scope): Line | undefined {
  const ends = scope.rates("request_success_total", ["finished_reason"]);
  const well = ends.filter(({ labels }) => !FAILED_REASONS.includes(labels.finished_reason ?? ""));
  if (ends.length === 0) return undefined;
  const [good, counted] = [well, ends].map((series) => add(series.map(({ values }) => values)));
  const disconnects = clientDisconnects(scope);
  const all = add([counted ?? [], ...disconnects === undefined ? [] : [disconnects]]);
  return divide(good ?? [], all);
}
