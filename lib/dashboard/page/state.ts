/** What the components read: the view, the stream's state, the selection in the address, the time. */

import { signal } from "@preact/signals";
import type { View } from "../view.ts";
import { Live, type LiveState } from "./live.ts";

/** A selection; an empty text selects all, or the default window. */
export interface Choice {
  /** The server, by its name. */
  readonly instance: string;
  /** The model, by its name. */
  readonly model: string;
  /** The engine, by its number. */
  readonly engine: string;
  /** The window in seconds. */
  readonly window: string;
}

function readChoice(): Choice {
  const query = new URLSearchParams(location.search);
  const get = (name: keyof Choice): string => query.get(name) ?? "";
  return {
    instance: get("instance"),
    model: get("model"),
    engine: get("engine"),
    window: get("window"),
  };
}

/** The selection as a query with its question mark; empty without one. */
function choiceQuery(): string {
  const chosen = Object.entries(choice.value).filter(([, value]) => value !== "");
  return chosen.length === 0 ? "" : `?${new URLSearchParams(chosen)}`;
}

/** The newest view. */
export const newest = signal<View | undefined>(undefined);
/** The view that is shown; it stands still while the tab is hidden. */
export const view = signal<View | undefined>(undefined);
/** When the newest view arrived, by the browser's clock, which may differ from the service's. */
export const receivedMs = signal(0);
/** The state of the stream; the detail says why, or is empty. */
export const stream = signal<{ readonly state: LiveState; readonly detail: string }>({
  state: "connecting",
  detail: "",
});
/** The selection. */
export const choice = signal(readChoice());
/** The time by the browser's clock, in milliseconds since 1970; it ticks once a second. */
export const clock = signal(Date.now());
/** Counts changes of the colors, which canvases do not follow. */
export const theme = signal(0);

const live = new Live({
  onView(next): void {
    // The service was updated: this script may not understand it.
    if (newest.value !== undefined && newest.value.version !== next.version) location.reload();
    newest.value = next;
    receivedMs.value = Date.now();
    if (!document.hidden) view.value = next;
  },
  onState(state, detail): void {
    stream.value = { state, detail };
  },
});

/** Selects. */
export function choose(changes: Partial<Choice>): void {
  choice.value = { ...choice.value, ...changes };
  history.pushState(null, "", `${location.pathname}${choiceQuery()}`);
  live.open(choiceQuery());
}

/** Pauses the stream, or resumes it. */
export function togglePause(): void {
  if (live.isPaused) live.open(choiceQuery());
  else live.pause();
}

/** Opens the stream, and follows the clock, the tab, the network and the colors. */
export function start(): void {
  const recolor = (): void => void theme.value++;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolor);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    view.value = newest.value;
    live.hurry();
  });
  addEventListener("online", () => live.hurry());
  addEventListener("popstate", () => {
    choice.value = readChoice();
    live.open(choiceQuery());
  });
  setInterval(() => {
    if (document.hidden) return;
    clock.value = Date.now();
    live.check();
  }, 1_000);
  live.open(choiceQuery());
}
