/** An OTLP receiver, and the service that pushes to it. */

import { parseConfig } from "../../lib/config/config.ts";
import { createService } from "../../lib/commands/service.ts";
import { createLogger } from "../../lib/log.ts";
import type { ExportMetricsServiceRequest, KeyValue, Metric } from "../../lib/otlp/gen/metrics.ts";
import { decodeMetrics, decodeMetricsJson } from "../../lib/otlp/decode.ts";
import { listenFor, LogLines, seriesOf, until } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";

/** A request that came in. */
export interface Received {
  readonly path: string;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly request: ExportMetricsServiceRequest;
}

/** A receiver, and what came in. */
export interface Receiver extends AsyncDisposable {
  readonly origin: string;
  /** All requests, also refused ones. */
  readonly received: Received[];
  /** What it answers to a request; 200 without. */
  answer: ((received: Received) => Response | Promise<Response>) | undefined;
  /** Waits for the first request. */
  first(): Promise<Received>;
  /** Waits for so many requests. */
  requests(count: number): Promise<Received[]>;
}

/** Reads a body of either encoding. */
export function read(headers: Headers, bytes: Uint8Array): ExportMetricsServiceRequest {
  return headers.get("content-type") === "application/json"
    ? decodeMetricsJson(bytes)
    : decodeMetrics(bytes);
}

/** Starts a receiver. */
export function serveReceiver(certificate?: string): Receiver {
  const received: Received[] = [];
  const server = serveHttp(async (request) => {
    const { headers, url } = request;
    const sent = await request.bytes();
    const bytes = headers.get("content-encoding") === "gzip"
      ? await new Response(
        new Blob([sent]).stream().pipeThrough(new DecompressionStream("gzip")),
      ).bytes()
      : sent;
    const one = { path: new URL(url).pathname, headers, bytes, request: read(headers, bytes) };
    received.push(one);
    return await receiver.answer?.(one) ?? new Response(null);
  }, certificate);
  const receiver: Receiver = {
    origin: server.origin,
    received,
    answer: undefined,
    first: () => until(() => received[0], "a request"),
    requests: (count) =>
      until(() => received.length >= count ? received : undefined, `${count} requests`),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return receiver;
}

/** A service that pushes. */
export interface PushService extends AsyncDisposable {
  readonly origin: string;
  readonly log: LogLines;
  get(path: string): Promise<string>;
  /** Sends OTLP in JSON to the relay. */
  relay(request: unknown): Promise<Response>;
  ownMetrics(): Promise<Map<string, number>>;
}

/** Starts a service with settings. */
export function startPush(env: Readonly<Record<string, string>>): PushService {
  const result = parseConfig(
    { HISTORY_IDLE_INTERVAL: "0", OTEL_METRIC_EXPORT_INTERVAL: "100", ...env },
    Deno.readTextFileSync,
  );
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  const log = new LogLines();
  const service = createService({
    ...result.config,
    log: createLogger({
      level: "debug",
      format: "text",
      write: (line) => log.push(line),
      now: Date.now,
    }),
    host: {
      now: Date.now,
      startedMs: 1_000,
      cpuSeconds: () => 1.5,
      residentBytes: () => 1_048_576,
      runtime: "2.0.0",
    },
  });
  const listener = listenFor(service.handler);
  const relay = listenFor(service.relayHandler ?? (() => new Response(null, { status: 404 })));
  const get = async (path: string): Promise<string> =>
    await (await fetch(listener.origin + path)).text();
  return {
    origin: listener.origin,
    log,
    get,
    relay: (request) =>
      fetch(`${relay.origin}/v1/metrics`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Basic ${btoa("shipper:secret-password")}`,
        },
        body: JSON.stringify(request),
      }),
    ownMetrics: async () => seriesOf(await get("/-/metrics")),
    async [Symbol.asyncDispose](): Promise<void> {
      service[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
    },
  };
}

/** Attributes as labels in braces, with more of them. */
function braces(attributes: readonly KeyValue[], more: Readonly<Record<string, string>>): string {
  const labels = attributes.map(({ key, value }) => [key, value?.stringValue ?? "?"]);
  const all = [...labels, ...Object.entries(more)].map(([key, value]) => `${key}="${value}"`);
  return all.length === 0 ? "" : `{${all.toSorted().join(",")}}`;
}

/** Metrics as the series of an exposition, with cumulative buckets; labels in alphabetical order. */
export function exposed(metrics: readonly Metric[]): Map<string, number> {
  const series = new Map<string, number>();
  for (const { name, gauge, sum, histogram, summary } of metrics) {
    const labelled = (part: string, attributes: readonly KeyValue[], more = {}): string =>
      name + part + braces(attributes, more);
    for (const { attributes, asDouble, asInt } of (gauge ?? sum)?.dataPoints ?? []) {
      series.set(labelled("", attributes), asDouble ?? Number(asInt));
    }
    for (const { attributes, ...point } of histogram?.dataPoints ?? []) {
      let total = 0;
      for (const [index, bucket] of point.bucketCounts.entries()) {
        total += Number(bucket);
        const le = String(point.explicitBounds[index] ?? "+Inf");
        series.set(labelled("_bucket", attributes, { le }), total);
      }
      series.set(labelled("_sum", attributes), point.sum ?? NaN);
      series.set(labelled("_count", attributes), Number(point.count));
    }
    for (const { attributes, ...point } of summary?.dataPoints ?? []) {
      for (const { quantile, value } of point.quantileValues) {
        series.set(labelled("", attributes, { quantile: String(quantile) }), value);
      }
      series.set(labelled("_sum", attributes), point.sum);
      series.set(labelled("_count", attributes), Number(point.count));
    }
  }
  return series;
}

/** The samples of an exposition, with labels in alphabetical order and numbers as bounds. */
export function samplesOf(text: string): Map<string, number> {
  const ordered = Array.from(seriesOf(text), ([series, value]) => {
    const [, name = series, inner = ""] = /^([^{]*)\{(.*)\}$/.exec(series) ?? [];
    const unescaped = (text: string): string =>
      text.replace(/\\(.)/g, (_, character) => character === "n" ? "\n" : character);
    const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, written = ""]) =>
      `${key}="${
        key === "le" && written !== "+Inf" ? String(Number(written)) : unescaped(written)
      }"`
    );
    return [labels.length === 0 ? name : `${name}{${labels.toSorted().join(",")}}`, value] as const;
  });
  return new Map(ordered);
}

/** All metrics of a request. */
export function allMetrics({ resourceMetrics }: ExportMetricsServiceRequest): Metric[] {
  return resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((it) => it.metrics));
}

/** The metrics of the resource of a server; those of the service itself without a name. */
export function metricsOf(request: ExportMetricsServiceRequest, instance?: string): Metric[] {
  return allMetrics({
    resourceMetrics: request.resourceMetrics.filter(({ resource }) => {
      const valueOf = (name: string): string | undefined =>
        resource?.attributes.find(({ key }) => key === name)?.value?.stringValue;
      return instance === undefined
        ? valueOf("service.name") === "vllm-metrics"
        : valueOf("service.instance.id") === instance;
    }),
  });
}

/** The attributes of each resource, as labels. */
export function resourcesOf(request: ExportMetricsServiceRequest): string[] {
  return request.resourceMetrics.map(({ resource }) => braces(resource?.attributes ?? [], {}));
}
