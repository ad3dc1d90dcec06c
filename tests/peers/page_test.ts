/** The page in a browser, on views made by hand. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { until } from "../fakes.ts";
import { accessibilityFaults, openPage, startBrowser } from "./browser.ts";
import { chart, FINDING, NOW_MS, PageFixture, target, tile, view } from "./page_fixture.ts";

/** A view with trouble of each kind. */
const TROUBLE = view({
  instances: ["a:8000", "b:8000", "c:8000"],
  targets: [
    target({ instance: "a:8000" }),
    target({ instance: "b:8000", state: "down", up: false, error: "connection refused" }),
    target({ instance: "c:8000", state: "sleeping" }),
  ],
  findings: [FINDING, { ...FINDING, id: "other", level: "warn", title: "Little is reused" }],
});

let browser: Browser;
Deno.test.beforeAll(async () => {
  browser = await startBrowser();
});
Deno.test.afterAll(() => browser.close());

/** The text of an element, its spaces as one. */
async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).innerText()).replace(/\s+/g, " ").trim();
}

Deno.test("the page shows tiles with value, unit, level and explanation", async () => {
  await using service = new PageFixture(view({
    tiles: [
      tile("a", { title: "First token", unit: "seconds", value: 0.451, level: "warn" }),
      tile("b", { title: "Idle", value: null, note: "no traffic" }),
    ],
  }));
  await using opened = await openPage(browser, service.origin);
  const { page, complaints } = opened;
  await page.waitForSelector("#tile-a");
  assertEquals(await textOf(page, "#tile-a"), "First token ? 451 ms ▲ warning");
  assertEquals(await textOf(page, "#tile-b"), "Idle ? no traffic");
  assertEquals(await page.locator(".explanation:visible").count(), 0);
  await page.getByRole("button", { name: "About First token" }).click();
  assertEquals(await textOf(page, ".explanation:visible"), tile("a").explanation);
  await page.keyboard.press("Escape");
  assertEquals(await page.locator(".explanation:visible").count(), 0);
  assertEquals(complaints, []);
});

Deno.test("the page shows charts with legend, explanation, remark and a table", async () => {
  const times = [1, 2, 3].map((second) => NOW_MS / 1_000 + second);
  await using service = new PageFixture(view({
    charts: [
      chart("a", {
        title: "First token",
        times,
        series: [{ name: "p50", values: [0.1, null, 0.3] }, { name: "p99", values: [1, 2, null] }],
        remark: "engine 1 is unlike the others",
      }),
      chart("b", {
        title: "Lengths",
        unit: "count",
        kind: "heatmap",
        times,
        series: [{ name: "1000.0", values: [0, 3, 1] }, { name: "+Inf", values: [0, 0, 2] }],
      }),
      chart("c", { note: "no traffic", series: [{ name: "p50", values: [null, null, null] }] }),
    ],
  }));
  await using opened = await openPage(browser, service.origin);
  const { page, complaints } = opened;
  await page.waitForSelector("#chart-c canvas");
  assertEquals(await textOf(page, "#chart-a .legend"), "p50 300 ms p99 –");
  assertEquals(await textOf(page, "#chart-a .remark"), "engine 1 is unlike the others");
  const { shows, normal, action } = chart("a").explanation;
  assertEquals(await textOf(page, "#chart-a .shows"), shows);
  await page.locator("#chart-a summary", { hasText: "What is normal" }).click();
  assertStringIncludes(await textOf(page, "#chart-a footer"), `${normal} ${action}`);
  for (const id of ["a", "b"]) {
    await page.locator(`#chart-${id} summary`, { hasText: "Values" }).click();
  }
  await page.waitForSelector("#chart-b table");
  assertStringIncludes(
    await textOf(page, "#chart-a table"),
    "Line Last Lowest Highest p50 300 ms 100 ms 300 ms p99 – 1 s 2 s",
  );
  assertStringIncludes(
    await textOf(page, "#chart-b table"),
    "Up to Last Lowest Highest 1,000 1 0 3 ∞ 2 0 2",
  );
  assertEquals(await textOf(page, "#chart-b .legend"), "0 3");
  assertEquals(await textOf(page, "#chart-c .chart-note"), "no traffic");
  assertEquals(complaints, []);
});

Deno.test("the pointer shows the values of its time in all charts", async () => {
  await using service = new PageFixture(view({
    charts: ["a", "b"].map((id) =>
      chart(id, { times: [1, 2, 3], series: [{ name: "p50", values: [0.1, 0.2, 0.3] }] })
    ),
  }));
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.locator("#chart-a .u-over").hover();
  for (const id of ["a", "b"]) {
    await page.locator(`#chart-${id} .legend`, { hasText: "200 ms" }).waitFor();
  }
  await page.mouse.move(1, 1);
  for (const id of ["a", "b"]) {
    await page.locator(`#chart-${id} .legend`, { hasText: "300 ms" }).waitFor();
  }
});

Deno.test("findings and the state of each server stand at the top, in words", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  const { title, why, action } = FINDING;
  await page.waitForSelector("#finding-other");
  assertEquals(
    await textOf(page, `#finding-${FINDING.id}`),
    `■ critical ${title} ${why} ${action} vLLM’s documentation`,
  );
  assertEquals(await page.locator(`#finding-other a`).getAttribute("href"), FINDING.link);
  assertMatch(
    await textOf(page, "#targets"),
    /^● up a:8000 ■ down since \S.* b:8000 ◐ sleeping c:8000$/,
  );
  assertEquals(await page.title(), "■ down · vllm-metrics");
  assertEquals(await page.locator("#no-findings").isVisible(), false);

  service.send(view({ tiles: [tile("a", { level: "good" })] }));
  await page.locator("#no-findings", { hasText: "✓ No problems found." }).waitFor();
  assertEquals(await page.title(), "vllm-metrics");
  assertEquals(await page.locator(".finding").count(), 0);
  assertEquals(
    await textOf(page, "#announcer"),
    `vllm:8000 is up. Resolved: ${title}. Resolved: Little is reused.`,
  );
});

Deno.test("what is chosen is asked for, and stays in the address", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, `${service.origin}/?engine=1`);
  const { page } = opened;
  await page.waitForSelector("#targets li");
  await page.getByRole("combobox", { name: "Server" }).selectOption("b:8000");
  await page.getByLabel("Model").selectOption("Qwen/Qwen3-8B");
  await page.getByLabel("Window").selectOption("last 15 min");
  const query = "?instance=b%3A8000&model=Qwen%2FQwen3-8B&engine=1&window=900";
  await page.waitForURL(`${service.origin}/${query}`);
  await page.reload();
  await page.waitForSelector("#targets li");
  assertEquals(await page.getByLabel("Model").inputValue(), "Qwen/Qwen3-8B");
  const asked = service.requests.filter((path) => path.startsWith("/api/v1/events"));
  assertEquals(asked[0], "/api/v1/events?engine=1");
  assertEquals(asked.at(-1), `/api/v1/events${query}`);
});

Deno.test("a pause stops the updates, and the page catches up after it", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#live[data-state=live]");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForSelector("#live[data-state=paused]");
  await until(() => service.followers === 0, "the end of the stream");
  service.send(TROUBLE);
  assertEquals(await page.locator(".finding").count(), 0);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.waitForSelector("#finding-other");
  await page.waitForSelector("#live[data-state=live]");
});

Deno.test("a hidden tab tells by its title, and shows the rest when it is looked at", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#live[data-state=live]");
  const turn = (hidden: boolean): Promise<unknown> =>
    page.evaluate(`Object.defineProperty(document, "hidden", {
      configurable: true, get: () => ${hidden} });
      document.dispatchEvent(new Event("visibilitychange"))`);
  await turn(true);
  service.send(TROUBLE);
  await until(async () => await page.title() === "■ down · vllm-metrics", "the title");
  assertEquals(await page.locator(".finding").count(), 0);
  await turn(false);
  assertEquals(await page.locator(".finding").count(), 2);
});

Deno.test("the age of the data grows, and a stream that is silent is opened anew", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, "about:blank");
  const { page } = opened;
  await page.clock.install();
  await page.goto(service.origin);
  await page.locator("#age", { hasText: "scraped 1 s ago" }).waitFor();
  await page.clock.fastForward(5_000);
  await page.locator("#age", { hasText: "scraped 6 s ago" }).waitFor();
  await page.clock.fastForward(30_000);
  // The new stream begins with a view.
  await page.locator("#age", { hasText: "scraped 1 s ago" }).waitFor();
  const streams = service.requests.filter((path) => path === "/api/v1/events");
  assertEquals(streams.length, 2);
});

Deno.test("a service that is gone is said to be gone, and found again", async () => {
  const first = new PageFixture(view());
  const { port } = new URL(first.origin);
  await using opened = await openPage(browser, first.origin);
  const { page } = opened;
  await page.waitForSelector("#live[data-state=live]");
  await first[Symbol.asyncDispose]();
  await page.waitForSelector("#live[data-state=lost]");
  assertMatch(
    await textOf(page, "#banner"),
    /^vllm-metrics does not answer; retrying\. Showing data from [\d:]{8}\.$/,
  );
  await using _second = new PageFixture(TROUBLE, Number(port));
  await page.waitForSelector("#finding-other");
  await page.waitForSelector("#live[data-state=live]");
  assertEquals(await page.locator("#banner").isVisible(), false);
});

Deno.test("what the service refuses is said, with a way out", async () => {
  await using service = new PageFixture(view());
  service.refusal = {
    message: 'Cannot create a view: unsupported window "7"',
    hint: "Windows are in seconds: 300.",
  };
  await using opened = await openPage(browser, `${service.origin}/?window=7`);
  const { page } = opened;
  await page.waitForSelector("#live[data-state=refused]");
  const { message, hint } = service.refusal;
  assertEquals(await textOf(page, "#banner"), `${message}. ${hint}`);
  service.refusal = undefined;
  await page.getByRole("link", { name: "Show everything" }).click();
  await page.waitForURL(`${service.origin}/`);
  await page.waitForSelector("#live[data-state=live]");
});

Deno.test("a new version of the service brings its own page", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#live[data-state=live]");
  service.send(view({ version: "9.9.9" }));
  await page.locator("#version", { hasText: "9.9.9" }).waitFor();
  assertEquals(service.requests.filter((path) => path === "/").length, 2);
});

Deno.test("elements that stay the same are kept from view to view", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#chart-spec canvas");
  await page.evaluate(`document.querySelectorAll("canvas, .tile, option")
    .forEach((node) => node.kept = true)`);
  service.send(view({ findings: [FINDING] }));
  await page.waitForSelector(".finding");
  const lost = await page.evaluate(`[...document.querySelectorAll("canvas, .tile, option")]
    .filter((node) => !node.kept).length`);
  assertEquals(lost, 0);
});

Deno.test("a note in a tile is wrapped, not cut", async () => {
  await using service = new PageFixture(view({
    tiles: [
      tile("a", { value: null, note: "not reported by this vLLM" }),
      tile("b", { value: 12.3 }),
    ],
  }));
  await using opened = await openPage(browser, service.origin, { width: 360 });
  const { page } = opened;
  await page.waitForSelector("#tile-b");
  const cut = await page.locator(".tile-value").evaluateAll((nodes) =>
    nodes.filter(({ scrollWidth, clientWidth, scrollHeight, clientHeight }) =>
      scrollWidth > clientWidth || scrollHeight > clientHeight
    ).map(({ innerHTML }) => innerHTML)
  );
  assertEquals(cut, []);
});

Deno.test("nothing moves when values become longer", async () => {
  const withValues = (values: readonly number[]): ReturnType<typeof view> =>
    view({
      charts: [
        chart("a", {
          kind: "stacked",
          times: [1],
          series: ["queue", "prefill", "decode"].map((name, index) => ({
            name,
            values: [values[index] ?? 0],
          })),
        }),
      ],
    });
  await using service = new PageFixture(withValues([1, 1, 4]));
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#chart-a canvas");
  const before = await page.locator("#chart-a").boundingBox();
  service.send(withValues([0.0234, 0.0937, 4.46]));
  await page.locator("#chart-a .legend", { hasText: "93.7 ms" }).waitFor();
  assertEquals(await page.locator("#chart-a").boundingBox(), before);
});

Deno.test("what the keyboard reaches is not hidden by the top of the page", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin, { height: 500 });
  const { page } = opened;
  await page.waitForSelector("#chart-spec canvas");
  await page.locator("summary").last().focus();
  const hidden: unknown[] = [];
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Shift+Tab");
    hidden.push(
      ...await page.evaluate(`(() => {
        const { activeElement } = document;
        if (activeElement.closest(".top") || activeElement === document.body) return [];
        const top = document.querySelector(".top").getBoundingClientRect().bottom;
        const at = activeElement.getBoundingClientRect().top;
        return at < top ? [activeElement.outerHTML] : [];
      })()`) as unknown[],
    );
  }
  assertEquals(hidden, []);
});

Deno.test("on a phone the rows of the top stand apart, and a long name has a row of its own", async () => {
  const name = "organisation/".padEnd(120, "model-");
  await using service = new PageFixture(view({ models: [name] }));
  await using opened = await openPage(browser, service.origin, { width: 360 });
  const { page } = opened;
  await page.waitForSelector("#chart-spec canvas");
  const box = async (selector: string): Promise<{ y: number; height: number; width: number }> =>
    await page.locator(selector).boundingBox() ?? { y: 0, height: 0, width: 0 };
  const [pause, model] = [await box("#pause"), await box("#model")];
  assertEquals(model.y - pause.y - pause.height >= 4, true);
  assertEquals(model.width > 250, true);
  assertEquals(await page.locator("#model").getAttribute("title"), name);
});

Deno.test("the keyboard reaches all that can be used", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#chart-spec canvas");
  const all = await page.evaluate(`[...document.querySelectorAll("a, button, select, summary")]
    .filter((node) => node.checkVisibility()).length`);
  const reached = new Set<string>();
  for (let presses = 0; presses < 200; presses++) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(`(() => {
      const all = [...document.querySelectorAll("a, button, select, summary")];
      const at = all.indexOf(document.activeElement);
      const { outlineStyle } = getComputedStyle(document.activeElement);
      return at === -1 ? "" : at + " " + outlineStyle;
    })()`);
    if (place === "" || reached.has(String(place))) break;
    reached.add(String(place));
  }
  assertEquals(reached.size, all);
  assertEquals([...reached].filter((place) => place.endsWith("none")), []);
});

Deno.test.each(
  [["light", 1280], ["dark", 1280], ["light", 360], ["dark", 360]] as const,
)("axe finds no fault in %s at %d pixels, and nothing is scrolled sideways", async (
  colorScheme,
  width,
) => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin, { colorScheme, width, height: 740 });
  const { page, complaints } = opened;
  await page.waitForSelector("#chart-spec canvas");
  for (const summary of await page.locator("#chart-ttft summary, #chart-lengths summary").all()) {
    await summary.click();
  }
  assertEquals(await accessibilityFaults(page), []);
  assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width);
  assertEquals(complaints, []);
});

Deno.test("the page follows the system from light to dark, canvases as well", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#chart-lengths canvas");
  const look = async (): Promise<string[]> => [
    String(await page.evaluate("getComputedStyle(document.body).backgroundColor")),
    String(await page.evaluate(`document.querySelector("#chart-lengths canvas").toDataURL()`)),
  ];
  const light = await look();
  await page.emulateMedia({ colorScheme: "dark" });
  // Canvases are drawn anew by an event, some time after the colours have changed.
  await until(async () => {
    const dark = await look();
    return [0, 1].every((index) => light[index] !== dark[index]);
  }, "both to be dark");
});

Deno.test("names of any length do not widen the page", async () => {
  const long = "x".repeat(3_000);
  await using service = new PageFixture(view({
    instances: [long, "b:8000"],
    models: [long],
    engines: [long],
    targets: [target({ instance: long }), target({ instance: "b:8000" })],
    findings: [{ ...FINDING, why: `${long} is down.` }],
    charts: [chart("a", {
      series: [{ name: long, values: [1, 2] }, { name: "p50", values: [1, 2] }],
      remark: `${long} is unlike the others`,
    })],
  }));
  for (const width of [1280, 360]) {
    await using opened = await openPage(browser, service.origin, { width });
    const { page } = opened;
    await page.locator("#chart-a summary", { hasText: "Values" }).click();
    await page.waitForSelector("#chart-a table");
    assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width);
    assertEquals(
      await page.locator("#chart-a").evaluate((node) => node.scrollWidth > node.clientWidth),
      false,
    );
  }
});

Deno.test("a name that turns the direction of writing stays in its place", async () => {
  const name = "\u202e0 enigne";
  await using service = new PageFixture(view({
    targets: [target({ instance: name })],
    charts: [chart("a", { series: [{ name, values: [1, 2] }, { name: "p50", values: [1, 2] }] })],
  }));
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.locator("#chart-a summary", { hasText: "Values" }).click();
  await page.waitForSelector("#chart-a table");
  for (const selector of ["#chart-a .legend li", "#chart-a tbody th", "#targets li"]) {
    assertStringIncludes(await page.locator(`${selector} bdi`).first().innerText(), name, selector);
  }
});
