/** How soon Chromium paints the live page, beside a page that holds one word. */

import type { Browser } from "playwright-core";
import { openPage, startBrowser } from "../tests/peers/browser.ts";
import { formatTable, median } from "./kit.ts";

/** How often each page is opened, in a window of its own, so that nothing is in its cache. */
const ROUNDS = 11;
/** Rounds that do not count: Chromium is slow at first. */
const WARM_UP_ROUNDS = 2;

/** Times from the navigation on, in milliseconds (Paint Timing, W3C). */
interface Paint {
  /** Until anything is painted. */
  first: number;
  /** Until a text or a picture is. */
  contentful: number;
}

async function paintOf(browser: Browser, url: string): Promise<Paint> {
  await using opened = await openPage(browser, url);
  const times: unknown = await opened.page.evaluate(`new Promise((resolve) => {
    new PerformanceObserver(() => {
      const entries = performance.getEntriesByType("paint");
      if (entries.length === 2) resolve(entries.map(({ startTime }) => startTime));
    }).observe({ type: "paint", buffered: true });
  })`);
  if (!Array.isArray(times)) throw new Error(`Cannot measure "${url}": nothing was painted`);
  return { first: Math.min(...times), contentful: Math.max(...times) };
}

/**
 * Opens the live page and a bare one in turn.
 *
 * @throws {Error} When Chromium is not installed.
 */
export async function firstPaintTable(url: string): Promise<string> {
  await using bare = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen(): void {} },
    () => new Response("<!doctype html>word", { headers: { "content-type": "text/html" } }),
  );
  await using browser = await startBrowser();
  const pages: { name: string; url: string; paints: Paint[] }[] = [
    { name: "a word", url: `http://127.0.0.1:${bare.addr.port}/`, paints: [] },
    { name: "live page", url, paints: [] },
  ];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    for (const page of pages) page.paints.push(await paintOf(browser, page.url));
  }
  return formatTable([
    ["", "first paint ms", "first text ms"],
    ...pages.map(({ name, paints }) => {
      const counted = paints.slice(WARM_UP_ROUNDS);
      return [
        name,
        median(counted.map(({ first }) => first)).toFixed(0),
        median(counted.map(({ contentful }) => contentful)).toFixed(0),
      ];
    }),
  ]);
}
