/** Has V8 collect garbage at once. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/**
 * Collects all garbage. V8 does so by itself when the heap has grown by a share of
 * the memory of the machine; of the limit of a container it knows nothing.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    const gc: unknown = runInNewContext("gc");
    collect = typeof gc === "function" ? (): void => void gc() : (): void => {};
  }
  collect();
}
