/** What `vllm-metrics top` shows: views as lines of text, in place on a terminal. */

import { formatSeconds, formatValue } from "../../dashboard/format.ts";
import { LEVEL_WORDS } from "../../dashboard/levels.ts";
import { noFindings } from "../../dashboard/availability.ts";
import type { Chart, Finding, Level, Tile, View, ViewTarget } from "../../dashboard/view.ts";
import { terminalText } from "../../terminal_text.ts";
import type { Host, Terminal } from "../host.ts";
import type { ViewEvent } from "./view_events.ts";

/** How lines are written. */
export interface ScreenOptions {
  /** Characters in a line. */
  readonly columns: number;
  /** Whether colours are wanted. */
  readonly color: boolean;
}

/** Colours of a terminal (ECMA-48, "select graphic rendition"). */
const LEVEL_COLORS: Readonly<Record<Level, number>> = { good: 32, warn: 33, bad: 31, none: 0 };
const STATE_LEVELS: Readonly<Record<ViewTarget["state"], Level>> = {
  up: "good",
  sleeping: "warn",
  down: "bad",
  unknown: "none",
};

const BARS = "▁▂▃▄▅▆▇█";
/** Widths of the columns of tiles, in characters. */
const TITLE_WIDTH = 28;
const VALUE_WIDTH = 20;
const LEVEL_WIDTH = 12;
/** Between two tiles in a line. */
const GAP = "   ";
/** Width of a tile with its trend, from which on two fit into a line. */
const TILE_WIDTH = 96;

/** Tables of servers and of engines: the charts that compare them, and the head of the first column. */
const COMPARISONS = [
  { prefix: "servers_", head: "Server" },
  { prefix: "engines_", head: "Engine" },
] as const;
/** Heads of the other columns, by the end of the chart's name. */
const COLUMN_TITLES: Readonly<Record<string, string>> = {
  "kv_cache": "KV cache",
  running: "Running",
  tokens: "Output",
};
/** Widths of the columns of those tables, in characters. */
const NAME_WIDTH = 32;
const CELL_WIDTH = 18;

/** The time in the local time zone, as on the page. */
function localTime(timeMs: number): string {
  const parts = new Intl.DateTimeFormat("sv-SE", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  });
  return parts.format(timeMs);
}

/** A small line out of blocks; gaps are spaces. */
function trendText(trend: Tile["trend"]): string {
  const highest = Math.max(...trend.map((value) => value ?? 0));
  return trend.map((value) => {
    if (value === null) return " ";
    const index = highest === 0 ? 0 : Math.round((value / highest) * (BARS.length - 1));
    return BARS[index] ?? "";
  }).join("");
}

/** Breaks a text into lines. */
function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of terminalText(text).split(" ")) {
    const longer = line === "" ? indent + word : `${line} ${word}`;
    if (line !== "" && longer.length > columns) {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Writes views as lines. */
class Screen {
  readonly #options: ScreenOptions;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  headLine({ version, timeMs, windowSeconds, selection }: View): string {
    const chosen = Object.entries(selection).map(([name, value]) =>
      `${name} ${terminalText(value)}`
    );
    const window = `last ${formatSeconds(windowSeconds)}`;
    return this.#cut([`vllm-metrics ${version}`, localTime(timeMs), window, ...chosen].join("  "));
  }

  targetLine(target: ViewTarget, nowMs: number): string {
    const { instance, state, sinceMs, lastSuccessMs } = target;
    const age = (thenMs: number): string => formatSeconds(Math.max(0, nowMs - thenMs) / 1_000);
    const details = [
      ...state === "down" && sinceMs !== undefined ? [`for ${age(sinceMs)}`] : [],
      ...lastSuccessMs === undefined ? [] : [`scraped ${age(lastSuccessMs)} ago`],
    ];
    const words = state.padEnd(10);
    const rest = this.#cut(`${words}${terminalText(instance)}  ${details.join(", ")}`).slice(
      words.length,
    );
    return this.#paint(words, STATE_LEVELS[state]) + rest;
  }

  /** The tiles, two in a line where there is room. */
  tileLines(tiles: readonly Tile[]): string[] {
    const perLine = this.#options.columns >= 2 * TILE_WIDTH + GAP.length ? 2 : 1;
    const width = perLine === 1 ? this.#options.columns : TILE_WIDTH;
    const lines = Math.ceil(tiles.length / perLine);
    return Array.from(
      { length: lines },
      (_, index) =>
        [tiles[index], perLine === 1 ? undefined : tiles[index + lines]]
          .flatMap((tile) => tile === undefined ? [] : [this.#tile(tile, width)])
          .join(GAP),
    );
  }

  #tile({ title, unit, value, note, level, trend }: Tile, width: number): string {
    const shown = value === null ? note : formatValue(value, unit);
    const head = `${title.padEnd(TITLE_WIDTH)}${shown.padStart(VALUE_WIDTH)}  `;
    const words = LEVEL_WORDS[level].padEnd(LEVEL_WIDTH);
    const room = width - head.length - words.length;
    const line = room >= trend.length ? trendText(trend) : "";
    return head.slice(0, width) + (room >= 0 ? this.#paint(words, level) : "") +
      line.padEnd(Math.max(0, Math.min(room, TILE_WIDTH)));
  }

  /** A line for each server and each engine, where there are several. */
  comparisonLines(charts: readonly Chart[]): string[] {
    return COMPARISONS.flatMap(({ prefix, head }) => {
      const compared = charts.filter(({ id, series }) =>
        id.startsWith(prefix) && series.length > 1
      );
      const names = [...new Set(compared.flatMap(({ series }) => series.map(({ name }) => name)))];
      if (names.length === 0) return [];
      const titles = compared.map(({ id }) => COLUMN_TITLES[id.slice(prefix.length)] ?? id);
      const rows = names.map((name) => [
        terminalText(name),
        ...compared.map(({ series, unit }) => {
          const values = series.find((each) => each.name === name)?.values ?? [];
          const latest = values.findLast((value) => value !== null) ?? null;
          return latest === null ? "-" : formatValue(latest, unit);
        }),
      ]);
      return [
        "",
        ...[[head, ...titles], ...rows].map(([name = "", ...cells]) =>
          this.#cut(
            name.slice(0, NAME_WIDTH).padEnd(NAME_WIDTH) +
              cells.map((cell) => cell.padStart(CELL_WIDTH)).join(""),
          )
        ),
      ];
    });
  }

  findingLines({ level, title, why, action, link }: Finding): string[] {
    const { columns } = this.#options;
    const words = `${LEVEL_WORDS[level]}: `;
    const [first = "", ...others] = wrap(words + title, columns, "");
    const texts = [why, action, link].flatMap((text) => wrap(text, columns, "  "));
    return [this.#paint(first, level), ...others, ...texts];
  }

  #cut(line: string): string {
    return line.slice(0, this.#options.columns);
  }

  #paint(text: string, level: Level): string {
    const color = LEVEL_COLORS[level];
    return this.#options.color && color !== 0 ? `\x1b[${color}m${text}\x1b[0m` : text;
  }
}

/** Writes a view as lines. */
export function screenLines(view: View, options: ScreenOptions): string[] {
  const screen = new Screen(options);
  const findings = view.findings.flatMap((finding) => screen.findingLines(finding));
  const { text } = noFindings(view);
  const instead = text === "" ? [] : wrap(text, options.columns, "");
  const said = findings.length === 0 ? instead : findings;
  return [
    screen.headLine(view),
    ...view.targets.map((target) => screen.targetLine(target, view.timeMs)),
    "",
    ...said.length === 0 ? [] : [...said, ""],
    ...screen.tileLines(view.tiles),
    ...screen.comparisonLines(view.charts),
  ].map((line) => line.trimEnd());
}

/** Writes a window as an option has it. */
export function windowText(seconds: number): string {
  if (seconds > 86_400) return `${seconds / 86_400}d`;
  return seconds < 3_600 ? `${seconds / 60}m` : `${seconds / 3_600}h`;
}

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
