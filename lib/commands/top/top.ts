/** `vllm-metrics top`: what the live page shows, in the terminal. */

import { setTimeout as delay } from "node:timers/promises";
import { parseDuration } from "../../config/values.ts";
import { windowsOf } from "../../dashboard/query_range.ts";
import { MetricsError } from "../../errors.ts";
import type { View } from "../../dashboard/view.ts";
import { NetError } from "../../net/net_error.ts";
import { nearest } from "../../nearest.ts";
import { type Arguments, command } from "../command.ts";
import { readEnvironment } from "../configure.ts";
import { EXIT, type Host } from "../host.ts";
import { type LocalClient, localClient, remoteClient } from "../local_client.ts";
import { Display, windowText } from "./top_screen.ts";
import { type ViewEvent, viewEvents, type ViewEventsOptions } from "./view_events.ts";

/** Pause before reconnecting, in milliseconds. */
const RETRY_MS = 2_000;
/** How long `--once` waits for numbers of a service without scrapes so far, in milliseconds. */
const PATIENCE_MS = 10_000;
/** Maximum age of current numbers, in milliseconds. */
const FRESH_MS = 30_000;
/** Views after which a rate has the two scrapes that it needs. */
const ENOUGH_VIEWS = 4;

/** The options. */
interface TopOptions {
  /** Whether to show one view and exit. */
  readonly once: boolean;
  /** Whether to print views as JSON, one a line. */
  readonly json: boolean;
  /** Where the service is; undefined for what LISTEN_ADDRESS names. */
  readonly url: URL | undefined;
  /** What to ask for, as parameters of the API. */
  readonly query: URLSearchParams;
}

/** What a window may be. */
const WINDOW_RANGE = { min: "1m", max: "720h", example: "5m" };
/** Parameters of the API that are passed on as they are. */
const SELECTORS = ["model", "engine", "instance"] as const;

function readOptions(args: Arguments): TopOptions {
  const query = new URLSearchParams();
  const window = args.get("window");
  if (window !== undefined) query.set("window", windowSeconds(args, window));
  for (const name of SELECTORS) {
    const value = args.text(name);
    if (value !== undefined) query.set(name, value);
  }
  return { once: args.has("once"), json: args.has("json"), url: urlOf(args), query };
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

/** One view with numbers: asking makes the service scrape, so it may take some views. */
async function firstWithNumbers(events: AsyncIterable<ViewEvent>): Promise<ViewEvent | undefined> {
  const latestMs = performance.now() + PATIENCE_MS;
  let views = 0;
  let last: ViewEvent | undefined;
  for await (const event of events) {
    views++;
    const isEnough = views === 1 ? isFresh(event.view) : views >= ENOUGH_VIEWS;
    last = event;
    if (isEnough || performance.now() > latestMs) break;
  }
  return last;
}

/** Shows one view. */
async function showOnce(display: Display, options: ViewEventsOptions): Promise<void> {
  const event = await firstWithNumbers(viewEvents(options));
  if (event === undefined) {
    throw new MetricsError(
      "UPSTREAM_CLOSED",
      `Cannot read "${options.client.origin}": it is stopping`,
    );
  }
  checkInstance(event.view);
  display.show(event);
}

/** A server that is not configured never gets numbers; a model or an engine may. */
function checkInstance({ selection: { instance }, instances }: View): void {
  if (instance === undefined || instances.includes(instance)) return;
  const meant = nearest(instance, instances);
  throw new MetricsError("REQUEST_INVALID", `--instance: there is no server "${instance}"`, {
    hint: meant === undefined
      ? `There ${instances.length === 1 ? "is" : "are"} ${instances.join(", ")}.`
      : `Did you mean "${meant}"?`,
  });
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
        if (!answered) checkInstance(event.view);
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
  const place = findService(host, options);
  if (typeof place === "string") {
    host.printError(`vllm-metrics top: ${place}\n`);
    return EXIT.badConfig;
  }
  const over = new AbortController();
  const ignoreSignals = host.onStopSignal(() => over.abort());
  let changed = new AbortController();
  const restart = (): AbortSignal => (changed = new AbortController()).signal;
  using _place = place;
  using display = new Display(host, {
    ...options,
    onQuit: () => over.abort(),
    onQuery: () => changed.abort(),
  });
  try {
    const asked = { client: place, query: options.query, signal: over.signal };
    await (options.once ? showOnce(display, asked) : showAll(display, asked, restart));
    return EXIT.ok;
  } catch (error) {
    if (over.signal.aborted) return EXIT.ok;
    if (!(error instanceof MetricsError)) throw error;
    display.end();
    host.printError(`vllm-metrics top: ${sentenceOf(error, options)}\n`);
    return error.code === "REQUEST_INVALID" ? EXIT.badConfig : EXIT.failed;
  } finally {
    ignoreSignals();
    over.abort();
  }
}

/** Shows what a running service knows: again and again on a terminal, as plain lines elsewhere. */
export const top = command(
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
        meaning: "5m, 15m, 1h, 3h, 6h, 24h or 30d (default 5m)",
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
