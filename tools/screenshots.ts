/**
 * `deno task screenshots`: pictures of the live page for the README, made by Chromium on the
 * simulated vLLM, into `docs/images/`.
 */

import { openPage, startBrowser } from "../tests/peers/browser.ts";
import { DrivenService } from "../tests/peers/driven_service.ts";
import type { ScenarioName } from "../lib/demo/scenario.ts";

const FOLDER = "docs/images";
/** Width of a picture, in pixels. */
const WIDTH = 1440;
/** The chart that stands last in a picture: it ends with the row of that. */
const LAST_CHART = "#chart-inter_token";
/** What is seen below that, in pixels. */
const MARGIN = 10;

/** One picture. */
interface Picture {
  readonly name: string;
  readonly scenario: ScenarioName;
  readonly engines: number;
  readonly colorScheme: "light" | "dark";
  /** How long the service has run, in milliseconds. */
  readonly afterMs: number;
}

const PICTURES: readonly Picture[] = [
  { name: "page-light", scenario: "steady", engines: 1, colorScheme: "light", afterMs: 400_000 },
  { name: "page-dark", scenario: "busy", engines: 4, colorScheme: "dark", afterMs: 560_000 },
  { name: "page-outage", scenario: "outage", engines: 1, colorScheme: "light", afterMs: 460_000 },
];

await Deno.mkdir(FOLDER, { recursive: true });
const browser = await startBrowser();
for (const { name, scenario, engines, colorScheme, afterMs } of PICTURES) {
  await using driven = new DrivenService(scenario, engines, Date.now() - afterMs);
  await driven.pass(afterMs);
  await using opened = await openPage(browser, driven.url, { colorScheme, width: WIDTH });
  const { page } = opened;
  await page.waitForSelector(`${LAST_CHART} canvas`);
  const box = await page.locator(LAST_CHART).boundingBox();
  const height = Math.ceil((box?.y ?? 0) + (box?.height ?? 0)) + MARGIN;
  await page.setViewportSize({ width: WIDTH, height });
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
}
await browser.close();
