/** The top of the page: servers, selection, age of the data, state of the stream. */

import type { View, ViewTarget } from "../view.ts";
import { Banner } from "./banner.ts";
import { type Choice, CHOICE_NAMES, nameOptions, type SelectOption } from "./choice.ts";
import { find, setAttribute, setText } from "./dom.ts";
import { KeyedList } from "./keyed_list.ts";
import { listedTargets, targetCountText } from "./listed_targets.ts";
import type { LiveState } from "./live.ts";
import { SelectView } from "./select_view.ts";
import { TargetView } from "./target_view.ts";
import { formatSpan } from "./times.ts";

/** Actions of the top bar. */
export interface TopBarListener {
  /** The selection changed. */
  onChoice(name: keyof Choice, value: string): void;
  /** The button to pause or resume was pressed. */
  onPause(): void;
}

/** A shape and a word for each state of the stream, besides its color. */
const STATES: Readonly<Record<LiveState, string>> = {
  connecting: "○ connecting",
  live: "● live",
  paused: "❚❚ paused",
  lost: "■ no connection",
  refused: "■ rejected",
};

/** A window's length in words. */
function windowText(seconds: number): string {
  return `last ${formatSpan(seconds)}`;
}

/** When the newest good scrape was made, in milliseconds since 1970. */
function lastSuccessMs(targets: readonly ViewTarget[]): number | undefined {
  const known = targets.flatMap(({ lastSuccessMs }) => lastSuccessMs ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** Shows the top of the page. */
export class TopBar {
  readonly #targets = new KeyedList<ViewTarget, TargetView>({
    parent: find("targets", HTMLUListElement),
    keyOf: ({ instance }) => instance,
    create: () => new TargetView(),
  });
  readonly #count = find("target-count", HTMLElement);
  readonly #selects: Readonly<Record<keyof Choice, SelectView>>;
  readonly #age = find("age", HTMLElement);
  readonly #live = find("live", HTMLElement);
  readonly #pause = find("pause", HTMLButtonElement);
  readonly #banner = new Banner();
  #view: View | undefined;
  /** When the view came, by the browser's clock, which need not be the service's. */
  #receivedMs = 0;

  /** Begins to listen to the selects and the button. */
  constructor(listener: TopBarListener) {
    const select = (name: keyof Choice): SelectView =>
      new SelectView(find(name, HTMLSelectElement), (value) => listener.onChoice(name, value));
    this.#selects = {
      instance: select("instance"),
      model: select("model"),
      engine: select("engine"),
      window: select("window"),
    };
    this.#pause.addEventListener("click", () => listener.onPause());
  }

  /** Shows what a view says of servers and choices. */
  update(view: View, choice: Choice): void {
    this.#view = view;
    this.#receivedMs = Date.now();
    this.#targets.update(listedTargets(view.targets));
    setText(this.#count, targetCountText(view.targets));
    const options: Record<keyof Choice, SelectOption[]> = {
      instance: nameOptions(view.instances, choice.instance, "servers"),
      model: nameOptions(view.models, choice.model, "models"),
      engine: nameOptions(view.engines, choice.engine, "engines"),
      window: view.windows.map((seconds) => ({
        value: String(seconds),
        text: windowText(seconds),
      })),
    };
    const chosen = { ...choice, window: String(view.windowSeconds) };
    for (const name of CHOICE_NAMES) this.#selects[name].update(options[name], chosen[name]);
    this.#selects.instance.show(view.instances.length > 1 || choice.instance !== "");
    setText(find("version", HTMLElement), view.version);
    this.tick();
  }

  /** Shows how the stream is. */
  setState(state: LiveState, detail: string): void {
    setText(this.#live, STATES[state]);
    setAttribute(this.#live, "data-state", state);
    setText(this.#pause, state === "paused" ? "Resume" : "Pause");
    setAttribute(document.body, "data-live", state);
    this.#banner.update(state, detail, this.#view?.timeMs);
  }

  /** Lets the age of the data grow; called once a second. */
  tick(): void {
    const view = this.#view;
    if (view === undefined) return;
    const last = lastSuccessMs(view.targets);
    const nowMs = view.timeMs + Date.now() - this.#receivedMs;
    setText(
      this.#age,
      last === undefined ? "not scraped yet" : `scraped ${formatSpan((nowMs - last) / 1_000)} ago`,
    );
  }
}
