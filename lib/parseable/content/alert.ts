/** Alerts as we list them, and the JSON that Parseable evaluates. */

import type { AlertBody, Severity } from "./bodies.ts";
import { TAG } from "./dashboard.ts";
import { type Query, queryText } from "./query.ts";

/** An alert. */
export interface Alert {
  /** Unique among ours and stable: an update finds the alert by it. */
  readonly title: string;
  /** How urgent it is. */
  readonly severity: Severity;
  /** When it fires and what to do then; one line. */
  readonly text: string;
  /**
   * What it asks. The topmost aggregate is the value: a plain COUNT, SUM, MIN or MAX, with an alias.
   * Parseable accepts arithmetic around it too, but reads 0 then. A filter on a second aggregate
   * stands in an inner query, since HAVING counts as one.
   */
  readonly query: Query;
  /** It fires when a row's value stands so to the threshold; without rows the value is 0. */
  readonly operator: ">" | "<";
  /** The threshold. */
  readonly threshold: number;
  /** How far back it looks, in minutes. */
  readonly windowMinutes: number;
  /** How often it looks, and tells again while it fires, in minutes. */
  readonly everyMinutes: number;
}

/**
 * Makes the JSON of an alert. The text stands in front of the SQL as well, since Parseable's
 * messages quote the query and nothing else of it.
 */
export function alertBody(alert: Alert, stream: string): AlertBody {
  return {
    severity: alert.severity,
    title: alert.title,
    alertType: "threshold",
    query: `/* ${alert.text} */\n${queryText(alert.query, stream)}`,
    thresholdConfig: { operator: alert.operator, value: alert.threshold },
    evalConfig: {
      rollingWindow: {
        evalStart: `${alert.windowMinutes}m`,
        evalEnd: "now",
        evalFrequency: alert.everyMinutes,
      },
    },
    notificationConfig: { interval: alert.everyMinutes },
    tags: [TAG, "vllm"],
    runbook: alert.text,
  };
}
