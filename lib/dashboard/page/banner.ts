/** A banner: the service does not answer, or rejected the request. */

import { find, setText, show } from "./dom.ts";
import type { LiveState } from "./live.ts";
import { formatClock } from "./times.ts";

/** Shows the banner when something is wrong. */
export class Banner {
  readonly #words = find("banner", HTMLElement);
  readonly #startOver = find("start-over", HTMLAnchorElement);

  /** Shows the state of the stream. */
  update(state: LiveState, detail: string, shownMs: number | undefined): void {
    const isRefused = state === "refused";
    const shown = shownMs === undefined ? "" : ` Showing data from ${formatClock(shownMs)}.`;
    const gone = `vllm-metrics does not answer; retrying.${shown}`;
    setText(this.#words, isRefused ? detail : state === "lost" ? gone : "");
    show(this.#startOver, isRefused);
    const { parentElement } = this.#words;
    if (parentElement !== null) show(parentElement, isRefused || state === "lost");
  }
}
