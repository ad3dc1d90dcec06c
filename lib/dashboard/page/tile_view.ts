/** A tile with its explanation and its sparkline. */

import { LEVEL_WORDS } from "../levels.ts";
import type { Tile } from "../view.ts";
import { drawing, element, type ItemView, setAttribute, setText, show } from "./dom.ts";
import { SPARK_HEIGHT, SPARK_WIDTH, sparkPath } from "./shapes.ts";
import { valueParts } from "./text.ts";

/** Minimum distance to the edges of the window, in pixels. */
const MARGIN = 8;

/** Places the explanation below the button, or above it if there is no space. */
function place(words: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { width, height } = words.getBoundingClientRect();
  const left = Math.min(at.left, innerWidth - width - MARGIN);
  const below = at.bottom + MARGIN / 2;
  const top = below + height > innerHeight - MARGIN ? at.top - height - MARGIN / 2 : below;
  words.style.left = `${Math.max(MARGIN, left)}px`;
  words.style.top = `${Math.max(MARGIN, top)}px`;
}

/** A button with a question mark, and the explanation that it shows; the explanation belongs after it. */
function createExplanation(
  id: string,
  subject: string,
): { readonly button: HTMLButtonElement; readonly words: HTMLElement } {
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
    // It would not follow the button.
    addEventListener("scroll", () => words.hidePopover(), { once: true });
  });
  return { button, words };
}

/** A small line without axes. */
class Sparkline {
  readonly #path = drawing("path");
  /** Its element. */
  readonly root: SVGSVGElement = drawing("svg", {
    class: "sparkline",
    viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });

  /** Starts empty. */
  constructor() {
    this.root.append(this.#path);
  }

  /** Draws values, oldest first; null is a gap. */
  update(values: readonly (number | null)[]): void {
    setAttribute(this.#path, "d", sparkPath(values));
  }
}

/** Shows a tile. */
export class TileView implements ItemView<Tile> {
  readonly #title = element("h3");
  readonly #number = element("span", { class: "number" });
  readonly #unit = element("span", { class: "unit" });
  readonly #note = element("span", { class: "note" });
  readonly #level = element("span", { class: "level" });
  readonly #sparkline = new Sparkline();
  readonly #words: HTMLElement;
  /** Its element. */
  readonly root: HTMLElement;

  /** Creates the elements. */
  constructor(tile: Tile) {
    const { button, words } = createExplanation(`about-tile-${tile.id}`, tile.title);
    this.#words = words;
    this.root = element(
      "li",
      { class: "tile", id: `tile-${tile.id}` },
      element("div", { class: "tile-head" }, this.#title, button, words),
      element("p", { class: "tile-value" }, this.#number, " ", this.#unit, this.#note),
      element("div", { class: "tile-foot" }, this.#level, this.#sparkline.root),
    );
  }

  /** Shows the current tile. */
  update(tile: Tile): void {
    const [number, unit] = valueParts(tile.value, tile.unit);
    setText(this.#title, tile.title);
    setText(this.#number, number);
    setText(this.#unit, unit);
    setText(this.#note, tile.note);
    setText(this.#level, LEVEL_WORDS[tile.level]);
    setText(this.#words, tile.explanation);
    setAttribute(this.root, "data-level", tile.level);
    show(this.#number, tile.value !== null || tile.note === "");
    this.#sparkline.update(tile.trend);
  }
}
