import type { EventStreamLimits } from "../../lib/dashboard/event_stream.ts";
import { createDashboard, type Dashboard } from "../../lib/dashboard/dashboard.ts";
import { EVENT_STREAM_LIMITS } from "../../lib/dashboard/event_stream.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { MetricsRegistry } from "../../lib/metrics_registry.ts";
import { listenFor, seriesOf } from "../fakes.ts";

/** The dashboard's routes, listening. */
export interface TestDashboard extends AsyncDisposable {
  /** Its address, without path. */
  readonly origin: string;
  /** The dashboard itself. */
  readonly dashboard: Dashboard;
  /** Who scrapes at the moment: 1 while somebody looks. */
  readonly watchers: () => number;
  /** One of its own metrics. */
  metric(name: string): Promise<number | undefined>;
  /** Opens a page. */
  open(query?: string): Promise<Page>;
}

/** An event as a page gets it; a comment has no fields. */
export type PageEvent = Readonly<Record<string, string>>;

/** An open page. */
export interface Page extends AsyncDisposable {
  /** The reply. */
  readonly response: Response;
  /** Waits for the next event or comment; undefined at the end. */
  next(): Promise<PageEvent | undefined>;
}

/** What of a dashboard a test sets. */
export interface TestDashboardOptions {
  /** Distance of two views, in milliseconds. @default {20} */
  readonly updateMs?: number;
  /** Bounds that differ from the usual ones. */
  readonly limits?: Partial<EventStreamLimits>;
  /** What was scraped. @default {nothing of one server} */
  readonly history?: HistoryStore;
}

/** Starts a dashboard on a port of its own. */
export function startDashboard(options: TestDashboardOptions = {}): TestDashboard {
  const registry = new MetricsRegistry();
  let watchers = 0;
  const dashboard = createDashboard({
    history: options.history ?? new HistoryStore({ instances: ["vllm"] }),
    watch: () => {
      watchers++;
      return { [Symbol.dispose]: () => void watchers-- };
    },
    registry,
    now: Date.now,
    goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
    intervalMs: 2_000,
    updateMs: options.updateMs ?? 20,
    windows: [300, 900],
    limits: { ...EVENT_STREAM_LIMITS, ...options.limits },
  });
  const listener = listenFor((request) => {
    const route = dashboard.routes[new URL(request.url).pathname];
    return route?.(request) ?? new Response(null, { status: 404 });
  });
  return {
    origin: listener.origin,
    dashboard,
    watchers: () => watchers,
    metric: async (name) => seriesOf(await registry.text()).get(name),
    open: async (query = "") => pageOf(await fetch(`${listener.origin}/api/v1/events${query}`)),
    async [Symbol.asyncDispose](): Promise<void> {
      dashboard.stop();
      await listener[Symbol.asyncDispose]();
    },
  };
}

/** Reads events off a reply. */
export function pageOf(response: Response): Page {
  if (response.body === null) throw new Error("The reply has no body");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  return {
    response,
    async next(): Promise<PageEvent | undefined> {
      while (!unread.includes("\n\n")) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        unread += value;
      }
      const end = unread.indexOf("\n\n");
      const event = unread.slice(0, end);
      unread = unread.slice(end + 2);
      return fieldsOf(event);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await reader.cancel();
    },
  };
}

function fieldsOf(event: string): PageEvent {
  const lines = event.split("\n").filter((line) => !line.startsWith(":"));
  return Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(": ");
    return [line.slice(0, colon), line.slice(colon + 2)];
  }));
}
