/** A select whose options come with each view. */

import { element, show } from "./dom.ts";

/** One option. */
export interface SelectOption {
  /** What it chooses; empty for all. */
  readonly value: string;
  /** What is read. */
  readonly text: string;
}

/**
 * The options for a set of names: one for all, then one a name. A name that is chosen and not
 * there any more stays in the list, so that it can be seen what is looked at.
 *
 * @param names What can be chosen.
 * @param chosen What is chosen; empty for all.
 * @param noun What the names are, in the plural.
 */
export function nameOptions(
  names: readonly string[],
  chosen: string,
  noun: string,
): SelectOption[] {
  const [only] = names;
  const all = names.length === 1 && only !== undefined ? only : `all ${noun} (${names.length})`;
  const isGone = chosen !== "" && !names.includes(chosen);
  const listed = names.length > 1 || chosen !== "" ? names : [];
  return [
    { value: "", text: all },
    ...listed.map((name) => ({ value: name, text: name })),
    ...(isGone ? [{ value: chosen, text: `${chosen} (not there)` }] : []),
  ];
}

/** Keeps a select in step. */
export class SelectView {
  readonly #select: HTMLSelectElement;
  #shown = "";

  /**
   * Begins to listen.
   *
   * @param select The element.
   * @param onChoice Takes what is chosen by hand.
   */
  constructor(select: HTMLSelectElement, onChoice: (value: string) => void) {
    this.#select = select;
    select.addEventListener("change", () => onChoice(select.value));
  }

  /** Shows options and which of them is chosen. */
  update(options: readonly SelectOption[], chosen: string): void {
    const shown = JSON.stringify(options);
    if (shown !== this.#shown) {
      this.#select.replaceChildren(
        ...options.map(({ value, text }) => element("option", { value }, text)),
      );
      this.#shown = shown;
    }
    if (this.#select.value !== chosen) this.#select.value = chosen;
  }

  /** Shows or hides the select with its label. */
  show(visible: boolean): void {
    const { parentElement } = this.#select;
    if (parentElement !== null) show(parentElement, visible);
  }
}
