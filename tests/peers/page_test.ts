/** The page in a browser, on views made by hand. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { until } from "../fakes.ts";
import { accessibilityFaults, openPage, startBrowser } from "./browser.ts";
import {
  chart,
  FINDING,
  fleetRow,
  NOW_MS,
  PageFixture,
  target,
  tile,
  view,
} from "./page_fixture.ts";

/** A view with trouble of each kind. */
const TROUBLE = view({
  instances: ["a:8000", "b:8000", "c:8000"],
  targets: [
    target({ instance: "a:8000" }),
    target({ instance: "b:8000", state: "down", up: false, error: "connection refused" }),
    target({ instance: "c:8000", state: "sleeping" }),
  ],
  status: {
    state: "down",
    level: "bad",
    text: "Degraded: requests wait because the KV cache is full, and 1 more",
    sinceMs: NOW_MS - 240_000,
  },
  fleet: [
    fleetRow("a:8000"),
    fleetRow("b:8000", { state: "down", running: null, ttft: null }),
    fleetRow("c:8000", { ttft: 3, outliers: ["ttft"] }),
  ],
  incidents: [{
    id: FINDING.id,
    level: "bad",
    title: FINDING.title,
    instances: ["a:8000"],
    fromMs: NOW_MS - 240_000,
    toMs: null,
  }],
  markers: [{
    timeMs: NOW_MS - 100_000,
    kind: "restart",
    level: "none",
    text: "a:8000 restarted",
  }],
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

Deno.test("the page shows tiles with value, unit and level, and explains them on demand", async () => {
  await using service = new PageFixture(view({
    signals: [{ id: "latency", title: "Latency", level: "warn", tiles: ["a", "b"] }],
    tiles: [
      tile("a", { title: "First token", unit: "seconds", value: 0.451, level: "warn" }),
      tile("b", { title: "Queue", unit: "seconds", value: 0.02, below: 0.3 }),
      tile("c", { title: "Idle", value: null, note: "no traffic" }),
    ],
  }));
  await using opened = await openPage(browser, service.origin);
  const { page, messages } = opened;
  await page.waitForSelector("#tile-a");
  assertEquals(await textOf(page, "#signal-latency header"), "Latency ▲ warning");
  assertEquals(await textOf(page, "#tile-a"), "First token 451 ms ▲ warning");
  assertEquals(await textOf(page, "#tile-b"), "Queue < 300 ms");
  assertEquals(await textOf(page, "#signal-more #tile-c"), "Idle no traffic");
  assertEquals(await page.locator(".explanation").count(), 0);
  await page.getByRole("button", { name: "Explain" }).click();
  assertEquals(await textOf(page, "#tile-a .explanation"), tile("a").explanation);
  await page.reload();
  assertEquals(await textOf(page, "#tile-a .explanation"), tile("a").explanation);
  assertEquals(messages, []);
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
  const { page, messages } = opened;
  await page.waitForSelector("#chart-c canvas");
  assertEquals(await textOf(page, "#chart-a .legend"), "p50 300 ms p99 –");
  assertEquals(await textOf(page, "#chart-a .remark"), "engine 1 is unlike the others");
  await page.getByRole("button", { name: "Explain" }).click();
  const { shows, normal, action } = chart("a").explanation;
  assertEquals(
    await textOf(page, "#chart-a .explanation"),
    `${shows} Normal: ${normal} Otherwise: ${action}`,
  );
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
  assertEquals(messages, []);
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

Deno.test("the state and the findings stand at the top, in words", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  const { title, why, action, flag } = FINDING;
  await page.waitForSelector("#finding-other");
  assertMatch(
    await textOf(page, ".status-line"),
    /^■ Degraded: requests wait .* since \S+ \(4 min\) Numbers and findings: last 1 min$/,
  );
  assertMatch(
    await textOf(page, `#finding-${FINDING.id} .facts`),
    /^vllm:8000, Qwen\/Qwen3-8B since \S+ \(4 min\) ↗ getting worse$/,
  );
  assertEquals(await textOf(page, `#finding-${FINDING.id} .why`), why);
  assertEquals(
    await textOf(page, `#finding-${FINDING.id} .evidence`),
    "Symptoms (1) First tokens are slow: TTFT p95 is 8.8 s, 15% are within the SLO.",
  );
  assertEquals(
    await textOf(page, `#finding-${FINDING.id} .action`),
    `${action} vLLM’s documentation`,
  );
  assertEquals(await page.locator(`#finding-other a`).getAttribute("href"), FINDING.link);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.locator(`#finding-${FINDING.id}`).getByRole("button", { name: `Copy ${flag}` })
    .click();
  await page.locator(`#finding-${FINDING.id} .flag`, { hasText: "Copied" }).waitFor();
  assertEquals(await page.evaluate("navigator.clipboard.readText()"), flag);
  assertMatch(
    await textOf(page, "#targets"),
    /^1 of 3 servers up ■ down since \S.* b:8000 ◐ sleeping c:8000$/,
  );
  assertEquals(await page.title(), "■ down · vllm-metrics");

  service.send(view());
  await page.locator("#status", { hasText: "● Healthy" }).waitFor();
  assertEquals(await page.title(), "vllm-metrics");
  assertEquals(await page.locator(".finding").count(), 0);
  assertEquals(
    await textOf(page, "#announcer"),
    `vllm:8000 is up. Resolved: ${title}. Resolved: Little is reused.`,
  );
});

Deno.test("a change is applied to the view before it", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#live[data-state=live]");
  service.change({ tiles: { 0: { value: [99.9] } } });
  await page.locator("#tile-requests", { hasText: "99.9" }).waitFor();
});

Deno.test("the table of servers sorts, marks outliers, and a click selects a server", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  const names = async (): Promise<string[]> =>
    await page.locator("#fleet tbody th").allInnerTexts();
  await page.waitForSelector("#fleet");
  assertEquals(await names(), ["a:8000", "b:8000", "c:8000"]);
  assertEquals(await textOf(page, "#fleet [data-outlier]"), "◆ unlike the others: 3 s");
  await page.getByRole("button", { name: "TTFT p95" }).click();
  assertEquals(await names(), ["c:8000", "a:8000", "b:8000"]);
  assertEquals(await page.locator("#fleet [aria-sort=descending]").innerText(), "TTFT p95▾");
  await page.getByRole("button", { name: "TTFT p95" }).click();
  assertEquals(await names(), ["a:8000", "c:8000", "b:8000"]);
  await page.locator("#fleet tbody tr").nth(1).click();
  await page.waitForURL(/instance=c%3A8000/);
  await page.getByRole("button", { name: "c:8000" }).click();
  await page.waitForURL(`${service.origin}/`);
});

Deno.test("dragging over a chart zooms, and back returns", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  const over = page.locator("#chart-ttft .u-over");
  const box = await over.boundingBox() ?? { x: 0, y: 0, width: 0, height: 0 };
  await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 50, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/from=\d+&to=\d+/);
  const query = new URL(page.url()).searchParams;
  const [from, to] = ["from", "to"].map((name) => Number(query.get(name)));
  const middle = ((from ?? 0) + (to ?? 0)) / 2 - NOW_MS / 1_000;
  assertEquals(Math.abs(middle + 150) < 5, true, String(middle));
  assertEquals(Math.abs((to ?? 0) - (from ?? 0) - 149) < 6, true);
  const asked = (): string | undefined =>
    service.requests.findLast((path) => path.startsWith("/api/v1/events"));
  await until(() => asked() === `/api/v1/events?${query}`, "the stream of the span");
  assertEquals(await page.getByLabel("Window").inputValue(), "");
  await page.locator("#span").getByRole("button", { name: "Back" }).click();
  await page.waitForURL(`${service.origin}/`);
  await until(() => asked() === "/api/v1/events", "the live stream");
  assertEquals(await page.locator("#span").count(), 0);
});

Deno.test("the findings of the day are listed, and a click shows their time", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector(".incidents");
  assertMatch(
    await textOf(page, ".incidents tbody"),
    /^\S+ goes on 4 min ■ critical Requests wait because the KV cache is full a:8000$/,
  );
  await page.locator(".incidents").getByRole("button", { name: FINDING.title }).click();
  await page.waitForURL(/from=/);
  const from = Number(new URL(page.url()).searchParams.get("from"));
  assertEquals(from, NOW_MS / 1_000 - 360);
});

Deno.test("groups fold, and stay folded", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#chart-ttft");
  await page.locator("#group-all > summary").click();
  await page.locator("#chart-ttft").waitFor({ state: "detached" });
  await page.reload();
  await page.waitForSelector("#group-all");
  assertEquals(await page.locator("#chart-ttft").count(), 0);
  await page.keyboard.press("f");
  await page.waitForSelector("#chart-ttft");
});

Deno.test("thresholds and markers are drawn in charts", async () => {
  const plain = chart("a");
  const picture = async (page: Page): Promise<string> =>
    String(await page.evaluate(`document.querySelector("#chart-a canvas").toDataURL()`));
  await using service = new PageFixture(view({ charts: [plain] }));
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#chart-a canvas");
  const pictures = [await picture(page)];
  const next = async (changes: Partial<ReturnType<typeof view>>): Promise<void> => {
    service.send(view({ charts: [plain], ...changes }));
    await until(async () => !pictures.includes(await picture(page)), "another picture");
    pictures.push(await picture(page));
  };
  await next({
    charts: [{ ...plain, thresholds: [{ value: 0.9, name: "SLO_TTFT", level: "warn" }] }],
  });
  await next({ charts: [{ ...plain }], markers: TROUBLE.markers });
  // The pointer names what happened there.
  const over = await page.locator("#chart-a .u-over").boundingBox();
  const { x = 0, y = 0, width = 0 } = over ?? {};
  await page.mouse.move(x + width * (198 / 298), y + 60);
  await page.locator("#chart-a .legend-point", { hasText: "▾ a:8000 restarted" }).waitFor();
});

Deno.test("a question mark lists the keys, and they work", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#live[data-state=live]");
  await page.keyboard.press("?");
  assertStringIncludes(await textOf(page, "#keys"), "p Pause or resume");
  assertEquals(await accessibilityFaults(page), []);
  await page.keyboard.press("Escape");
  assertEquals(await page.locator("#keys").isVisible(), false);
  await page.keyboard.press("]");
  await page.waitForURL(/window=900/);
  await page.keyboard.press("p");
  await page.waitForSelector("#live[data-state=paused]");
});

Deno.test("one model and one engine are text, and the recorded time and time zone are named", async () => {
  await using service = new PageFixture(view({ models: ["Qwen/Qwen3-8B"], engines: ["0"] }));
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#tile-requests");
  assertEquals(await page.locator("select:visible").count(), 1);
  assertEquals(await textOf(page, "#model"), "Model Qwen/Qwen3-8B");
  assertMatch(await textOf(page, "#recorded"), /^Recorded since \S.*\. Times: \S+$/);
});

Deno.test("cost and error budgets are shown", async () => {
  const budget = {
    id: "ttft",
    title: "TTFT within 1 s",
    target: 0.99,
    goodput: 0.995,
    left: 0.5,
    burn5m: 0.4,
    burn1h: 1.2,
    level: "good",
  } as const;
  await using service = new PageFixture(view({
    budgets: [budget, { ...budget, id: "tpot", left: -69.9, level: "bad" }],
    cost: {
      perHour: 2.5,
      inputPerHour: 0.5,
      outputPerHour: 1.5,
      idlePerHour: 0.5,
      perMillionInput: 0.0123,
      perMillionOutput: null,
      savingsPerHour: null,
    },
  }));
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#budget-ttft");
  assertEquals(
    await textOf(page, "#budget-ttft"),
    "99 % TTFT within 1 s Error budget; burns 0.4× in 5 min, 1.2× in 1 h 50 % left ✓ ok",
  );
  assertStringIncludes(await textOf(page, "#budget-tpot"), "70.9× spent ■ critical");
  assertStringIncludes(await textOf(page, ".cost"), "Per million input tokens 0.0123");
});

Deno.test("the explorer shows any other metric by a label", async () => {
  await using service = new PageFixture(view());
  service.explorer = (query) =>
    query.has("family") ? { chart: chart("explored", { title: [...query.values()].join(" ") }) } : {
      families: [
        { name: "foo", kind: "gauge", labels: [] },
        { name: "bar", kind: "histogram", labels: ["engine"] },
      ],
    };
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.locator("#group-explorer > summary").click();
  await page.locator("#chart-explored h3", { hasText: /^foo value$/ }).waitFor();
  await page.getByLabel("Metric").selectOption("bar");
  await page.getByLabel("By").selectOption("engine");
  await page.locator("#chart-explored h3", { hasText: /^bar p95 engine$/ }).waitFor();
});

Deno.test("print is readable from dark, without what cannot be used on paper", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin, {
    colorScheme: "dark",
    height: 500,
  });
  const { page } = opened;
  await page.locator("#chart-ttft").scrollIntoViewIfNeeded();
  await page.waitForSelector("#chart-ttft canvas");
  const dark = await page.evaluate(`document.querySelector("#chart-ttft canvas").toDataURL()`);
  await page.emulateMedia({ media: "print" });
  await page.waitForSelector("#chart-spec canvas");
  assertEquals(
    await page.evaluate("getComputedStyle(document.body).color"),
    "rgb(23, 32, 43)",
  );
  await until(
    async () =>
      await page.evaluate(`document.querySelector("#chart-ttft canvas")?.toDataURL()`) !== dark,
    "the canvas in light colors",
  );
  assertEquals(await page.locator("#pause").isVisible(), false);
  assertEquals((await page.pdf()).length > 10_000, true);
});

Deno.test.each(
  [[1440, 900, 900], [390, 844, 1_266]] as const,
)("at %d by %d pixels state, findings and signals end at %d at the latest", async (
  width,
  height,
  most,
) => {
  await using service = new PageFixture(view({
    status: TROUBLE.status,
    findings: width > 640 ? TROUBLE.findings : [FINDING],
  }));
  await using opened = await openPage(browser, service.origin, { width, height });
  const { page } = opened;
  await page.waitForSelector("#signal-saturation");
  const end = await page.evaluate(
    `document.querySelector(".signals").getBoundingClientRect().bottom`,
  );
  assertEquals(Number(end) <= most, true, String(end));
});

Deno.test("no row of charts has a gap at its end", async () => {
  const charts = Array.from({ length: 7 }, (_, index) => chart(`c${index}`));
  await using service = new PageFixture(view({ charts }));
  for (const width of [1440, 2560]) {
    await using opened = await openPage(browser, service.origin, { width });
    const { page } = opened;
    await page.waitForSelector("#chart-c6");
    const ends = await page.evaluate(`(() => {
      const right = (node) => Math.round(node.getBoundingClientRect().right);
      return [".signal:last-child", ".charts", "#chart-c6", "#live ~ button:last-child"]
        .map((selector) => right(document.querySelector(selector)));
    })()`);
    assertEquals(new Set(ends as number[]).size, 1, String(ends));
  }
});

Deno.test("the page works under a path prefix", async () => {
  await using service = new PageFixture(view());
  await using proxy = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen(): void {} },
    (request) => {
      const { pathname, search } = new URL(request.url);
      if (!pathname.startsWith("/vllm/")) return new Response(null, { status: 404 });
      return fetch(`${service.origin}${pathname.slice("/vllm".length)}${search}`);
    },
  );
  await using opened = await openPage(browser, `http://127.0.0.1:${proxy.addr.port}/vllm/`);
  const { page, messages } = opened;
  await page.waitForSelector("#live[data-state=live]");
  await page.waitForSelector("#tile-requests");
  assertEquals(messages, []);
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

Deno.test("the age of the data grows, and a silent stream is reopened", async () => {
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
  assertEquals(await page.title(), "✕ no connection · vllm-metrics");
  assertEquals(await textOf(page, "#status"), "○ Unknown: no connection");
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
  await page.getByRole("link", { name: "Show all" }).click();
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
  await page.waitForSelector("#chart-spec");
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
  await page.waitForSelector("#chart-spec");
  const box = async (selector: string): Promise<{ y: number; height: number; width: number }> =>
    await page.locator(selector).boundingBox() ?? { y: 0, height: 0, width: 0 };
  const [pause, model] = [await box("#pause"), await box("#model")];
  assertEquals(model.y - pause.y - pause.height >= 4, true);
  assertEquals(model.width > 250, true);
  assertEquals(await page.locator("#model bdi").getAttribute("title"), name);
});

Deno.test("the keyboard reaches all that can be used", async () => {
  await using service = new PageFixture(TROUBLE);
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#chart-spec");
  const all = await page.evaluate(
    `[...document.querySelectorAll("a, button, select, summary, [tabindex]")]
    .filter((node) => node.checkVisibility()).length`,
  );
  const reached = new Set<string>();
  for (let presses = 0; presses < 200; presses++) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(`(() => {
      const all = [...document.querySelectorAll("a, button, select, summary, [tabindex]")];
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
  const { page, messages } = opened;
  await page.waitForSelector("#chart-spec");
  for (const summary of await page.locator("#chart-ttft summary, #chart-lengths summary").all()) {
    await summary.click();
  }
  assertEquals(await accessibilityFaults(page), []);
  assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width);
  assertEquals(messages, []);
});

Deno.test("the page follows the system from light to dark, canvases as well", async () => {
  await using service = new PageFixture(view());
  await using opened = await openPage(browser, service.origin);
  const { page } = opened;
  await page.waitForSelector("#chart-lengths canvas");
  const look = async (): Promise<string[]> => [
    String(await page.evaluate("getComputedStyle(document.body).backgroundColor")),
    String(await page.evaluate(`document.querySelector("#chart-lengths canvas")?.toDataURL()`)),
  ];
  const light = await look();
  await page.emulateMedia({ colorScheme: "dark" });
  // Canvases are drawn anew by an event, some time after the colours have changed.
  await until(async () => {
    const dark = await look();
    return dark.every((each, index) => each !== light[index] && each !== "undefined");
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
