/** The page in a browser, on the real service and a simulated vLLM. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { boundText, shortText, valueParts, valueText } from "../../lib/dashboard/page/text.ts";
import type { Chart, View } from "../../lib/dashboard/view.ts";
import { accessibilityFaults, openPage, startBrowser } from "./browser.ts";
import { DrivenService } from "./driven_service.ts";

/** When all of it happens, in milliseconds since 1970. */
const START_MS = Date.parse("2026-03-04T12:00:00Z");
const FIVE_MINUTES_MS = 300_000;

let browser: Browser;
Deno.test.beforeAll(async () => {
  browser = await startBrowser();
});
Deno.test.afterAll(() => browser.close());

/** What the JSON route gives for the query of the page. */
async function viewOf(driven: DrivenService, query = ""): Promise<View> {
  return await (await driven.service.get(`/api/v1/view${query}`)).json();
}

/** A text with its spaces, of whatever kind, as one. */
function plain(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** The texts of all elements that a selector finds. */
async function textsOf(page: Page, selector: string): Promise<string[]> {
  return (await page.locator(selector).allInnerTexts()).map(plain);
}

/** Whether a line's values in the first bucket are not known. */
function isQuantile(name: string): boolean {
  return /^p\d+$/.test(name);
}

/** The rows that the table of a chart must have. */
function expectedRows({ kind, unit, series, below }: Chart): string[] {
  return series.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    const numbers = known.length === 0
      ? [null, null, null]
      : [values.at(-1), Math.min(...known), Math.max(...known)];
    const texts = numbers.map((value) =>
      plain(valueText(value, unit, isQuantile(name) ? below : null))
    );
    return [kind === "heatmap" ? boundText(name) : name, ...texts].join(" ");
  });
}

Deno.test("tiles and charts show the numbers that the JSON route gives", async () => {
  await using driven = new DrivenService("busy", 2, START_MS);
  await driven.pass(FIVE_MINUTES_MS);
  await using opened = await openPage(browser, driven.url);
  const { page, messages } = opened;
  await page.waitForSelector(".chart canvas");
  const { tiles, charts, findings } = await viewOf(driven);

  for (const { id, value, unit, below, note } of tiles) {
    const expected = value === null ? note : plain(valueParts(value, unit, below).join(" "));
    assertEquals(await textsOf(page, `#tile-${id} .tile-value`), [expected], id);
  }
  assertEquals(
    await textsOf(page, ".finding h3"),
    findings.map(({ title }) => title),
  );
  const reported = charts.filter(({ note }) => note !== "not reported by this vLLM");
  for (const chart of reported) {
    const { id, kind, title, series, unit, below } = chart;
    assertEquals(await textsOf(page, `#chart-${id} h3`), [title]);
    if (kind !== "heatmap") {
      assertEquals(
        await textsOf(page, `#chart-${id} .legend-value`),
        series.map(({ name, values }) =>
          plain(shortText(values.at(-1), unit, isQuantile(name) ? below : null))
        ),
        title,
      );
    }
    await page.locator(`#chart-${id} summary`, { hasText: "Values" }).click();
    await page.waitForSelector(`#chart-${id} table`);
    assertEquals(await textsOf(page, `#chart-${id} tbody tr`), expectedRows(chart), title);
  }
  assertEquals(await page.locator(".chart").count(), reported.length);
  assertEquals(messages, []);
});

Deno.test("choosing engine, model and window asks the service for them", async () => {
  await using driven = new DrivenService("steady", 2, START_MS);
  await driven.pass(FIVE_MINUTES_MS);
  const { models, windows } = await viewOf(driven);
  await using opened = await openPage(browser, `${driven.url}?model=${models[0]}`);
  const { page, messages } = opened;
  await page.waitForSelector("#tile-running");
  await page.locator("#engine").selectOption("1");
  await page.locator("#window").selectOption(String(windows[1]));
  await page.waitForURL(/window=/);
  const query = new URL(page.url()).search;
  const view = await viewOf(driven, query);
  assertEquals(view.selection, { model: models[0], engine: "1" });
  assertEquals(view.windowSeconds, windows[1]);
  const running = view.tiles.find(({ id }) => id === "running")?.value ?? null;
  const [number = ""] = valueParts(running, "requests");
  await page.locator("#tile-running .number", { hasText: number }).waitFor();
  assertEquals(await page.locator("#window").inputValue(), String(windows[1]));
  assertEquals(messages, []);
});

Deno.test("an outage and the recovery from it are shown", async () => {
  await using driven = new DrivenService("outage", 1, START_MS);
  await driven.pass(20_000);
  await using opened = await openPage(browser, driven.url);
  const { page } = opened;
  await page.waitForSelector("[data-state=up] .target-state");
  await driven.passUntil("down");
  await page.waitForSelector("[data-state=down] .target-state");
  const [state = ""] = await textsOf(page, ".target-state");
  assertMatch(state, /^■ down since \S/);
  assertStringIncludes((await textsOf(page, ".finding"))[0] ?? "", "A server is down");
  assertStringIncludes(await page.title(), "down");
  await driven.passUntil("awake");
  await page.waitForSelector("[data-state=up] .target-state");
  await page.locator("#finding-server_down").waitFor({ state: "detached" });
  // The outage stays in the charts as a gap.
  const { charts } = await viewOf(driven);
  const running = charts.find(({ id }) => id === "running");
  const gaps = running?.series[0]?.values.slice(-20).filter((value) => value === null).length ?? 0;
  assertEquals(gaps > 0, true);
});

Deno.test.each([["light"], ["dark"]] as const)(
  "axe finds no fault in the real page in %s",
  async (colorScheme) => {
    await using driven = new DrivenService("busy", 2, START_MS);
    await driven.pass(60_000);
    await using opened = await openPage(browser, driven.url, { colorScheme });
    const { page } = opened;
    await page.waitForSelector(".chart canvas");
    assertEquals(await accessibilityFaults(page), []);
  },
);
