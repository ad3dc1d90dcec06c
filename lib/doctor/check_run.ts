/** A run of checks along the data path: what works, what does not, what was skipped. */

import { MetricsError } from "../errors.ts";

/** The status of a check. */
export type CheckStatus = "ok" | "warn" | "failed" | "skipped";

/** A finished check. */
export interface CheckResult {
  /** The part of the data path, such as a server's address. */
  readonly part: string;
  /** What was checked, such as `TCP`. */
  readonly name: string;
  /** Its status. */
  readonly status: CheckStatus;
  /** What was tried and what came, or why it was skipped. */
  readonly found: string;
  /** What to do; empty when there is nothing to do. */
  readonly action: string;
}

/** What a check found. */
export interface Verdict<T> {
  /** The status. @default {"ok"} */
  readonly status?: Exclude<CheckStatus, "skipped">;
  /** What was tried and what came; without a full stop. */
  readonly found: string;
  /** What to do. */
  readonly action?: string;
  /** What later checks work with. */
  readonly value?: T;
}

/** Longest time of a check, in milliseconds. */
export const CHECK_MS = 5_000;

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
    check: (signal: AbortSignal) => Verdict<T> | Promise<Verdict<T>>,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<T | undefined> {
    if (this.#failed !== "") {
      this.skipAfterFailure(name);
      return undefined;
    }
    const { status = "ok", found, action = "", value } = await run(check, timeoutMs);
    if (status === "failed") this.#failed = name;
    this.#report({ part: this.#part, name, status, found, action });
    return value;
  }

  /** Runs a check that later ones do not depend on. */
  async checkAside(
    name: string,
    check: (signal: AbortSignal) => Verdict<unknown> | Promise<Verdict<unknown>>,
  ): Promise<void> {
    const failed = this.#failed;
    await this.check(name, check);
    this.#failed = failed;
  }

  /** Reports checks that cannot succeed after the one that failed. */
  skipAfterFailure(...names: readonly string[]): void {
    for (const name of names) this.skip(name, `not tried, since "${this.#failed}" failed`);
  }

  /** Reports a check that is skipped. */
  skip(name: string, why: string): void {
    this.#report({ part: this.#part, name, status: "skipped", found: why, action: "" });
  }
}

/** Runs a check, up to its timeout. */
async function run<T>(
  check: (signal: AbortSignal) => Verdict<T> | Promise<Verdict<T>>,
  timeoutMs: number,
): Promise<Verdict<T>> {
  const abort = new AbortController();
  const { promise: timeout, resolve } = Promise.withResolvers<Verdict<T>>();
  const timer = setTimeout(() => {
    resolve({ status: "failed", found: `no answer within ${timeoutMs / 1_000} s` });
    abort.abort();
  }, timeoutMs);
  try {
    return await Promise.race([check(abort.signal), timeout]);
  } catch (error) {
    return failureOf(error);
  } finally {
    clearTimeout(timer);
  }
}

function failureOf(error: unknown): Verdict<never> {
  if (error instanceof MetricsError) {
    return { status: "failed", found: error.message, action: error.hint };
  }
  return { status: "failed", found: error instanceof Error ? error.message : "unexpected error" };
}
