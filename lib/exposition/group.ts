/** One label set of a histogram or summary: the samples that Fluent Bit must find together. */

import type { Sample } from "./sample.ts";

/** What a family can be whose samples belong together. */
export type GroupedKind = "histogram" | "summary";

/** A sample of a histogram or summary, and what its name adds to the family's. */
export interface GroupedSample {
  /** The sample. */
  readonly sample: Sample;
  /** `_bucket`, `_sum`, `_count`, or nothing for a quantile. */
  readonly suffix: string;
}

/** The samples of one label set. */
export interface Group {
  /** By bound (`le`) or quantile. */
  readonly parts: Map<number, Sample>;
  /** All of them, as they came. */
  readonly samples: GroupedSample[];
  /** The sum, if it was told. */
  sum?: Sample;
  /** The count, if it was told. */
  count?: Sample;
  /** Whether a bound or quantile is spelt in a way that Fluent Bit cannot read. */
  odd?: true;
}

/** The label that tells the parts of one label set apart. */
export const PART_LABEL = { histogram: "le", summary: "quantile" } as const;

/** What the name of such a part adds to the family's. */
export const PART_SUFFIX = { histogram: "_bucket", summary: "" } as const;
