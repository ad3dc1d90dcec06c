/** One number with its meaning. */

import { LEVEL_WORDS } from "../levels.ts";
import type { Tile } from "../view.ts";
import { element, setAttribute, setText, show } from "./dom.ts";
import type { ItemView } from "./keyed_list.ts";
import { createExplanation } from "./popover.ts";
import { Sparkline } from "./sparkline.ts";
import { valueParts } from "./value_text.ts";

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

  /** Makes an empty view of a tile. */
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

  /** Shows the tile as it is now. */
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
