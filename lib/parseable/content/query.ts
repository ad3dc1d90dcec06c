/** Queries: SQL files with placeholders. */

import type { Goals } from "../../config/goals.ts";
import { COLUMNS, columnsIn, SERIES_COLUMNS } from "./columns.ts";
import BUCKETS from "./sql/parts/buckets.sql" with { type: "text" };
import INCREASES from "./sql/parts/increases.sql" with { type: "text" };
import MINUTES from "./sql/parts/minutes.sql" with { type: "text" };
import NEWEST from "./sql/parts/newest.sql" with { type: "text" };
import OBSERVATIONS from "./sql/parts/observations.sql" with { type: "text" };
import SAMPLES from "./sql/parts/samples.sql" with { type: "text" };

/** What dashboards and alerts depend on. */
export interface ContentSettings {
  /** The stream of Parseable that holds the rows. */
  readonly stream: string;
  /** The operator's goals. */
  readonly goals: Goals;
  /** KV cache usage that fires an alert after ten minutes, 0 to 1. */
  readonly kvLimit: number;
}

/** Common table expressions of several queries. */
const PARTS: Readonly<Record<string, string>> = {
  increases: INCREASES.trim(),
  buckets: BUCKETS.trim(),
  observations: OBSERVATIONS.trim(),
  newest: NEWEST.trim(),
  minutes: MINUTES.trim(),
};

/** A query with placeholders. */
export interface Query {
  /** The text of its file; `{{name}}` is a part or a value. */
  readonly sql: string;
  /** Its metrics. */
  readonly metrics: readonly string[];
  /** The columns that the result is split by; the name of the metric without it. */
  readonly by?: readonly string[];
  /** The columns that buckets of a histogram are summed by; `by` without it. */
  readonly keys?: readonly string[];
  /** Further placeholders. */
  readonly values?: Readonly<Record<string, string | number>>;
}

/**
 * Fills in the placeholders. The SQL is for DataFusion and parses as PostgreSQL, as Parseable needs
 * both.
 *
 * @throws `Error` when the file names a placeholder that has no value: a bug.
 */
export function queryText(query: Query, stream: string): string {
  const by = query.by ?? ["metric_name"];
  const body = fill(fill(query.sql, { ...PARTS, samples: "{{samples}}" }, true), {
    samples: "{{samples}}",
    metrics: query.metrics.map((name) => `'${name}'`).join(", "),
    by: by.join(", "),
    keys: (query.keys ?? by).join(", "),
    ...query.values,
  });
  return fill(body, { samples: samplesOf(body, stream) }).trim();
}

/**
 * The rows of the stream, with NULL for each column that it does not have. The stream is named with
 * its schema: for alerts that Parseable 2.9.5 finds when it starts, it looks in another one.
 */
function samplesOf(body: string, stream: string): string {
  const names = columnsIn(body);
  const nulls = [
    ...names.map((name) => [name, COLUMNS.get(name)]),
    ...SERIES_COLUMNS,
  ].map(([name, type]) => `arrow_cast(NULL, '${type}') AS "${name}"`);
  return fill(SAMPLES.trim(), {
    stream: stream.replaceAll('"', '""'),
    names: names.join(", "),
    nulls: nulls.join(",\n           "),
  });
}

function fill(
  text: string,
  values: Readonly<Record<string, string | number>>,
  partly = false,
): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined && !partly) throw new Error(`No value for ${placeholder} in: ${text}`);
    return `${value ?? placeholder}`;
  });
}
