/** Tells a screen reader what has changed in kind; numbers alone are not told. */

import type { View } from "../view.ts";
import { find } from "./dom.ts";

/** What a view is like, in words that change only when its kind changes. */
function stateWords({ targets, findings }: View): string[] {
  return [
    ...targets.map(({ instance, state }) => `${instance} is ${state}.`),
    ...findings.map(({ title }) => `${title}.`),
  ];
}

/** Speaks by a live region. */
export class Announcer {
  readonly #region = find("announcer", HTMLElement);
  #before: readonly string[] | undefined;

  /** Tells what a view has that the one before had not; nothing at the first one. */
  tell(view: View): void {
    const words = stateWords(view);
    const before = this.#before;
    this.#before = words;
    if (before === undefined) return;
    const fresh = words.filter((each) => !before.includes(each));
    if (fresh.length > 0) this.#region.textContent = fresh.join(" ");
    else if (words.length < before.length) {
      this.#region.textContent = view.findings.length === 0
        ? "Nothing is wrong any more."
        : `${view.findings.length} findings are left.`;
    }
  }
}
