/** What the dashboards and alerts depend on. */

import type { Goals } from "../../config/goals.ts";

/** Stream and thresholds. */
export interface ContentSettings {
  /** The stream of Parseable that holds the rows. */
  readonly stream: string;
  /** How fast answers should be. */
  readonly goals: Goals;
  /** How full the KV cache may be for ten minutes, from 0 to 1. */
  readonly kvLimit: number;
}
