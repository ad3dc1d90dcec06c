/** A run of `provision`: what its steps share, and its report. */

import type { ProvisionConfig } from "../config/provision_config.ts";
import type { ParseableApi } from "./api.ts";

/** What happened to a thing. */
export type Outcome = "made" | "updated" | "removed" | "unchanged" | "left alone" | "failed";

/** How the lines of a dry run begin. */
const WOULD: Readonly<Partial<Record<Outcome, string>>> = {
  made: "would make",
  updated: "would update",
  removed: "would remove",
};

/** Prints the lines and counts them. */
export class Report {
  /** Whether nothing is written to Parseable. */
  readonly isDryRun: boolean;
  readonly #print: (text: string) => void;
  readonly #counts = new Map<string, number>();

  /** Starts with no line; `print` takes the lines. */
  constructor({ isDryRun, print }: { isDryRun: boolean; print: (text: string) => void }) {
    this.isDryRun = isDryRun;
    this.#print = print;
  }

  /** Whether anything failed. */
  get hasFailed(): boolean {
    return this.#counts.has("failed");
  }

  /** Prints what happened, or in a dry run would happen, to what, and why, without a full stop. */
  add({ outcome, what, why = "" }: { outcome: Outcome; what: string; why?: string }): void {
    const begin = this.isDryRun ? WOULD[outcome] ?? outcome : outcome;
    this.#counts.set(begin, (this.#counts.get(begin) ?? 0) + 1);
    this.#print(`${begin.padEnd(12)} ${what}${why === "" ? "" : `: ${why}`}\n`);
  }

  /** The counts, such as `2 made, 11 unchanged.`, with a line end. */
  summary(): string {
    return `${[...this.#counts].map(([word, count]) => `${count} ${word}`).join(", ")}.\n`;
  }
}

/** A dashboard or an alert as it should be: its JSON without ids and targets. */
export type Wanted = {
  /** Unique among ours. */
  readonly title: string;
  readonly tags: readonly string[];
};

/** The dashboards and alerts that Parseable should have. */
export type Content = {
  readonly dashboards: readonly Wanted[];
  readonly alerts: readonly Wanted[];
};

/** What the steps need, and what earlier steps leave to later ones. */
export type Run = {
  readonly api: ParseableApi;
  readonly config: ProvisionConfig;
  readonly stream: string;
  readonly content: Content;
  /** Whether to replace what somebody changed. */
  readonly isForced: boolean;
  /** The name of the user for Fluent Bit; undefined when none is wanted. */
  readonly shipper: string | undefined;
  readonly report: Report;
  readonly nowMs: number;
  /** How the stream was found; undefined as long as nothing can be stored in it. */
  state?: { readonly exists: boolean; readonly firstRowMs: number | undefined };
  /** The id of the target of alerts. */
  target?: string;
  /** The password of a new user. */
  password?: string;
};
