/** What `vllm-metrics top` shows: a view as lines of text. */

import { formatSeconds, formatValue } from "../../dashboard/format.ts";
import { noFindings } from "../../dashboard/no_findings.ts";
import type { Finding, Level, Tile, View, ViewTarget } from "../../dashboard/view.ts";
import { terminalText } from "../../terminal_text.ts";

/** How lines are written. */
export interface ScreenOptions {
  /** Characters in a line. */
  readonly columns: number;
  /** Whether colours are wanted. */
  readonly color: boolean;
}

/** Words beside the colours: nothing is told by a colour alone. */
const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  good: "ok",
  warn: "! watch",
  bad: "!! bad",
  none: "",
};
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
const LEVEL_WIDTH = 9;

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

  headLines({ version, timeMs, windowSeconds, selection }: View): string[] {
    const chosen = Object.entries(selection).map(([name, value]) =>
      `${name} ${terminalText(value)}`
    );
    const parts = [
      `vllm-metrics ${version}`,
      `${new Date(timeMs).toISOString().slice(0, 19).replace("T", " ")} UTC`,
      `last ${formatSeconds(windowSeconds)}`,
      ...chosen,
    ];
    return [this.#cut(parts.join("  "))];
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

  tileLine({ title, unit, value, note, level, trend }: Tile): string {
    const shown = value === null ? note : formatValue(value, unit);
    const head = `${title.padEnd(TITLE_WIDTH)}${shown.padStart(VALUE_WIDTH)}  `;
    const words = LEVEL_WORDS[level].padEnd(LEVEL_WIDTH);
    const room = this.#options.columns - head.length - words.length;
    const line = room >= trend.length ? trendText(trend) : "";
    return this.#cut(head) + (room >= 0 ? this.#paint(words, level) : "") + line;
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

/**
 * Writes a view as lines.
 *
 * @param view What is shown.
 * @param options Width and colours.
 * @returns The lines, each no longer than the width but for colours and single long words.
 */
export function screenLines(view: View, options: ScreenOptions): string[] {
  const screen = new Screen(options);
  const findings = view.findings.flatMap((finding) => screen.findingLines(finding));
  const instead = wrap(noFindings(view).text, options.columns, "");
  return [
    ...screen.headLines(view),
    ...view.targets.map((target) => screen.targetLine(target, view.timeMs)),
    "",
    ...view.tiles.map((tile) => screen.tileLine(tile)),
    "",
    ...findings.length === 0 ? instead : findings,
  ].map((line) => line.trimEnd());
}
