/** A tile with its explanation and its sparkline. */

import type { JSX } from "preact";
import { LEVEL_WORDS } from "../levels.ts";
import type { Tile } from "../view.ts";
import { valueParts } from "./text.ts";

/** Size of the sparkline's box, which is stretched to its element. */
const SPARK = { width: 100, height: 24 };
/** Minimum distance of an explanation to the edges of the window, in pixels. */
const MARGIN = 8;

/** The `d` of a path from 0 at the bottom to the largest value at the top; empty without values. */
function sparkPath(values: readonly (number | null)[]): string {
  const largest = Math.max(0, ...values.map((value) => value ?? 0));
  const step = SPARK.width / Math.max(1, values.length - 1);
  let path = "";
  let isDown = false;
  values.forEach((value, index) => {
    if (value === null) {
      isDown = false;
      return;
    }
    const y = SPARK.height - 1 - (largest === 0 ? 0 : (value / largest) * (SPARK.height - 2));
    const point = `${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    // A point between gaps is a line of zero length, which round caps make visible.
    path += isDown ? `L${point}` : `M${point}h0`;
    isDown = true;
  });
  return path;
}

/** Places the explanation below its button, or above it if there is no space. */
function place(words: HTMLElement): void {
  const button = words.previousElementSibling;
  if (button === null || !words.matches(":popover-open")) return;
  const at = button.getBoundingClientRect();
  const { width, height } = words.getBoundingClientRect();
  const left = Math.min(at.left, innerWidth - width - MARGIN);
  const below = at.bottom + MARGIN / 2;
  const top = below + height > innerHeight - MARGIN ? at.top - height - MARGIN / 2 : below;
  words.style.left = `${Math.max(MARGIN, left)}px`;
  words.style.top = `${Math.max(MARGIN, top)}px`;
  // It would not follow the button.
  addEventListener("scroll", () => words.hidePopover(), { once: true });
}

/** A tile. */
export function TileCard({ tile }: { readonly tile: Tile }): JSX.Element {
  const { id, title, level, value, note, explanation, trend } = tile;
  const [number, unit] = valueParts(value, tile.unit);
  const about = `about-tile-${id}`;
  return (
    <li class="tile" id={`tile-${id}`} data-level={level}>
      <div class="tile-head">
        <h3>{title}</h3>
        <button type="button" class="explain" popovertarget={about} aria-label={`About ${title}`}>
          ?
        </button>
        <div
          id={about}
          class="explanation"
          popover="auto"
          onToggle={(event) => place(event.currentTarget)}
        >
          {explanation}
        </div>
      </div>
      <p class="tile-value">
        {(value !== null || note === "") && <span class="number">{number}</span>}{" "}
        <span class="unit">{unit}</span>
        <span class="note">{note}</span>
      </p>
      <div class="tile-foot">
        <span class="level">{LEVEL_WORDS[level]}</span>
        <svg
          class="sparkline"
          viewBox={`0 0 ${SPARK.width} ${SPARK.height}`}
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          <path d={sparkPath(trend)} />
        </svg>
      </div>
    </li>
  );
}
