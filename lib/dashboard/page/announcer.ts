/** Tells a screen reader what has changed in kind; numbers alone are not told. */

import type { View } from "../view.ts";
import { find } from "./dom.ts";

/** The states of the servers, and what is wrong, in words that change only when their kind does. */
function wordsOf({ targets, findings }: View): Record<"states" | "wrong", readonly string[]> {
  return {
    states: targets.map(({ instance, state }) => `${instance} is ${state}.`),
    wrong: findings.map(({ title }) => `${title}.`),
  };
}

/** Speaks by a live region. */
export class Announcer {
  readonly #region = find("announcer", HTMLElement);
  #before: ReturnType<typeof wordsOf> | undefined;

  /** Tells what has come and what has gone since the view before; nothing at the first one. */
  tell(view: View): void {
    const now = wordsOf(view);
    const before = this.#before ?? now;
    this.#before = now;
    const news = [
      ...now.states.filter((each) => !before.states.includes(each)),
      ...now.wrong.filter((each) => !before.wrong.includes(each)),
      ...before.wrong.filter((each) => !now.wrong.includes(each)).map((each) => `Over: ${each}`),
    ];
    if (news.length > 0) this.#region.textContent = news.join(" ");
  }
}
