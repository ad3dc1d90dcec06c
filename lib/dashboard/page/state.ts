/** What the components read: the view, the stream's state, the selection in the address, the time. */

import { signal } from "@preact/signals";
import type { View } from "../view.ts";
import { Live, type LiveState } from "./live.ts";

/** A value that components follow when they read it. */
export interface State<Value> {
  /** The value. */
  value: Value;
}

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
  /** Begin of a span of the past, in seconds since 1970; set together with the end. */
  readonly from: string;
  /** Its end. */
  readonly to: string;
}

/** Shortest span that can be selected, in seconds. */
const SHORTEST_SECONDS = 60;

function readChoice(): Choice {
  const query = new URLSearchParams(location.search);
  const get = (name: keyof Choice): string => query.get(name) ?? "";
  return {
    instance: get("instance"),
    model: get("model"),
    engine: get("engine"),
    window: get("window"),
    from: get("from"),
    to: get("to"),
  };
}

/** The selection as a query with its question mark; empty without one. */
export function choiceQuery(more: Readonly<Record<string, string>> = {}): string {
  const chosen = Object.entries({ ...more, ...choice.value }).filter(([, value]) => value !== "");
  return chosen.length === 0 ? "" : `?${new URLSearchParams(chosen)}`;
}

/** The newest view. */
export const newest: State<View | undefined> = signal(undefined);
/** The view that is shown; it stands still while the tab is hidden. */
export const view: State<View | undefined> = signal(undefined);
/** When the newest view arrived, by the browser's clock, which may differ from the service's. */
export const receivedMs: State<number> = signal(0);
/** The state of the stream; the detail says why, or is empty. */
export const stream: State<{ readonly state: LiveState; readonly detail: string }> = signal<
  { readonly state: LiveState; readonly detail: string }
>({ state: "connecting", detail: "" });
/** The selection. */
export const choice: State<Choice> = signal(readChoice());
/** The time by the browser's clock, in milliseconds since 1970; it ticks once a second. */
export const clock: State<number> = signal(Date.now());
/** Counts changes of the colors, which canvases do not follow. */
export const theme: State<number> = signal(0);
/** Whether the page is being printed: all charts are drawn then. */
export const isPrinting: State<boolean> = signal(false);
/** The width of the window, in pixels. */
export const pageWidth: State<number> = signal(innerWidth);
/** Whether explanations are shown. */
export const isExplaining: State<boolean> = signal(recall("explain") === "on");
/** Ids of the groups that are folded. */
export const folded: State<readonly string[]> = signal((recall("folded") ?? "").split(" "));

/** A setting of this browser; a browser may refuse to keep any. */
function recall(name: string): string | undefined {
  try {
    return localStorage.getItem(`vllm-metrics.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`vllm-metrics.${name}`, value);
  } catch {
    // The setting lasts as long as the page.
  }
}

/** Shows explanations, or hides them. */
export function toggleExplanations(): void {
  isExplaining.value = !isExplaining.value;
  remember("explain", isExplaining.value ? "on" : "off");
}

/** Folds groups. */
export function fold(ids: readonly string[]): void {
  folded.value = ids;
  remember("folded", ids.join(" "));
}

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

/** Selects; the browser's back button returns. */
export function choose(changes: Partial<Choice>): void {
  choice.value = { ...choice.value, ...changes };
  history.pushState("chosen", "", `${location.pathname}${choiceQuery()}`);
  live.open(choiceQuery());
}

/** Shows the time between two times, in seconds since 1970. */
export function zoom(from: number, to: number): void {
  const missing = Math.max(0, SHORTEST_SECONDS - (to - from)) / 2;
  const end = Math.min(Math.ceil(to + missing), Math.floor(Date.now() / 1_000));
  const start = Math.min(Math.floor(from - missing), end - SHORTEST_SECONDS);
  choose({ from: String(start), to: String(end) });
}

/** Returns to what was shown before a selection, or leaves a span of the past. */
export function goBack(): void {
  if (history.state === "chosen") history.back();
  else if (choice.value.from !== "") choose({ from: "", to: "" });
}

/** Selects the next shorter or longer window. */
export function stepWindow(step: 1 | -1): void {
  const { windows = [], windowSeconds = 0 } = view.value ?? {};
  const next = step > 0
    ? windows.find((seconds) => seconds > windowSeconds)
    : windows.findLast((seconds) => seconds < windowSeconds);
  if (next !== undefined) choose({ window: String(next), from: "", to: "" });
}

/** Pauses the stream, or resumes it. */
export function togglePause(): void {
  if (live.isPaused) live.open(choiceQuery());
  else live.pause();
}

/** Opens the stream, and follows the clock, the tab, the network and the colors. */
export function start(): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme.value++);
  matchMedia("print").addEventListener("change", ({ matches }) => {
    isPrinting.value = matches;
    theme.value++;
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    view.value = newest.value;
    live.hurry();
  });
  addEventListener("resize", () => pageWidth.value = innerWidth);
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
