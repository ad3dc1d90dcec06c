/**
 * `deno task screenshots`: pictures of the live page for the README, made by Chromium on the
 * simulated vLLM, into `docs/images/`.
 */

import { openPage, startBrowser } from "../tests/peers/browser.ts";
import { DrivenService } from "../tests/peers/driven_service.ts";
import type { ScenarioName } from "../lib/demo/scenario.ts";

const FOLDER = "docs/images";
/** Size of a picture, in pixels. */
const SIZE = { width: 1280, height: 900 };

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
  { name: "page-dark", scenario: "busy", engines: 2, colorScheme: "dark", afterMs: 560_000 },
  { name: "page-outage", scenario: "outage", engines: 1, colorScheme: "light", afterMs: 460_000 },
];

await Deno.mkdir(FOLDER, { recursive: true });
const browser = await startBrowser();
for (const { name, scenario, engines, colorScheme, afterMs } of PICTURES) {
  await using driven = new DrivenService(scenario, engines, Date.now() - afterMs);
  await driven.pass(afterMs);
  await using opened = await openPage(browser, driven.url, { colorScheme, ...SIZE });
  await opened.page.waitForSelector(".chart canvas");
  await opened.page.screenshot({ path: `${FOLDER}/${name}.png` });
}
await browser.close();
