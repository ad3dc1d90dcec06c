/** What a fake Parseable keeps: it outlives its server, as the drive of the real one does. */

import type { JsonObject } from "../../lib/parseable/json.ts";

/** A stream. */
export interface FakeStream {
  /** Its columns; none before the first row. */
  columns: string[];
  /** Its source; only one of metrics takes metrics. */
  readonly source: "otel-metrics" | "json";
  /** When its first row came. */
  firstEventAt: string | undefined;
  /** The tasks of its retention. */
  retention: readonly unknown[];
  /** What a query gives, whatever it asks: a list of rows. */
  rows?: unknown;
  /** How many rows it has; one without. */
  count?: number;
}

/** The tables of a fake Parseable. */
export interface FakeState {
  /** Streams by name. */
  readonly streams: Map<string, FakeStream>;
  /** Dashboards by id. */
  readonly dashboards: Map<string, JsonObject>;
  /** Alerts by id. */
  readonly alerts: Map<string, JsonObject>;
  /** Targets by id. */
  readonly targets: Map<string, JsonObject>;
  /** Privileges by role. */
  readonly roles: Map<string, unknown>;
  /** Roles by user. */
  readonly users: Map<string, unknown>;
  /** How many ids were given. */
  ids: number;
}

/** Makes one with nothing in it. */
export function emptyState(): FakeState {
  return {
    streams: new Map(),
    dashboards: new Map(),
    alerts: new Map(),
    targets: new Map(),
    roles: new Map(),
    users: new Map([["admin", []]]),
    ids: 0,
  };
}

/** Gives the next id: a ULID, later ones larger. */
export function nextId(state: FakeState): string {
  return `01M85V${String(state.ids++).padStart(20, "0")}`;
}
