/** What was scraped, series by series, read without any code of the service. */

import { readExposition } from "../exposition/oracle.ts";

/** A scrape of one server. */
export interface Scrape {
  /** When, in milliseconds since 1970. */
  readonly timeMs: number;
  /** A text of format 0.0.4, with names as they are in the stream. */
  readonly text: string;
}

/** A sample of a gauge or counter, or a whole histogram. */
export interface Observed {
  /** When, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The value; the count of a histogram. */
  readonly value: number;
  /** The sum of a histogram. */
  readonly sum: number;
  /** Cumulative counts of a histogram by upper bound, Infinity last. */
  readonly le: ReadonlyMap<number, number>;
}

/** One metric with one set of labels. */
export interface Series {
  /** The name in the stream. */
  readonly name: string;
  /** The labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its samples, oldest first. */
  readonly samples: Observed[];
}

/** Reads scrapes; they may come in any order. */
export function seriesOf(scrapes: readonly Scrape[]): Series[] {
  const found = new Map<string, Series>();
  for (const { timeMs, text } of scrapes.toSorted((a, b) => a.timeMs - b.timeMs)) {
    for (const { name, labels, sample } of observed(text, timeMs)) {
      const key = JSON.stringify([name, Object.entries(labels).toSorted()]);
      const series = found.get(key) ?? { name, labels, samples: [] };
      found.set(key, series);
      series.samples.push(sample);
    }
  }
  return [...found.values()];
}

interface Found {
  name: string;
  labels: Record<string, string>;
  sample: Observed;
}

function observed(text: string, timeMs: number): Found[] {
  return readExposition(text, "0.0.4").flatMap((family): Found[] => {
    if (family.type !== "histogram") {
      return family.samples.map(({ name, labels, value }) => ({
        name,
        labels: Object.fromEntries(labels),
        sample: { timeMs, value, sum: NaN, le: new Map() },
      }));
    }
    const groups = Map.groupBy(family.samples, ({ labels }) => {
      const { le: _, ...others } = Object.fromEntries(labels);
      return JSON.stringify(Object.entries(others).toSorted());
    });
    return [...groups].map(([key, samples]) => {
      const of = (suffix: string) => samples.filter(({ name }) => name === family.name + suffix);
      const le = new Map(
        of("_bucket").map(({ labels, value }) => {
          const bound = labels.get("le");
          return [bound === "+Inf" ? Infinity : Number(bound), value];
        }),
      );
      return {
        name: family.name,
        labels: Object.fromEntries(JSON.parse(key)),
        sample: {
          timeMs,
          value: of("_count")[0]?.value ?? NaN,
          sum: of("_sum")[0]?.value ?? NaN,
          le,
        },
      };
    });
  });
}
