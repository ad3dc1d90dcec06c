/** A button with a question mark, and the words that it shows. */

import { element } from "./dom.ts";

/** Least distance to the edges of the window, in pixels. */
const MARGIN = 8;

/** Puts the words below the button, or above it where there is no room. */
function place(words: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { width, height } = words.getBoundingClientRect();
  const left = Math.min(at.left, innerWidth - width - MARGIN);
  const below = at.bottom + MARGIN / 2;
  const top = below + height > innerHeight - MARGIN ? at.top - height - MARGIN / 2 : below;
  words.style.left = `${Math.max(MARGIN, left)}px`;
  words.style.top = `${Math.max(MARGIN, top)}px`;
}

/** Button and words of an explanation. */
export interface Explanation {
  /** The button that shows and hides the words. */
  readonly button: HTMLButtonElement;
  /** The words; they belong behind the button. */
  readonly words: HTMLElement;
}

/** Makes an explanation. */
export function createExplanation(id: string, subject: string): Explanation {
  const words = element("div", { id, class: "explanation", popover: "auto" });
  const button = element("button", {
    type: "button",
    class: "explain",
    popovertarget: id,
    "aria-label": `About ${subject}`,
  }, "?");
  words.addEventListener("toggle", () => {
    if (!words.matches(":popover-open")) return;
    place(words, button);
    // They stand beside the button only as long as nothing moves.
    addEventListener("scroll", () => words.hidePopover(), { once: true });
  });
  return { button, words };
}
