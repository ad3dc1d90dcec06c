/** Series become lines: chosen by labels, aggregated into one line for each set of values. */

import type { Question, Selection, TimeSeries } from "./history.ts";
import type { RowSource } from "./row_range.ts";
import type { Series } from "./series.ts";

/** One server, as far as answers need it. */
export interface Server extends RowSource {
  /** Its name. */
  readonly instance: string;
  /** Its series. */
  readonly table: {
    /** The series of a sample's name. */
    named(name: string): readonly Series[];
  };
}

/** The label behind each part of a selection. */
const LABELS = { instance: "instance", model: "model_name", engine: "engine" } as const;

/**
 * Tells whether a series is among those that are asked for.
 *
 * @param labels Its labels; one that it does not have is not looked at.
 * @param selection What is asked for.
 * @returns Whether no label says otherwise.
 */
export function isSelected(
  labels: Readonly<Record<string, string>>,
  selection: Selection = {},
): boolean {
  return ([...Object.keys(LABELS)] as (keyof typeof LABELS)[]).every((part) => {
    const [wanted, value] = [selection[part], labels[LABELS[part]]];
    return wanted === undefined || value === undefined || wanted === value;
  });
}

/**
 * The series that a question is about.
 *
 * @param server Where they are looked for.
 * @param name The sample's name.
 * @param selection What is asked for.
 * @returns The series.
 */
export function selected(
  server: Server,
  name: string,
  selection: Selection | undefined,
): readonly Series[] {
  return server.table.named(name).filter(({ labels }) => isSelected(labels, selection));
}

/** Things by the values of the labels that tell lines apart. */
export class Groups<T> {
  readonly #by: readonly string[];
  readonly #make: () => T;
  readonly #all = new Map<string, { labels: Record<string, string>; content: T }>();

  /**
   * Begins without groups.
   *
   * @param question Which labels tell lines apart.
   * @param make Makes what is in a group.
   */
  constructor({ by = [] }: Question, make: () => T) {
    this.#by = by;
    this.#make = make;
  }

  /** What is in the group of a series. */
  of(series: Series): T {
    const labels = Object.fromEntries(
      this.#by.flatMap((name) => {
        const value = series.labels[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    const key = JSON.stringify(this.#by.map((name) => labels[name] ?? null));
    const group = this.#all.get(key) ?? { labels, content: this.#make() };
    this.#all.set(key, group);
    return group.content;
  }

  /** The groups as lines, in the order of their labels. */
  lines(values: (content: T) => (number | null)[]): TimeSeries[] {
    return [...this.#all].toSorted(([one], [other]) => one < other ? -1 : 1)
      .map(([, { labels, content }]) => ({ labels, values: values(content) }));
  }
}
