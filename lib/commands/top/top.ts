/** `vllm-metrics top`: what the live page shows, in the terminal. */

import { setTimeout as delay } from "node:timers/promises";
import { MetricsError } from "../../errors.ts";
import type { View } from "../../dashboard/view.ts";
import { NetError } from "../../net/net_error.ts";
import { nearest } from "../../nearest.ts";
import { Arguments } from "../arguments.ts";
import { readEnvironment } from "../configure.ts";
import { EXIT, type Host } from "../host.ts";
import { type LocalClient, localClient, remoteClient } from "../local_client.ts";
import { Display } from "./display.ts";
import { readTopOptions, type TopOptions, windowText } from "./top_options.ts";
import { type ViewEvent, viewEvents, type ViewEventsOptions } from "./view_events.ts";

/** Pause before reconnecting, in milliseconds. */
const RETRY_MS = 2_000;
/** How long `--once` waits for numbers of a service without scrapes so far, in milliseconds. */
const PATIENCE_MS = 10_000;
/** Maximum age of current numbers, in milliseconds. */
const FRESH_MS = 30_000;
/** Views after which a rate has the two scrapes that it needs. */
const ENOUGH_VIEWS = 4;

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

/** Shows what a running service knows: again and again on a terminal, as plain lines elsewhere. */
export async function top(host: Host): Promise<number> {
  const args = new Arguments("top", host.args);
  const options = readTopOptions(args);
  if (args.refuse(host)) return EXIT.badConfig;
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
