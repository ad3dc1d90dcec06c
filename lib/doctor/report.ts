/** Results of checks as text. */

import { terminalText } from "../terminal_text.ts";
import type { CheckResult, CheckStatus } from "./check_run.ts";

/** A word for each status, the same as on the page and in `top`. */
const WORDS: Readonly<Record<CheckStatus, string>> = {
  ok: "ok",
  warn: "warning",
  failed: "critical",
  skipped: "skipped",
};
const COLORS: Readonly<Record<CheckStatus, number>> = { ok: 32, warn: 33, failed: 31, skipped: 90 };
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
    const word = WORDS[status].padEnd(WORD_WIDTH);
    const shown = this.#hasColors ? `\u001b[${COLORS[status]}m${word}\u001b[0m` : word;
    const todo = action === ""
      ? ""
      : `${" ".repeat(WORD_WIDTH + NAME_WIDTH + 4)}→ ${terminalText(action)}\n`;
    return `${head}  ${shown} ${name.padEnd(NAME_WIDTH)} ${terminalText(found)}\n${todo}`;
  }
}

/** Counts results by status. */
export function summaryOf(results: readonly CheckResult[]): string {
  const count = (status: CheckStatus): number =>
    results.filter((result) => result.status === status).length;
  const [failed, warned, skipped] = [count("failed"), count("warn"), count("skipped")];
  const warnings = `${warned} warning${warned === 1 ? "" : "s"}`;
  return `\n${failed} critical, ${warnings}, ${count("ok")} ok, ${skipped} skipped.\n`;
}
