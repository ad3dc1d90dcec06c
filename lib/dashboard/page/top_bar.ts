/** The top of the page: servers, selection, age of the data, state of the stream. */

import type { View, ViewTarget } from "../view.ts";
import {
  type Choice,
  CHOICE_NAMES,
  listedTargets,
  nameOptions,
  type SelectOption,
  targetCountText,
} from "./choice.ts";
import { element, find, type ItemView, KeyedList, setAttribute, setText, show } from "./dom.ts";
import type { LiveState } from "./live.ts";
import { formatClock, formatMoment, formatSpan } from "./text.ts";

/** Shows the banner when something is wrong. */
class Banner {
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

/** A select whose options come with each view. */
class SelectView {
  readonly #select: HTMLSelectElement;
  #shown = "";

  /** Listens to the element. */
  constructor(select: HTMLSelectElement, onChoice: (value: string) => void) {
    this.#select = select;
    select.addEventListener("change", () => onChoice(select.value));
  }

  /** Shows options and the selected one. */
  update(options: readonly SelectOption[], chosen: string): void {
    const shown = JSON.stringify(options);
    if (shown !== this.#shown) {
      this.#select.replaceChildren(
        ...options.map(({ value, text }) => element("option", { value }, text)),
      );
      this.#shown = shown;
    }
    if (this.#select.value !== chosen) this.#select.value = chosen;
    // A select truncates long names.
    const text = options.find(({ value }) => value === chosen)?.text ?? "";
    setAttribute(this.#select, "title", text);
  }

  /** Shows or hides the select with its label. */
  show(visible: boolean): void {
    const { parentElement } = this.#select;
    if (parentElement !== null) show(parentElement, visible);
  }
}

/** A shape and a word for each state, besides its color. */
const TARGET_STATES: Readonly<Record<ViewTarget["state"], string>> = {
  up: "● up",
  sleeping: "◐ sleeping",
  down: "■ down",
  unknown: "○ not scraped yet",
};

/** The state of a server, such as `down since 14:03:20`. */
function targetStateText(target: ViewTarget, nowMs: number): string {
  const state = TARGET_STATES[target.state];
  return target.state === "down" && target.sinceMs !== undefined
    ? `${state} since ${formatMoment(target.sinceMs, nowMs)}`
    : state;
}

/** A server and its state. */
class TargetView implements ItemView<ViewTarget> {
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

  /** Shows the current state. */
  update(target: ViewTarget): void {
    setAttribute(this.root, "data-state", target.state);
    setText(this.#name, target.instance);
    setAttribute(this.#name, "title", target.instance);
    setText(this.#state, targetStateText(target, Date.now()));
  }
}

/** Actions of the top bar. */
export interface TopBarListener {
  /** The selection changed. */
  onChoice(name: keyof Choice, value: string): void;
  /** The button to pause or resume was pressed. */
  onPause(): void;
}

/** A shape and a word for each state of the stream, besides its color. */
const LIVE_STATES: Readonly<Record<LiveState, string>> = {
  connecting: "○ connecting",
  live: "● live",
  paused: "❚❚ paused",
  lost: "■ no connection",
  refused: "■ rejected",
};

/** The length of a window. */
function windowText(seconds: number): string {
  return `last ${formatSpan(seconds)}`;
}

/** The time of the newest successful scrape, in milliseconds since 1970. */
function lastSuccessMs(targets: readonly ViewTarget[]): number | undefined {
  const known = targets.flatMap(({ lastSuccessMs }) => lastSuccessMs ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** The top bar. */
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
  /** When the view arrived, by the browser's clock, which may differ from the service's. */
  #receivedMs = 0;

  /** Listens to the selects and the button. */
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

  /** Shows the servers and the selection of a view. */
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

  /** Shows the state of the stream. */
  setState(state: LiveState, detail: string): void {
    setText(this.#live, LIVE_STATES[state]);
    setAttribute(this.#live, "data-state", state);
    setText(this.#pause, state === "paused" ? "Resume" : "Pause");
    setAttribute(document.body, "data-live", state);
    this.#banner.update(state, detail, this.#view?.timeMs);
  }

  /** Updates the age of the data; called once a second. */
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
