/** What became of each thing in Parseable: one line each, and a count at the end. */

/** What became of a thing. */
export type Word = "made" | "updated" | "removed" | "unchanged" | "left alone" | "failed";

/** How the lines of a dry run begin. */
const WOULD: Readonly<Partial<Record<Word, string>>> = {
  made: "would make",
  updated: "would update",
  removed: "would remove",
};

/** Width of the first column: that of the longest beginning. */
const WIDTH = 12;

/** What became of one thing. */
export interface Outcome {
  /** What became of it. */
  readonly word: Word;
  /** What it is, for people: `alert "No data"`. */
  readonly what: string;
  /** Why, without a full stop; empty when that is plain. */
  readonly why?: string;
}

/** Settings of a {@linkcode Report}. */
export interface ReportOptions {
  /** Whether nothing is written. */
  readonly isDryRun: boolean;
  /** Takes the lines. */
  readonly print: (text: string) => void;
}

/** Writes the lines and counts them. */
export class Report {
  /** Whether nothing is written. */
  readonly isDryRun: boolean;
  readonly #print: (text: string) => void;
  readonly #counts = new Map<string, number>();

  /**
   * Begins with no line.
   *
   * @param options Where lines go.
   */
  constructor({ isDryRun, print }: ReportOptions) {
    this.isDryRun = isDryRun;
    this.#print = print;
  }

  /** Whether anything failed. */
  get hasFailed(): boolean {
    return this.#counts.has("failed");
  }

  /**
   * Tells what became of one thing.
   *
   * @param outcome What became of it; of a dry run, what would.
   */
  add({ word, what, why = "" }: Outcome): void {
    const begin = this.isDryRun ? WOULD[word] ?? word : word;
    this.#counts.set(begin, (this.#counts.get(begin) ?? 0) + 1);
    this.#print(`${begin.padEnd(WIDTH)} ${what}${why === "" ? "" : `: ${why}`}\n`);
  }

  /**
   * Counts the lines.
   *
   * @returns Such as `2 made, 11 unchanged.`, with a line end.
   */
  summary(): string {
    return `${[...this.#counts].map(([word, count]) => `${count} ${word}`).join(", ")}.\n`;
  }
}
