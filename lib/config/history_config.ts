/** How the history is fed, read from `SCRAPE_INTERVAL`. */

import { SCRAPE_INTERVAL_RANGE } from "./setting_list.ts";
import type { SettingReader } from "./setting_reader.ts";
import { parseDuration } from "./values.ts";

/** How the history is fed and kept. */
export interface HistoryConfig {
  /** Time from one scrape to the next, in milliseconds. */
  readonly intervalMs: number;
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
  if (intervalMs === undefined) return undefined;
  return Object.freeze({ intervalMs });
}
