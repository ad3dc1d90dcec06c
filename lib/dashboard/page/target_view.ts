/** One server and its state. */

import type { ViewTarget } from "../view.ts";
import { element, setAttribute, setText } from "./dom.ts";
import { formatMoment } from "./times.ts";
import type { ItemView } from "./keyed_list.ts";

/** What stands for a state besides its colour: a shape and a word. */
const STATES: Readonly<Record<ViewTarget["state"], string>> = {
  up: "● up",
  sleeping: "◐ sleeping",
  down: "■ down",
  unknown: "○ not scraped yet",
};

/** The state of a server in words, such as `down since 14:03:20`. */
function targetStateText(target: ViewTarget, nowMs: number): string {
  const state = STATES[target.state];
  return target.state === "down" && target.sinceMs !== undefined
    ? `${state} since ${formatMoment(target.sinceMs, nowMs)}`
    : state;
}

/** Shows a server. */
export class TargetView implements ItemView<ViewTarget> {
  readonly #name = element("bdi", { class: "name" });
  readonly #state = element("span", { class: "target-state" });
  /** Its element. */
  readonly root: HTMLElement = element(
    "li",
    { class: "target" },
    this.#state,
    " ",
    this.#name,
  );

  /** Shows the server as it is now. */
  update(target: ViewTarget): void {
    setAttribute(this.root, "data-state", target.state);
    setText(this.#name, target.instance);
    setAttribute(this.#name, "title", target.instance);
    setText(this.#state, targetStateText(target, Date.now()));
  }
}
