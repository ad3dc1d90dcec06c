/** Says across the page that the service is gone, or refused what was asked for. */

import { find, setText, show } from "./dom.ts";
import type { LiveState } from "./live.ts";
import { formatClock } from "./times.ts";

/** Shows the banner, or nothing while all is well. */
export class Banner {
  readonly #words = find("banner", HTMLElement);
  readonly #startOver = find("start-over", HTMLAnchorElement);

  /**
   * Shows how the stream is.
   *
   * @param state How it is.
   * @param detail Why it was refused.
   * @param shownMs When what is shown was computed, in milliseconds since 1970.
   */
  update(state: LiveState, detail: string, shownMs: number | undefined): void {
    const isRefused = state === "refused";
    const shown = shownMs === undefined ? "" : ` What you see is of ${formatClock(shownMs)}.`;
    const gone = `vllm-metrics does not answer; trying again.${shown}`;
    setText(this.#words, isRefused ? detail : state === "lost" ? gone : "");
    show(this.#startOver, isRefused);
    const { parentElement } = this.#words;
    if (parentElement !== null) show(parentElement, isRefused || state === "lost");
  }
}
