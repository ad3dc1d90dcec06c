/** One service a history file: another one would give the same numbers to other series. */

import { MetricsError } from "../errors.ts";

/**
 * Takes the file for this process, however that ends: the system lets go of the lock with it. The
 * lock is on an empty file beside, since SQLite's own locks must not meet others on its file
 * (sqlite.org/howtocorrupt.html, 2.2), and others may read it.
 *
 * @param path Where the file is; it must be there.
 * @returns Holds the lock; dispose it when the file is closed.
 * @throws {MetricsError} `HISTORY_FILE_TAKEN` when another process holds it.
 * @throws {Error} What the runtime throws when it cannot be written beside the file.
 */
export function lockFile(path: string): Disposable {
  // Two names of one file have one lock.
  const lock = Deno.openSync(`${Deno.realPathSync(path)}-lock`, { write: true, create: true });
  try {
    if (lock.tryLockSync(true)) return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
  lock.close();
  throw new MetricsError(
    "HISTORY_FILE_TAKEN",
    `Cannot use the history "${path}": another service keeps its own there`,
    { hint: "Give each a file of its own, or end the other one and start this one again." },
  );
}
