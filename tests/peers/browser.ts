/** Debian's Chromium, and a page in it that is watched for what it must not do. */

import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

/** Where Debian's package puts it. */
const CHROMIUM = "/usr/bin/chromium";
/** Longest wait for anything on a page, in milliseconds. */
const PATIENCE_MS = 15_000;

/** How a page is opened. */
export interface PageOptions {
  /** The system's setting. */
  readonly colorScheme?: "light" | "dark";
  /** Size of the window, in pixels. */
  readonly width?: number;
  /** Height of the window, in pixels. */
  readonly height?: number;
  /** What the person says who is asked for credentials; any certificate is trusted then. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

/** A page. */
export interface WatchedPage extends AsyncDisposable {
  /** The page itself. */
  readonly page: Page;
  /** What it did that it must not: errors, warnings, requests that went elsewhere. */
  readonly messages: string[];
}

/**
 * Starts the browser.
 *
 * @throws {Error} When it is not installed: a check that is left out proves nothing.
 */
export async function startBrowser(): Promise<Browser> {
  try {
    return await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  } catch (error) {
    throw new Error("Cannot run Chromium: install Debian's package chromium", { cause: error });
  }
}

/** Opens an address in a window of its own. */
export async function openPage(
  browser: Browser,
  url: string,
  { colorScheme = "light", width = 1280, height = 900, credentials }: PageOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    colorScheme,
    viewport: { width, height },
    ...(credentials === undefined ? {} : { httpCredentials: credentials, ignoreHTTPSErrors: true }),
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const messages: string[] = [];
  const { origin } = new URL(url);
  page.on("pageerror", (error) => messages.push(`error: ${error}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) messages.push(message.text());
  });
  page.on("request", (request) => {
    const isOwn = request.url().startsWith(`${origin}/`) || request.url().startsWith("data:");
    if (!isOwn) messages.push(`foreign request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, messages, [Symbol.asyncDispose]: () => context.close() };
}

/** What axe finds that keeps people from using the page: id and place of each fault. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // By the debugger's way, which the page's security policy does not bind.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(`axe.run().then(({ violations }) => violations)`);
  if (!Array.isArray(violations)) throw new Error("axe gave no list");
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html }: { readonly html: string }) => `${id}: ${html.slice(0, 160)}`)
    );
}
