/** The service on a socket, fake vLLM servers that answer captures, and ways to wait. */

import { createService } from "../lib/commands/service.ts";
import type { History } from "../lib/history/history.ts";
import { hostAndPort } from "../lib/config/url.ts";
import { MetricsError } from "../lib/errors.ts";
import { createLogger } from "../lib/log.ts";
import type { Access, NamingConfig, ServersConfig, UpstreamConfig } from "../lib/config/config.ts";
import type { Resolve } from "../lib/net/resolve.ts";
import { type FakeServer, serveHttp } from "./net/fakes.ts";

/** Longest wait for anything that is sure to happen, in milliseconds. */
const PATIENCE_MS = 20_000;
/** Time between two looks at what tells nobody when it changes, in milliseconds. */
const LOOK_MS = 10;

/** The Content-Type of every response on `/metrics`. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** One answer of a real vLLM. */
export interface Capture {
  /** The body. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The body as text. */
  readonly text: string;
  /** Its Content-Type. */
  readonly contentType: string;
}

/** Reads a capture of `tests/testdata/vllm/`. */
export function capture(name: string): Capture {
  const base = new URL(`testdata/vllm/${name}`, import.meta.url);
  const bytes = Deno.readFileSync(`${base.pathname}.txt`);
  const headers = Deno.readTextFileSync(`${base.pathname}.headers`);
  const contentType = /^content-type: (.*)$/im.exec(headers)?.[1] ?? "";
  return { bytes, text: new TextDecoder().decode(bytes), contentType };
}

/** The names of all captures that came with their headers. */
export function captureNames(): string[] {
  const folder = new URL("testdata/vllm/", import.meta.url);
  return [...Deno.readDirSync(folder)]
    .flatMap(({ name }) => name.endsWith(".headers") ? [name.slice(0, -".headers".length)] : [])
    .toSorted();
}

/** Serves a capture on every path. */
export function serveCapture(name: string): FakeServer {
  const { bytes, contentType } = capture(name);
  return serveHttp(() => new Response(bytes, { headers: { "content-type": contentType } }));
}

/** A capture in text form with `_` for `:` in all names, done without the code under test. */
export function renamed(text: string): string {
  return text.replace(
    /^(# (?:HELP|TYPE) )?([a-zA-Z_:][\w:]*)/gm,
    (all) => all.replaceAll(":", "_"),
  );
}

/** Log lines, without their times. */
export class LogLines {
  /** All lines so far. */
  readonly all: string[] = [];
  readonly #waiting = new Set<() => void>();

  /** Adds a line. */
  push(line: string): void {
    this.all.push(line.replace(/^time=\S+ /, "").trimEnd());
    for (const look of this.#waiting) look();
  }

  /** Waits for a line that holds a text, and gives it. */
  async seen(text: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const look = (): void => {
      const line = this.all.find((each) => each.includes(text));
      if (line !== undefined) resolve(line);
    };
    this.#waiting.add(look);
    look();
    try {
      return await within(promise, () => `no line with "${text}" in:\n${this.all.join("\n")}`);
    } finally {
      this.#waiting.delete(look);
    }
  }
}

/** The service, listening. */
export interface TestService extends AsyncDisposable {
  /** Its address, without path. */
  readonly origin: string;
  /** Its log. */
  readonly log: LogLines;
  /** Sends a GET request. */
  get(path: string, headers?: HeadersInit): Promise<Response>;
  /** Reads `/-/metrics`: values by series; the label of the one server is left out. */
  ownMetrics(): Promise<Map<string, number>>;
  /** Its history. */
  readonly history: History;
  /** Needs the history, until that is disposed. */
  watch(): Disposable;
  /** Makes it say that it is no longer ready. */
  stop(): void;
}

/** What of a service a test sets: its servers, who may read, clock and pace. */
export interface ServiceOverrides extends Partial<UpstreamConfig> {
  /** The servers in the place of the one. */
  servers?: ServersConfig;
  /** Looks names up. */
  resolve?: Resolve;
  /** Who may read the metrics; everybody without. */
  access?: Access;
  /** Scrapes of one server that may start in a second; any number without. */
  maxScrapesPerSecond?: number;
  /** Host names that requests may be for; any without. */
  allowedHosts?: readonly string[];
  frameAncestors?: readonly string[];
  /** The time in milliseconds. */
  now?: () => number;
  /** Time from one scrape of the history to the next, in milliseconds. */
  intervalMs?: number;
  /** The same while nobody needs it; no scrapes without. */
  idleIntervalMs?: number;
  /** The names on `/metrics`. */
  naming?: NamingConfig;
  /** The file that keeps the history. */
  file?: string;
}

/** A configuration whose label is the same in all sentences. */
export function configFor(url: string): UpstreamConfig {
  return {
    url: new URL(url),
    label: "http://vllm/metrics",
    headers: [],
    timeoutMs: 20_000,
    maxBodyBytes: 1_000_000,
    tls: { skipVerify: false },
  };
}

/** One server without a name. */
export function serversFor(upstream: UpstreamConfig): ServersConfig {
  const name = hostAndPort(upstream.url);
  return { list: [{ name, isNamed: false, isDiscovered: false, upstream }], isMerged: false };
}

/** Several servers by their names. */
export function namedServers(origins: Readonly<Record<string, string>>): ServersConfig {
  const list = Object.entries(origins).map(([name, origin]) => ({
    name,
    isNamed: true,
    isDiscovered: false,
    upstream: { ...configFor(origin), label: `http://${name}/metrics` },
  }));
  return { list, isMerged: true };
}

/**
 * Starts the service in this process. It listens as `main.ts` does; what a
 * handler throws beyond the service's own errors fails the test at its end.
 */
export function startService(url: string, overrides: ServiceOverrides = {}): TestService {
  const { now = Date.now, intervalMs = 2_000, idleIntervalMs = 0, ...rest } = overrides;
  const { file, servers: several, resolve, ...others } = rest;
  const { access, allowedHosts, frameAncestors = [], ...more } = others;
  const { maxScrapesPerSecond = Infinity, ...named } = more;
  const { naming = { style: "underscore", hasAliases: false }, ...config } = named;
  const log = new LogLines();
  const logger = createLogger({
    level: "debug",
    format: "text",
    write: (line) => log.push(line),
    now,
  });
  const host = {
    now,
    startedMs: 1_000,
    cpuSeconds: () => 1.5,
    residentBytes: () => 1_048_576,
    runtime: "2.0.0",
  };
  const servers = several ?? serversFor({ ...configFor(url), ...config });
  const service = createService({
    servers,
    relay: undefined,
    filter: { drop: [], keep: [], isBackendComplete: false },
    naming,
    history: {
      intervalMs,
      idleIntervalMs,
      retentionMs: 3_600_000,
      ...file === undefined ? {} : { file },
    },
    access,
    allowedHosts,
    frameAncestors,
    maxScrapesPerSecond,
    goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
    prices: [],
    log: logger,
    host,
    ...resolve === undefined ? {} : { resolve },
  });
  const listener = listenFor(service.handler);
  return {
    origin: listener.origin,
    log,
    get: (path, headers = {}) => fetch(listener.origin + path, { headers, redirect: "manual" }),
    ownMetrics: async () => {
      const text = await (await fetch(`${listener.origin}/-/metrics`)).text();
      return seriesOf(servers.isMerged ? text : withoutInstance(text));
    },
    history: service.history,
    watch: () => service.watch(),
    stop: () => void service.stop(0),
    async [Symbol.asyncDispose](): Promise<void> {
      await listener[Symbol.asyncDispose]();
      service[Symbol.dispose]();
    },
  };
}

/** A handler on a port of its own, with the listener's settings of `main.ts`. */
export function listenFor(
  handler: (request: Request) => Response | Promise<Response>,
): AsyncDisposable & { readonly origin: string } {
  const abort = new AbortController();
  const unexpected: unknown[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: abort.signal,
    automaticCompression: true,
    onListen(): void {},
    onError(error): Response {
      if (!(error instanceof MetricsError)) unexpected.push(error);
      return new Response(null, { status: 500 });
    },
  }, handler);
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      abort.abort();
      await server.finished;
      if (unexpected.length > 0) throw new AggregateError(unexpected, "A handler threw");
    },
  };
}

/** A text without the label that tells servers apart. */
function withoutInstance(text: string): string {
  return text.replace(/\{instance="[^"]*"\}/g, "").replace(/\{instance="[^"]*",/g, "{");
}

/** The samples of a text: values by series, as they are written. */
export function seriesOf(text: string): Map<string, number> {
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(samples.map((line) => {
    const space = line.lastIndexOf(" ");
    return [line.slice(0, space), Number(line.slice(space + 1))] as const;
  }));
}

/** Waits for a promise, but not for ever. */
export async function within<T>(promise: Promise<T>, complaint: () => string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Waited too long: ${complaint()}`)),
    PATIENCE_MS,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until something holds; gives it. */
export async function until<T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
): Promise<T> {
  const latest = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > latest) throw new Error(`Waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
