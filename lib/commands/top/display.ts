/** The output of `vllm-metrics top`: in place on a terminal, line by line elsewhere. */

import type { View } from "../../dashboard/view.ts";
import type { Host, Terminal } from "../host.ts";
import { windowText } from "./top_options.ts";
import { screenLines } from "./top_screen.ts";
import type { ViewEvent } from "./view_events.ts";

/** Control sequences of a terminal (xterm: alternate screen buffer, cursor visibility). */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** Width of lines that do not go to a terminal. */
const PLAIN_COLUMNS = 100;

const KEYS = [
  "q  quit",
  "p  pause or resume",
  "w  next window",
  "s  next server, then all",
  "h  show or hide the keys",
];

/** How views are shown. */
export interface DisplayOptions {
  /** Whether one view is shown. */
  readonly once: boolean;
  /** Whether views are printed as JSON. */
  readonly json: boolean;
  /** What is asked for; keys change it. */
  readonly query: URLSearchParams;
  /** Called when `q` is pressed. */
  readonly onQuit: () => void;
  /** Called when a key has changed the query. */
  readonly onQuery: () => void;
}

/** Shows views. On a terminal it takes the whole screen and restores it at the end. */
export class Display implements Disposable {
  readonly #host: Host;
  readonly #options: DisplayOptions;
  readonly #terminal: Terminal | undefined;
  readonly #inPlace: boolean;
  readonly #color: boolean;
  readonly #ignoreKeys: () => void;
  #view: View | undefined;
  #isPaused = false;
  #hasKeys = false;
  #ended = false;

  /** Takes the screen. */
  constructor(host: Host, options: DisplayOptions) {
    const isDumb = host.env.TERM === "dumb";
    this.#host = host;
    this.#options = options;
    this.#terminal = host.terminal();
    this.#inPlace = this.#terminal !== undefined && !options.once && !options.json && !isDumb;
    // https://no-color.org: any value but an empty one.
    this.#color = this.#terminal !== undefined && !isDumb && (host.env.NO_COLOR ?? "") === "";
    this.#ignoreKeys = this.#inPlace && this.#terminal !== undefined
      ? this.#terminal.onKey((keys) => {
        for (const key of keys) this.#press(key);
      })
      : (): void => {};
    if (this.#inPlace) host.print(ENTER);
  }

  /** Shows a view, unless paused. */
  show({ view, json }: ViewEvent): void {
    if (this.#options.json) this.#host.print(`${json}\n`);
    else if (!this.#isPaused) {
      this.#view = view;
      this.#draw();
    }
  }

  /** Shows what is wrong with the connection. */
  complain(sentence: string): void {
    if (this.#inPlace) this.#redraw([sentence]);
    else this.#host.printError(`vllm-metrics top: ${sentence}\n`);
  }

  /** Restores the screen; a second call does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ignoreKeys();
    if (this.#inPlace) this.#host.print(LEAVE);
  }

  /** Restores the screen. */
  [Symbol.dispose](): void {
    this.end();
  }

  #press(key: string): void {
    const view = this.#view;
    if (key === "q") this.#options.onQuit();
    else if (key === "p" || key === " ") this.#isPaused = !this.#isPaused;
    else if (key === "h" || key === "?") this.#hasKeys = !this.#hasKeys;
    else if (key === "w" && view !== undefined) {
      this.#ask("window", next(view.windows.map(String), String(view.windowSeconds)));
    } else if (key === "s" && view !== undefined) {
      this.#ask("instance", next(["", ...view.instances], view.selection.instance ?? ""));
    } else return;
    this.#draw();
  }

  #ask(name: string, value: string): void {
    if (value === "") this.#options.query.delete(name);
    else this.#options.query.set(name, value);
    this.#isPaused = false;
    this.#options.onQuery();
  }

  #draw(): void {
    if (this.#view === undefined) return;
    const columns = this.#terminal?.size().columns ?? PLAIN_COLUMNS;
    const lines = screenLines(this.#view, { columns, color: this.#color });
    if (this.#inPlace) this.#redraw(this.#hasKeys ? KEYS : lines);
    else this.#host.print(`${lines.join("\n")}\n\n`);
  }

  /** Overwrites the screen as far as the lines fit; the last line has the keys. */
  #redraw(lines: readonly string[]): void {
    const { rows, columns } = this.#terminal?.size() ?? { rows: lines.length + 1, columns: 80 };
    const shown = lines.slice(0, Math.max(0, rows - 1));
    const hidden = lines.length - shown.length;
    const last = [
      hidden > 0 ? `q quits; ${hidden} more lines do not fit` : "q quits",
      this.#isPaused ? "PAUSED, p resumes" : "p pause",
      `w window ${this.#view === undefined ? "" : windowText(this.#view.windowSeconds)}`.trimEnd(),
      "s server",
      "h keys",
    ].join("; ").slice(0, columns);
    const text = [...shown, last].map((line) => line + CLEAR_LINE).join("\r\n");
    this.#host.print(HOME + text + CLEAR_BELOW);
  }
}

/** The value after another one, from the start again after the last. */
function next(values: readonly string[], value: string): string {
  return values[(values.indexOf(value) + 1) % values.length] ?? value;
}
