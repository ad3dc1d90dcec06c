/** A walk along the way of the data, hop by hop: what works, what does not, what was not tried. */

import { MetricsError } from "../errors.ts";

/** How a hop is. */
export type HopStatus = "ok" | "warn" | "failed" | "skipped";

/** One hop, examined. */
export interface Hop {
  /** Which part of the way it belongs to, such as a server's address. */
  readonly part: string;
  /** What was looked at, such as `TCP`. */
  readonly name: string;
  /** How it is. */
  readonly status: HopStatus;
  /** What was tried and what came, or why nothing was tried. */
  readonly found: string;
  /** What to do; empty when there is nothing to do. */
  readonly action: string;
}

/** What a check found. */
export interface Verdict<T> {
  /** How the hop is; good without it. */
  readonly status?: Exclude<HopStatus, "skipped">;
  /** What was tried and what came; no full stop. */
  readonly found: string;
  /** What to do. */
  readonly action?: string;
  /** What later checks go on with. */
  readonly value?: T;
}

/** How long one check may take, in milliseconds. */
export const CHECK_MS = 5_000;

/** One part of the way: behind a hop that failed, the others cannot work and are not tried. */
export class Walk {
  readonly #part: string;
  readonly #report: (hop: Hop) => void;
  readonly #timeoutMs: number;
  #broken = "";

  /**
   * Begins where nothing has failed.
   *
   * @param part What the part is called.
   * @param report Takes each hop once it is examined.
   * @param timeoutMs How long one check may take, in milliseconds.
   */
  constructor(part: string, report: (hop: Hop) => void, timeoutMs = CHECK_MS) {
    this.#part = part;
    this.#report = report;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Examines one hop, unless one before it failed.
   *
   * @param name What is looked at.
   * @param check Looks; what it throws is a failure. Its signal aborts when the time is up.
   * @param timeoutMs How long it may take, in milliseconds, if not as long as the others.
   * @returns The value of the verdict; undefined when the hop failed or was not tried.
   */
  async step<T>(
    name: string,
    check: (signal: AbortSignal) => Verdict<T> | Promise<Verdict<T>>,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<T | undefined> {
    if (this.#broken !== "") {
      this.skip(name, `not tried, since "${this.#broken}" failed`);
      return undefined;
    }
    const verdict = await look(check, timeoutMs);
    const { status = "ok", found, action = "", value } = verdict;
    if (status === "failed") this.#broken = name;
    this.#report({ part: this.#part, name, status, found, action });
    return value;
  }

  /**
   * Examines a hop that the ones behind it do not need: when it fails, they are tried all the same.
   *
   * @param name What is looked at.
   * @param check Looks; what it throws is a failure.
   */
  async aside(
    name: string,
    check: (signal: AbortSignal) => Verdict<unknown> | Promise<Verdict<unknown>>,
  ): Promise<void> {
    const before = this.#broken;
    await this.step(name, check);
    this.#broken = before;
  }

  /**
   * Notes a hop that is not examined.
   *
   * @param name What was not looked at.
   * @param why Why not.
   */
  skip(name: string, why: string): void {
    this.#report({ part: this.#part, name, status: "skipped", found: why, action: "" });
  }
}

/** Waits for a check, but no longer than it may take. */
async function look<T>(
  check: (signal: AbortSignal) => Verdict<T> | Promise<Verdict<T>>,
  timeoutMs: number,
): Promise<Verdict<T>> {
  const abort = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers<Verdict<T>>();
  const timer = setTimeout(() => {
    resolve({ status: "failed", found: `no answer within ${timeoutMs / 1_000} s` });
    abort.abort();
  }, timeoutMs);
  try {
    return await Promise.race([check(abort.signal), late]);
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
