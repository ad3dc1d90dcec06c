/** Why the sanitiser leaves a line out. */

/** The reasons, with what each means; the words are the label values of our own metric. */
export const DROP_REASONS = {
  line_too_long: "longer than the bound on a line",
  bad_syntax: "not a sample, nor a comment",
  bad_name: "a metric name that no reader can take",
  bad_label: "labels that cannot be read",
  bad_value: "a value that is not a number",
  bad_timestamp: "a timestamp that is not one",
  bad_header: "a HELP or TYPE line that is late, repeated or not readable",
  bad_count: "a histogram whose counts are negative, infinite or not numbers",
  duplicate_family: "a family that stood further up already",
  duplicate_sample: "a sample that stood further up already",
  incomplete_histogram: "a histogram without a count",
  negative_counter: "a counter below zero",
  too_many_labels: "more label names in one family than Fluent Bit takes",
  type_conflict: "a family that a server before has with another type",
  family_too_large: "an unordered family larger than the room to put it in order",
} as const;

/** Why a line was left out. */
export type DropReason = keyof typeof DROP_REASONS;

/** Counts of lines left out, by reason; reasons that did not occur are absent. */
export class DroppedLines {
  #counts = new Map<DropReason, number>();

  /** Counts `lines` more for `reason`. */
  add(reason: DropReason, lines = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + lines);
  }

  /** The counts so far. */
  entries(): IterableIterator<[DropReason, number]> {
    return this.#counts.entries();
  }

  /** How many lines were left out in all. */
  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }
}
