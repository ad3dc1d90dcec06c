/** How fast answers should be, read from the `SLO_*` settings. */

import type { SettingReader } from "./setting_reader.ts";

/** The operator's goals. */
export interface Goals {
  /** For the time to first token, in seconds. */
  readonly ttftSeconds: number;
  /** For the mean time of each further token, in seconds. */
  readonly tpotSeconds: number;
}

/** Reads the goals. */
export function readGoals(reader: SettingReader): Goals | undefined {
  const ttftMs = reader.get("SLO_TTFT");
  const tpotMs = reader.get("SLO_TPOT");
  if (ttftMs === undefined || tpotMs === undefined) return undefined;
  return Object.freeze({ ttftSeconds: ttftMs / 1_000, tpotSeconds: tpotMs / 1_000 });
}
