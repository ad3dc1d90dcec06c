/** Announces changes of state to screen readers; numbers alone are not announced. */

import type { View } from "../view.ts";
import { find } from "./dom.ts";

/** States of servers and findings, in words that change only when a state does. */
function wordsOf({ targets, findings }: View): Record<"states" | "wrong", readonly string[]> {
  return {
    states: targets.map(({ instance, state }) => `${instance} is ${state}.`),
    wrong: findings.map(({ title }) => `${title}.`),
  };
}

/** Announces by a live region. */
export class Announcer {
  readonly #region = find("announcer", HTMLElement);
  #before: ReturnType<typeof wordsOf> | undefined;

  /** Announces what changed since the previous view; nothing at the first one. */
  tell(view: View): void {
    const now = wordsOf(view);
    const before = this.#before ?? now;
    this.#before = now;
    const news = [
      ...now.states.filter((each) => !before.states.includes(each)),
      ...now.wrong.filter((each) => !before.wrong.includes(each)),
      ...before.wrong.filter((each) => !now.wrong.includes(each)).map((each) =>
        `Resolved: ${each}`
      ),
    ];
    if (news.length > 0) this.#region.textContent = news.join(" ");
  }
}
