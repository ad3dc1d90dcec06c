import { assertEquals, assertRejects } from "@std/assert";
import { Viewers } from "../../lib/dashboard/viewers.ts";
import {
  EVENT_STREAM_LIMITS,
  type EventStreamLimits,
  EventStreams,
} from "../../lib/dashboard/event_stream.ts";
import { applyPatch } from "../../lib/dashboard/patch.ts";
import { ViewCache } from "../../lib/dashboard/view_cache.ts";
import type { View } from "../../lib/dashboard/view.ts";
import type { ViewRequest } from "../../lib/dashboard/view_builder.ts";
import { until } from "../fakes.ts";
import { EMPTY_VIEW } from "./built_view.ts";
import { type Page, startDashboard } from "./pages.ts";

/** What each page shows. */
const shown = new WeakMap<Page, View>();

/** The next view that a page gets. */
async function nextView(page: Page): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const event = await page.next();
    if (event === undefined) throw new Error("The page ended");
    if (event.event === undefined) continue;
    assertEquals(Object.keys(event), ["id", "event", "data"]);
    const data = JSON.parse(event.data ?? "");
    const before = shown.get(page);
    const view: View = before === undefined ? data : applyPatch(before, data);
    assertEquals(event.event, before === undefined ? "view" : "change");
    shown.set(page, view);
    return { ...view, id: event.id };
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

/** A stream of views of one window, without a server. */
function streamsOf(
  build: (request: ViewRequest, nowMs: number) => View,
  limits: Partial<EventStreamLimits> = {},
): EventStreams {
  const cache = new ViewCache({
    // deno-lint-ignore require-yield
    *build(request, nowMs): Generator<undefined, View, undefined> {
      return build(request, nowMs);
    },
    updateMs: 1,
    now: Date.now,
  });
  const viewers = new Viewers(() => ({ [Symbol.dispose]: () => {} }), Date.now);
  return new EventStreams({
    cache,
    viewers,
    updateMs: 1,
    limits: { ...EVENT_STREAM_LIMITS, ...limits },
  });
}

/** A page that looks at an engine. */
function readerOf(streams: EventStreams, engine: string): ReadableStreamDefaultReader<Uint8Array> {
  const stream = streams.open({ selection: { engine }, windowSeconds: 300 });
  if (stream === undefined) throw new Error("The page was refused");
  return stream.getReader();
}

Deno.test("a page that does not read is dropped, and the others go on", async () => {
  const streams = streamsOf((_, timeMs) => ({ ...EMPTY_VIEW, timeMs }), { maxQueuedBytes: 20_000 });
  const [reading, mute] = ["0", "0"].map((engine) => readerOf(streams, engine));
  while (streams.dropped === 0) assertEquals((await reading?.read())?.done, false);
  assertEquals(streams.pages, 1);
  assertEquals((await reading?.read())?.done, false);
  streams.stop();
  while (!(await reading?.read())?.done);
  await mute?.cancel().catch(() => {});
});

Deno.test("a view that cannot be computed ends its pages, and no others", async () => {
  let works = true;
  const streams = streamsOf(({ selection, windowSeconds }, timeMs) => {
    if (!works && selection.engine === "1") throw new RangeError("no such view");
    return { ...EMPTY_VIEW, timeMs, selection, windowSeconds };
  });
  const [good, bad] = [readerOf(streams, "0"), readerOf(streams, "1")];
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
