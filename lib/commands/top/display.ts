/** Where `vllm-metrics top` writes: in place on a terminal, line by line elsewhere. */

import type { Host, Terminal } from "../host.ts";
import { screenLines } from "./top_screen.ts";
import type { ViewEvent } from "./view_events.ts";

/** Steers a terminal (xterm, "alternate screen buffer", "cursor visibility"). */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** Width of lines that go elsewhere than to a terminal. */
const PLAIN_COLUMNS = 100;

/** How views are shown. */
export interface DisplayOptions {
  /** Whether one view is shown, and nothing behind it. */
  readonly once: boolean;
  /** Whether views are written as JSON. */
  readonly json: boolean;
  /** Called when somebody presses `q`. */
  readonly onQuit: () => void;
}

/** Shows views. On a terminal it takes the whole screen, and gives it back at the end. */
export class Display implements Disposable {
  readonly #host: Host;
  readonly #json: boolean;
  readonly #terminal: Terminal | undefined;
  readonly #inPlace: boolean;
  readonly #color: boolean;
  readonly #ignoreKeys: () => void;
  #ended = false;

  /**
   * Takes the screen.
   *
   * @param host The process.
   * @param options How views are shown.
   */
  constructor(host: Host, { once, json, onQuit }: DisplayOptions) {
    const isDumb = host.env.TERM === "dumb";
    this.#host = host;
    this.#json = json;
    this.#terminal = host.terminal();
    this.#inPlace = this.#terminal !== undefined && !once && !json && !isDumb;
    // https://no-color.org: whatever is in it, as long as it is not empty.
    this.#color = this.#terminal !== undefined && !isDumb && (host.env.NO_COLOR ?? "") === "";
    this.#ignoreKeys = this.#inPlace && this.#terminal !== undefined
      ? this.#terminal.onKey((key) => {
        if (key.includes("q")) onQuit();
      })
      : (): void => {};
    if (this.#inPlace) host.print(ENTER);
  }

  /** Shows a view. */
  show({ view, json }: ViewEvent): void {
    if (this.#json) {
      this.#host.print(`${json}\n`);
      return;
    }
    const columns = this.#terminal?.size().columns ?? PLAIN_COLUMNS;
    const lines = screenLines(view, { columns, color: this.#color });
    if (this.#inPlace) this.#redraw(lines);
    else this.#host.print(`${lines.join("\n")}\n\n`);
  }

  /** Says that something is wrong with the connection. */
  complain(sentence: string): void {
    if (this.#inPlace) this.#redraw([sentence]);
    else this.#host.printError(`vllm-metrics top: ${sentence}\n`);
  }

  /** Gives the screen back; again does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ignoreKeys();
    if (this.#inPlace) this.#host.print(LEAVE);
  }

  /** Gives the screen back. */
  [Symbol.dispose](): void {
    this.end();
  }

  /** Writes over what is there, as far as it fits; the last line says how to end. */
  #redraw(lines: readonly string[]): void {
    const rows = this.#terminal?.size().rows ?? lines.length + 1;
    const shown = lines.slice(0, Math.max(0, rows - 1));
    const hidden = lines.length - shown.length;
    const last = hidden > 0 ? `q quits; ${hidden} more lines do not fit` : "q quits";
    const text = [...shown, last].map((line) => line + CLEAR_LINE).join("\r\n");
    this.#host.print(HOME + text + CLEAR_BELOW);
  }
}
