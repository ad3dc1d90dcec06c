/** A run of checks along the data path: what works, what does not, what was skipped. */

import { MetricsError } from "../errors.ts";
import { terminalText } from "../terminal_text.ts";

/** The status of a check. */
export type CheckStatus = "ok" | "warn" | "failed" | "skipped";

/** A finished check. */
export type CheckResult = {
  /** The part of the data path, such as a server's address. */
  readonly part: string;
  readonly name: string;
  readonly status: CheckStatus;
  /** What was tried and what came, or why it was skipped; without a full stop. */
  readonly found: string;
  /** What to do; empty when there is nothing to do. */
  readonly action: string;
};

/** What a check found, and what later checks work with. */
export interface Verdict<T = void> extends Omit<CheckResult, "part" | "name"> {
  /** What later checks work with. */
  readonly value?: T;
}

/** A check that gives a verdict before its signal aborts. */
export type Check<T> = (signal: AbortSignal) => Verdict<T> | Promise<Verdict<T>>;

/** Longest time of a check, in milliseconds. */
export const CHECK_MS = 5_000;

/** All is well. */
export function ok<T>(found: string, value?: T): Verdict<T> {
  return { status: "ok", found, action: "", ...value !== undefined && { value } };
}

/** Something is worth a look. */
export function warn<T>(found: string, action?: string, value?: T): Verdict<T> {
  return { ...ok(found, value), status: "warn", action: action ?? "" };
}

/** Something does not work. */
export function failed(found: string, action = ""): Verdict<never> {
  return { status: "failed", found, action };
}

/** The checks of one part: after one that failed, the others cannot succeed and are skipped. */
export class CheckRun {
  readonly #part: string;
  readonly #report: (result: CheckResult) => void;
  readonly #timeoutMs: number;
  #failed = "";

  /** Starts a run. */
  constructor(part: string, report: (result: CheckResult) => void, timeoutMs = CHECK_MS) {
    this.#part = part;
    this.#report = report;
    this.#timeoutMs = timeoutMs;
  }

  /** Runs a check, unless one before it failed. */
  async check<T>(
    name: string,
    check: Check<T>,
    timeoutMs = this.#timeoutMs,
  ): Promise<T | undefined> {
    if (this.#failed !== "") {
      this.skip(name);
      return undefined;
    }
    const { value, ...verdict } = await run(check, timeoutMs);
    if (verdict.status === "failed") this.#failed = name;
    this.#report({ part: this.#part, name, ...verdict });
    return value;
  }

  /** Runs a check that later ones do not depend on. */
  async checkAside(name: string, check: Check<unknown>): Promise<void> {
    const before = this.#failed;
    await this.check(name, check);
    this.#failed = before;
  }

  /** Reports a check that is skipped. */
  skip(name: string, why = `not tried, since "${this.#failed}" failed`): void {
    this.#report({ part: this.#part, name, status: "skipped", found: why, action: "" });
  }
}

/** Runs a check, up to its timeout. */
async function run<T>(check: Check<T>, timeoutMs: number): Promise<Verdict<T>> {
  const abort = new AbortController();
  const { promise: timeout, resolve } = Promise.withResolvers<Verdict<T>>();
  const timer = setTimeout(() => {
    resolve(failed(`no answer within ${timeoutMs / 1_000} s`));
    abort.abort();
  }, timeoutMs);
  try {
    return await Promise.race([check(abort.signal), timeout]);
  } catch (error) {
    if (error instanceof MetricsError) return failed(error.message, error.hint);
    return failed(error instanceof Error ? error.message : "unexpected error");
  } finally {
    clearTimeout(timer);
  }
}

/** A word for each status, the same as on the page and in `top`, and its color. */
const WORDS: Readonly<Record<CheckStatus, readonly [word: string, color: number]>> = {
  ok: ["ok", 32],
  warn: ["warning", 33],
  failed: ["critical", 31],
  skipped: ["skipped", 90],
};
const WORD_WIDTH = 8;
const NAME_WIDTH = 16;

/** Writes results one by one, each part under its name. */
export class Report {
  readonly #hasColors: boolean;
  #part = "";

  /** Starts a report. */
  constructor(hasColors: boolean) {
    this.#hasColors = hasColors;
  }

  /** Writes one result. */
  linesOf({ part, name, status, found, action }: CheckResult): string {
    const head = part === this.#part ? "" : `${this.#part === "" ? "" : "\n"}${part}\n`;
    this.#part = part;
    const [text, color] = WORDS[status];
    const word = text.padEnd(WORD_WIDTH);
    const shown = this.#hasColors ? `\u001b[${color}m${word}\u001b[0m` : word;
    const indent = " ".repeat(WORD_WIDTH + NAME_WIDTH + 4);
    const todo = action === "" ? "" : `${indent}→ ${terminalText(action)}\n`;
    return `${head}  ${shown} ${name.padEnd(NAME_WIDTH)} ${terminalText(found)}\n${todo}`;
  }
}

/** Counts results by status. */
export function summaryOf(results: readonly CheckResult[]): string {
  const count = (status: CheckStatus): number =>
    results.filter((result) => result.status === status).length;
  const warnings = `${count("warn")} warning${count("warn") === 1 ? "" : "s"}`;
  return `\n${count("failed")} critical, ${warnings}, ${count("ok")} ok, ` +
    `${count("skipped")} skipped.\n`;
}
