import { assertEquals, assertRejects } from "@std/assert";
import { Viewers } from "../../lib/dashboard/viewers.ts";
import { EventStreams } from "../../lib/dashboard/event_stream.ts";
import { ViewCache } from "../../lib/dashboard/view_cache.ts";
import type { View } from "../../lib/dashboard/view.ts";
import { until } from "../fakes.ts";
import { type Page, startDashboard } from "./pages.ts";

/** The next view that a page gets. */
async function nextView(page: Page): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const event = await page.next();
    if (event === undefined) throw new Error("The page ended");
    if (event.event !== "view") continue;
    assertEquals(Object.keys(event), ["id", "event", "data"]);
    return { ...JSON.parse(event.data ?? ""), id: event.id };
  }
}

Deno.test("a page gets the newest view at once, and each new one", async () => {
  await using service = startDashboard();
  await using page = await service.open("?window=900");
  assertEquals(page.response.status, 200);
  assertEquals(page.response.headers.get("content-type"), "text/event-stream");
  assertEquals(page.response.headers.get("cache-control"), "no-store");
  assertEquals(await page.next(), { retry: "2000" });
  const views = [await nextView(page), await nextView(page), await nextView(page)];
  assertEquals(views.map(({ windowSeconds }) => windowSeconds), [900, 900, 900]);
  const ids = views.map(({ id }) => Number(id));
  assertEquals(ids, views.map(({ timeMs }) => timeMs));
  assertEquals(ids, ids.toSorted((left, right) => left - right));
  assertEquals(new Set(ids).size, 3);
});

Deno.test("a hundred pages that look at the same cost one computation", async () => {
  // The first interval is long, so that all are open within it.
  await using service = startDashboard({ updateMs: 2_000 });
  await using stack = new AsyncDisposableStack();
  const pages = await Promise.all(Array.from({ length: 100 }, () => service.open()));
  for (const page of pages) stack.use(page);
  const first = await Promise.all(pages.map(nextView));
  assertEquals(new Set(first.map(({ id }) => id)).size, 1);
  assertEquals(await service.metric("vllm_metrics_pages_open"), 100);
  assertEquals(await service.metric("vllm_metrics_views_computed_total"), 1);
  const second = await Promise.all(pages.map(nextView));
  assertEquals(new Set(second.map(({ id }) => id)).size, 1);
  assertEquals(await service.metric("vllm_metrics_views_computed_total"), 2);
});

Deno.test("pages that look at different things get what they look at", async () => {
  await using service = startDashboard();
  await using one = await service.open("?engine=0");
  await using other = await service.open("?engine=1");
  for (let turn = 0; turn < 3; turn++) {
    assertEquals((await nextView(one)).selection, { engine: "0" });
    assertEquals((await nextView(other)).selection, { engine: "1" });
  }
});

Deno.test("somebody scrapes as long as any page is open", async () => {
  await using service = startDashboard();
  assertEquals(service.watchers(), 0);
  await using one = await service.open();
  await nextView(one);
  {
    await using other = await service.open("?engine=1");
    await nextView(other);
    assertEquals(service.watchers(), 1);
  }
  await until(async () => await service.metric("vllm_metrics_pages_open") === 1, "one page less");
  assertEquals(service.watchers(), 1);
  await one[Symbol.asyncDispose]();
  await until(() => service.watchers() === 0, "the end of scraping");
  assertEquals(await service.metric("vllm_metrics_pages_open"), 0);
});

Deno.test("views go on when a page comes just after the last one has gone", async () => {
  await using service = startDashboard();
  for (let turn = 0; turn < 5; turn++) {
    await using page = await service.open();
    await nextView(page);
    await nextView(page);
  }
});

Deno.test("a page that does not read is dropped, and the others go on", async () => {
  await using service = startDashboard({ updateMs: 1, limits: { maxQueuedBytes: 20_000 } });
  await using reading = await service.open();
  const { hostname, port } = new URL(service.origin);
  using mute = await Deno.connect({ hostname, port: Number(port) });
  await mute.write(new TextEncoder().encode("GET /api/v1/events HTTP/1.1\r\nhost: a\r\n\r\n"));
  while (await service.metric("vllm_metrics_slow_pages_dropped_total") === 0) {
    await nextView(reading);
  }
  assertEquals(await service.metric("vllm_metrics_pages_open"), 1);
  await nextView(reading);
});

Deno.test("pages beyond the bound are refused until one has gone", async () => {
  await using service = startDashboard({ limits: { maxPages: 2 } });
  await using one = await service.open();
  await using other = await service.open("?engine=1");
  await Promise.all([one, other].map(nextView));
  const refused = await fetch(`${service.origin}/api/v1/events`);
  assertEquals(refused.status, 503);
  assertEquals(refused.headers.get("retry-after"), "5");
  assertEquals((await refused.json()).error, {
    code: "BUSY",
    message: "Cannot open one more page: too many are open",
    hint: "Close some, or select the same model, engine, server and window in them.",
  });
  assertEquals(await service.metric("vllm_metrics_pages_refused_total"), 1);
  await one[Symbol.asyncDispose]();
  await until(async () => await service.metric("vllm_metrics_pages_open") === 1, "one page less");
  await using third = await service.open();
  assertEquals(third.response.status, 200);
});

Deno.test("pages that look at too many different things are refused", async () => {
  await using service = startDashboard({ limits: { maxViews: 1 } });
  await using one = await service.open();
  await using same = await service.open("?window=300");
  assertEquals([one.response.status, same.response.status], [200, 200]);
  const refused = await fetch(`${service.origin}/api/v1/events?window=900`);
  assertEquals(refused.status, 503);
  await refused.body?.cancel();
});

Deno.test("a quiet page gets heartbeats", async () => {
  await using service = startDashboard({ updateMs: 60_000, limits: { heartbeatMs: 5 } });
  await using page = await service.open();
  await nextView(page);
  assertEquals(await page.next(), {});
  assertEquals(await page.next(), {});
});

Deno.test("all pages end at once when the service stops, and no more are taken", async () => {
  await using service = startDashboard({ updateMs: 60_000 });
  await using page = await service.open();
  await nextView(page);
  service.dashboard.stop();
  assertEquals(await page.next(), undefined);
  assertEquals(service.watchers(), 0);
  const late = await fetch(`${service.origin}/api/v1/events`);
  assertEquals(late.status, 503);
  await late.body?.cancel();
});

Deno.test("a view that cannot be computed ends its pages, and no others", async () => {
  let works = true;
  const cache = new ViewCache({
    // deno-lint-ignore require-yield
    *build({ selection, windowSeconds }, timeMs): Generator<undefined, View, undefined> {
      if (!works && selection.engine === "1") throw new RangeError("no such view");
      const none = { targets: [], models: [], engines: [], instances: [], tiles: [], charts: [] };
      return {
        ...none,
        version: "0",
        timeMs,
        selection,
        windowSeconds,
        windows: [],
        findings: [],
      };
    },
    updateMs: 1,
    now: Date.now,
  });
  const viewers = new Viewers(() => ({ [Symbol.dispose]: () => {} }), Date.now);
  const streams = new EventStreams({ cache, viewers, updateMs: 1 });
  const readerOf = (engine: string): ReadableStreamDefaultReader<Uint8Array> => {
    const stream = streams.open({ selection: { engine }, windowSeconds: 300 });
    if (stream === undefined) throw new Error("The page was refused");
    return stream.getReader();
  };
  const [good, bad] = [readerOf("0"), readerOf("1")];
  works = false;
  await assertRejects(
    async () => {
      while (!(await bad.read()).done);
    },
    RangeError,
    "no such view",
  );
  // Greeting, first view, and one more behind the failure of the other page.
  for (let turn = 0; turn < 5; turn++) assertEquals((await good.read()).done, false);
  streams.stop();
  while (!(await good.read()).done);
  assertEquals(streams.pages, 0);
});
