/** The hops as lines for people. */

import { terminalText } from "../terminal_text.ts";
import type { Hop, HopStatus } from "./walk.ts";

/** A word for each status: no information is in the colour alone. */
const WORDS: Readonly<Record<HopStatus, string>> = {
  ok: "ok",
  warn: "WARN",
  failed: "FAILED",
  skipped: "-",
};
const COLOURS: Readonly<Record<HopStatus, number>> = { ok: 32, warn: 33, failed: 31, skipped: 90 };
const WORD_WIDTH = 6;
const NAME_WIDTH = 16;

/** Writes hops one by one; the name of a part stands above its first. */
export class Report {
  readonly #colour: boolean;
  #part = "";

  /**
   * Begins with nothing written.
   *
   * @param colour Whether the terminal takes colours.
   */
  constructor(colour: boolean) {
    this.#colour = colour;
  }

  /**
   * Writes one hop.
   *
   * @param hop What was found.
   * @returns Its lines, with a line end.
   */
  linesOf({ part, name, status, found, action }: Hop): string {
    const head = part === this.#part ? "" : `${this.#part === "" ? "" : "\n"}${part}\n`;
    this.#part = part;
    const word = WORDS[status].padEnd(WORD_WIDTH);
    const shown = this.#colour ? `\u001b[${COLOURS[status]}m${word}\u001b[0m` : word;
    const todo = action === ""
      ? ""
      : `${" ".repeat(WORD_WIDTH + NAME_WIDTH + 4)}→ ${terminalText(action)}\n`;
    return `${head}  ${shown} ${name.padEnd(NAME_WIDTH)} ${terminalText(found)}\n${todo}`;
  }
}

/**
 * Sums the hops up.
 *
 * @param hops All of them.
 * @returns One sentence, with a line end.
 */
export function summaryOf(hops: readonly Hop[]): string {
  const count = (status: HopStatus): number => hops.filter((hop) => hop.status === status).length;
  const [failed, warned, skipped] = [count("failed"), count("warn"), count("skipped")];
  const rest = skipped === 0 ? "" : `, ${skipped} not tried`;
  if (failed > 0) return `\n${failed} failed, ${warned} to look at, ${count("ok")} fine${rest}.\n`;
  if (warned > 0) return `\nNothing failed; ${warned} to look at, ${count("ok")} fine${rest}.\n`;
  return `\nNothing failed; ${count("ok")} fine${rest}.\n`;
}
