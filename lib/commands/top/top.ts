/** `vllm-metrics top`: what the live page shows, in the terminal. */

import { setTimeout as delay } from "node:timers/promises";
import { parseDuration } from "../../config/values.ts";
import { windowsOf } from "../../dashboard/query_range.ts";
import type { View } from "../../dashboard/view.ts";
import { MetricsError } from "../../errors.ts";
import { NetError } from "../../net/net_error.ts";
import { type Arguments, type Command, command } from "../command.ts";
import { readEnvironment } from "../configure.ts";
import { EXIT, type Host, type Terminal } from "../host.ts";
import { type LocalClient, localClient, remoteClient } from "../local_client.ts";
import { screenLines } from "./top_screen.ts";
import { type ViewEvent, viewEvents, type ViewEventsOptions } from "./view_events.ts";

/** Pause before reconnecting, in milliseconds. */
const RETRY_MS = 2_000;
/** How long `--once` waits for numbers of a service without scrapes so far, in milliseconds. */
const PATIENCE_MS = 10_000;
/** Maximum age of current numbers, in milliseconds. */
const FRESH_MS = 30_000;
/** Views after which a rate has the two scrapes that it needs. */
const ENOUGH_VIEWS = 4;
/** What a window may be. */
const WINDOW_RANGE = { min: "1m", max: "720h", example: "5m" };
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

interface TopOptions {
  readonly once: boolean;
  readonly json: boolean;
  /** Where the service is; undefined for what LISTEN_ADDRESS names. */
  readonly url: URL | undefined;
  /** What to ask for, as parameters of the API; keys change it. */
  readonly query: URLSearchParams;
}

function readOptions(args: Arguments): TopOptions {
  const query = new URLSearchParams();
  const window = args.get("window");
  if (window !== undefined) query.set("window", windowSeconds(args, window));
  for (const name of ["model", "engine", "instance"]) {
    const value = args.text(name);
    if (value !== undefined) query.set(name, value);
  }
  return { once: args.has("once"), json: args.has("json"), url: urlOf(args), query };
}

/** Writes a window as an option has it. */
function windowText(seconds: number): string {
  if (seconds > 86_400) return `${seconds / 86_400}d`;
  return seconds < 3_600 ? `${seconds / 60}m` : `${seconds / 3_600}h`;
}

function windowSeconds(args: Arguments, text: string): string {
  if (text === "") {
    args.mistakes.push('--window needs a value, such as "5m".');
    return text;
  }
  const parsed = parseDuration(text, WINDOW_RANGE);
  const windows = windowsOf(true);
  if (!parsed.ok) args.mistakes.push(`--window "${text}": ${parsed.problem}`);
  else if (!windows.includes(parsed.value / 1_000)) {
    const names = windows.map(windowText);
    const all = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
    args.mistakes.push(`--window "${text}": there is no such window. Write ${all}.`);
  }
  return parsed.ok ? String(parsed.value / 1_000) : "";
}

function urlOf(args: Arguments): URL | undefined {
  const text = args.get("url");
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    args.mistakes.push(`--url "${text}": it is not an address such as http://localhost:9090`);
    return undefined;
  }
  // Below the path of a reverse proxy, if there is one.
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  url.search = "";
  return url;
}

/** Shows views. On a terminal it takes the whole screen and restores it at the end. */
class Display {
  readonly #host: Host;
  readonly #options: TopOptions;
  /** The terminal whose whole screen is taken. */
  readonly #screen: Terminal | undefined;
  readonly #columns: number | undefined;
  readonly #color: boolean;
  readonly #ignoreKeys: (() => void) | undefined;
  readonly #onQuit: () => void;
  readonly #onQuery: () => void;
  #view: View | undefined;
  #isPaused = false;
  #hasKeys = false;
  #ended = false;

  /** Takes the screen; calls `onQuit` when `q` is pressed, `onQuery` when a key changed the query. */
  constructor(host: Host, options: TopOptions, onQuit: () => void, onQuery: () => void) {
    const isDumb = host.env.TERM === "dumb";
    const terminal = host.terminal();
    this.#host = host;
    this.#options = options;
    this.#onQuit = onQuit;
    this.#onQuery = onQuery;
    this.#columns = terminal?.size().columns;
    this.#screen = options.once || options.json || isDumb ? undefined : terminal;
    // https://no-color.org: any value but an empty one.
    this.#color = terminal !== undefined && !isDumb && (host.env.NO_COLOR ?? "") === "";
    this.#ignoreKeys = this.#screen?.onKey((keys) => {
      for (const key of keys) this.#press(key);
    });
    if (this.#screen !== undefined) host.print(ENTER);
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
    if (this.#screen !== undefined) this.#redraw(this.#screen, [sentence]);
    else this.#host.printError(`vllm-metrics top: ${sentence}\n`);
  }

  /** Restores the screen; a second call does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ignoreKeys?.();
    if (this.#screen !== undefined) this.#host.print(LEAVE);
  }

  #press(key: string): void {
    const view = this.#view;
    if (key === "q") this.#onQuit();
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
    this.#onQuery();
  }

  #draw(): void {
    if (this.#view === undefined) return;
    const columns = this.#screen?.size().columns ?? this.#columns ?? PLAIN_COLUMNS;
    const lines = screenLines(this.#view, { columns, color: this.#color });
    if (this.#screen !== undefined) this.#redraw(this.#screen, this.#hasKeys ? KEYS : lines);
    else this.#host.print(`${lines.join("\n")}\n\n`);
  }

  /** Overwrites the screen as far as the lines fit; the last line has the keys. */
  #redraw(screen: Terminal, lines: readonly string[]): void {
    const { rows, columns } = screen.size();
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

/** Finds the service; returns what is wrong with the setting that names it. */
function findService(host: Host, { url }: TopOptions): LocalClient | string {
  const env = readEnvironment(host);
  if (env === undefined) return "the settings cannot be read";
  const readFile = (path: string): string => host.readTextFile(path);
  return url === undefined
    ? localClient(env, "LISTEN_ADDRESS", readFile)
    : remoteClient(url, env, readFile);
}

/** Whether each server was scraped just now, well or not. */
function isFresh({ targets, timeMs }: View): boolean {
  return targets.every(({ up, lastSuccessMs }) =>
    up === false || (lastSuccessMs !== undefined && timeMs - lastSuccessMs < FRESH_MS)
  );
}

/** Shows one view with numbers: asking makes the service scrape, so it may take some views. */
async function showOnce(display: Display, options: ViewEventsOptions): Promise<void> {
  const latestMs = performance.now() + PATIENCE_MS;
  let views = 0;
  let last: ViewEvent | undefined;
  for await (const event of viewEvents(options)) {
    views++;
    last = event;
    const isEnough = views === 1 ? isFresh(event.view) : views >= ENOUGH_VIEWS;
    if (isEnough || performance.now() > latestMs) break;
  }
  if (last === undefined) {
    const { origin } = options.client;
    throw new MetricsError("UPSTREAM_CLOSED", `Cannot read "${origin}": it is stopping`);
  }
  display.show(last);
}

/** Shows views until it is over. A service that answered once and has gone is waited for. */
async function showAll(
  display: Display,
  options: ViewEventsOptions,
  restart: () => AbortSignal,
): Promise<void> {
  let answered = false;
  while (!options.signal.aborted) {
    const changed = restart();
    const signal = AbortSignal.any([options.signal, changed]);
    try {
      for await (const event of viewEvents({ ...options, signal })) {
        answered = true;
        display.show(event);
      }
      display.complain("The service has ended the connection. Trying again.");
    } catch (error) {
      if (options.signal.aborted) return;
      if (changed.aborted) continue;
      const isOurs = error instanceof MetricsError || error instanceof NetError;
      if (!answered || !isOurs) throw error;
      const sentence = error instanceof MetricsError ? error.sentence : "The connection broke off.";
      display.complain(`${sentence} Trying again.`);
    }
    await delay(RETRY_MS, undefined, { signal }).catch(() => {/* It is over. */});
  }
}

/** Puts a refusal of the API into the words of the options. */
function sentenceOf(error: MetricsError, { query }: TopOptions): string {
  const seconds = Number(query.get("window") ?? 0);
  if (error.code !== "REQUEST_INVALID" || !/\bwindow\b/.test(error.message)) return error.sentence;
  return `--window "${windowText(seconds)}": the service has no history that long. ` +
    "It keeps a day, and more with HISTORY_FILE.";
}

async function run(host: Host, options: TopOptions): Promise<number> {
  const service = findService(host, options);
  if (typeof service === "string") {
    host.printError(`vllm-metrics top: ${service}\n`);
    return EXIT.badConfig;
  }
  using client = service;
  const over = new AbortController();
  const ignoreSignals = host.onStopSignal(() => over.abort());
  let changed = new AbortController();
  const restart = (): AbortSignal => (changed = new AbortController()).signal;
  const display = new Display(host, options, () => over.abort(), () => changed.abort());
  try {
    const asked = { client, query: options.query, signal: over.signal };
    await (options.once ? showOnce(display, asked) : showAll(display, asked, restart));
    return EXIT.ok;
  } catch (error) {
    if (over.signal.aborted) return EXIT.ok;
    if (!(error instanceof MetricsError)) throw error;
    display.end();
    host.printError(`vllm-metrics top: ${sentenceOf(error, options)}\n`);
    return error.code === "REQUEST_INVALID" ? EXIT.badConfig : EXIT.failed;
  } finally {
    display.end();
    ignoreSignals();
    over.abort();
  }
}

/** Shows what a running service knows: again and again on a terminal, as plain lines elsewhere. */
export const top: Command = command(
  {
    name: "top",
    summary: "show the live page in the terminal",
    details:
      "On a terminal: q quits, p pauses, w changes the window, s the server, h shows the keys.",
    options: [
      { name: "once", meaning: "print one view and exit" },
      { name: "json", meaning: "print JSON, one object a line" },
      {
        name: "window",
        value: "DURATION",
        meaning: "5m, 15m, 1h, 3h, 6h, 24h, 7d or 30d (default 5m)",
      },
      { name: "model", value: "NAME", meaning: "only this model" },
      { name: "engine", value: "NUMBER", meaning: "only this engine" },
      { name: "instance", value: "NAME", meaning: "only this server" },
      {
        name: "url",
        value: "URL",
        meaning: "another service; put its credentials into the URL",
      },
    ],
    exit: "0, 1 the service cannot be reached",
    settings:
      "LISTEN_ADDRESS, METRICS_USERNAME, METRICS_PASSWORD, METRICS_BEARER_TOKEN, TLS_CERT_FILE",
  },
  readOptions,
  run,
);
