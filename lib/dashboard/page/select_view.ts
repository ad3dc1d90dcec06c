/** A select whose options come with each view. */

import type { SelectOption } from "./choice.ts";
import { element, setAttribute, show } from "./dom.ts";

/** Keeps a select in step. */
export class SelectView {
  readonly #select: HTMLSelectElement;
  #shown = "";

  /** Begins to listen. */
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
    // A long name is cut in the select.
    const text = options.find(({ value }) => value === chosen)?.text ?? "";
    setAttribute(this.#select, "title", text);
  }

  /** Shows or hides the select with its label. */
  show(visible: boolean): void {
    const { parentElement } = this.#select;
    if (parentElement !== null) show(parentElement, visible);
  }
}
