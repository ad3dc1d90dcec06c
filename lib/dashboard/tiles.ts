/** The tiles, computed. */

import type { Goals } from "../config/goals.ts";
import { isEmpty, round, roundLine } from "./line.ts";
import type { Scope } from "./scope.ts";
import { noteFor, NOTES, type Situation } from "./situation.ts";
import type { TileRule } from "./tile_rules.ts";
import type { Tile } from "./view.ts";

/** What {@linkcode buildTile} works with. */
export interface TileInput {
  /** The history at this moment. */
  readonly now: Scope;
  /** The history over the window, in few points. */
  readonly trend: Scope;
  /** The operator's goals. */
  readonly goals: Goals;
  /** What explains an empty tile. */
  readonly situation: Situation;
}

/** Computes a tile. */
export function buildTile(rule: TileRule, { now, trend, goals, situation }: TileInput): Tile {
  const line = rule.read(now, goals);
  const [found = null] = now.whileUp(line ?? []);
  const isNothing = rule.zeroIsNothing && situation.idle && found === 0;
  const value = found === null || isNothing ? null : round(found);
  const points = trend.whileUp(rule.read(trend, goals) ?? []);
  return {
    id: rule.id,
    title: rule.title,
    unit: rule.unit,
    value,
    note: value !== null
      ? ""
      : isNothing
      ? NOTES.noTraffic
      : noteFor(situation, line !== undefined || !isEmpty(points), rule.inAllVersions),
    level: value === null ? "none" : rule.level(value, goals),
    trend: roundLine(points),
    explanation: rule.explain(goals),
  };
}
