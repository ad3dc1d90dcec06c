/** What `vllm-metrics top` shows: a view as lines of text. */

import { formatSeconds, formatValue } from "../../dashboard/format.ts";
import { LEVEL_WORDS } from "../../dashboard/levels.ts";
import { noFindings } from "../../dashboard/availability.ts";
import type {
  Chart,
  Finding,
  FleetRow,
  Level,
  Tile,
  Unit,
  View,
  ViewTarget,
} from "../../dashboard/view.ts";
import { terminalText } from "../../terminal_text.ts";

/** How lines are written. */
export type ScreenOptions = {
  readonly columns: number;
  readonly color: boolean;
};

/** Colours of a terminal (ECMA-48, "select graphic rendition"). */
const LEVEL_COLORS: Readonly<Record<Level, number>> = { good: 32, warn: 33, bad: 31, none: 0 };
const STATE_LEVELS: Readonly<Record<ViewTarget["state"], Level>> = {
  up: "good",
  sleeping: "warn",
  starting: "warn",
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

/** The columns of the fleet table that are numbers. */
type Measured =
  | "running"
  | "waiting"
  | "kvCache"
  | "ttft"
  | "itl"
  | "tokens"
  | "errors"
  | "uptime";

/** Columns of the table of servers: head, value and unit. */
const FLEET: readonly (readonly [head: string, value: Measured, unit?: Unit])[] = [
  ["Running", "running"],
  ["Waiting", "waiting"],
  ["KV cache", "kvCache", "share"],
  ["TTFT p95", "ttft", "seconds"],
  ["ITL p95", "itl", "seconds"],
  ["Output", "tokens", "tokens/s"],
  ["Errors", "errors", "share"],
  ["Uptime", "uptime", "seconds"],
];
/** The charts that compare engines, and the head of each one's column. */
const ENGINES = "engines_";
const ENGINE_TITLES: Readonly<Record<string, string>> = {
  "kv_cache": "KV cache",
  running: "Running",
  tokens: "Output",
};
/** Widths of the columns of those tables, in characters. */
const NAME_WIDTH = 26;
const CELL_WIDTH = 14;

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

  /** A line for each server, where there are several; `*` marks what differs from its peers. */
  fleetLines(fleet: readonly FleetRow[]): string[] {
    if (fleet.length < 2) return [];
    const rows = fleet.map((row) => [
      terminalText(row.instance),
      ...FLEET.map(([, name, unit]) => {
        const value = row[name];
        const outliers: readonly string[] = row.outliers;
        const mark = outliers.includes(name) ? "*" : "";
        if (value === null) return "-";
        return mark + (unit === undefined ? String(value) : formatValue(value, unit));
      }),
      terminalText(row.model),
    ]);
    return this.#table(["Server", ...FLEET.map(([head]) => head), "Model"], rows);
  }

  /** A line for each engine, where there are several. */
  engineLines(charts: readonly Chart[]): string[] {
    const compared = charts.filter(({ id, series }) => id.startsWith(ENGINES) && series.length > 1);
    const names = [...new Set(compared.flatMap(({ series }) => series.map(({ name }) => name)))];
    if (names.length === 0) return [];
    const titles = compared.map(({ id }) => ENGINE_TITLES[id.slice(ENGINES.length)] ?? id);
    const rows = names.map((name) => [
      terminalText(name),
      ...compared.map(({ series, unit }) => {
        const values = series.find((each) => each.name === name)?.values ?? [];
        const latest = values.findLast((value) => value !== null) ?? null;
        return latest === null ? "-" : formatValue(latest, unit);
      }),
    ]);
    return this.#table(["Engine", ...titles], rows);
  }

  /** A table with the columns that fit. */
  #table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
    const fitting = Math.floor((this.#options.columns - NAME_WIDTH) / CELL_WIDTH);
    return [
      "",
      ...[head, ...rows].map(([name = "", ...cells]) =>
        this.#cut(
          name.slice(0, NAME_WIDTH).padEnd(NAME_WIDTH) +
            cells.slice(0, fitting).map((cell) => cell.padStart(CELL_WIDTH)).join(""),
        )
      ),
    ];
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
    ...screen.fleetLines(view.fleet),
    ...screen.engineLines(view.charts),
  ].map((line) => line.trimEnd());
}
