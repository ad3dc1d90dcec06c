/** How the history is fed and kept, read from `SCRAPE_INTERVAL` and the `HISTORY_*` settings. */

import { accept } from "./parsed.ts";
import { HISTORY_RANGE, SCRAPE_INTERVAL_RANGE } from "./ranges.ts";
import type { SettingReader } from "./setting_reader.ts";
import { parseDuration } from "./values.ts";

/** How the history is fed and kept. */
export interface HistoryConfig {
  /** Time from one scrape to the next, in milliseconds. */
  readonly intervalMs: number;
  /** The path of the file that keeps it; absent when it is kept in memory only. */
  readonly file?: string;
  /** How long the file keeps it, in milliseconds. */
  readonly retentionMs: number;
}

/**
 * Reads how the history is fed and kept.
 *
 * @param reader Gives the settings, and takes mistakes.
 * @returns The frozen configuration; undefined after a mistake.
 */
export function readHistory(reader: SettingReader): HistoryConfig | undefined {
  const intervalMs = reader.plain(
    "SCRAPE_INTERVAL",
    (text) => parseDuration(text, SCRAPE_INTERVAL_RANGE),
  );
  const file = reader.plain("HISTORY_FILE", accept);
  const retentionMs = reader.plain(
    "HISTORY_RETENTION",
    (text) => parseDuration(text, HISTORY_RANGE),
  );
  if (intervalMs === undefined || retentionMs === undefined) return undefined;
  return Object.freeze({ intervalMs, ...(file === undefined ? {} : { file }), retentionMs });
}
