/** An OTLP receiver, and the service that pushes to it. */

import { parseConfig } from "../../lib/config/config.ts";
import { createService } from "../../lib/commands/service.ts";
import { createLogger } from "../../lib/log.ts";
import type { ExportMetricsServiceRequest, KeyValue, Metric } from "../../lib/otlp/gen/metrics.ts";
import { decodeMetrics } from "../../lib/otlp/decode.ts";
import { decodeMetricsJson } from "../../lib/otlp/decode_json.ts";
import { listenFor, LogLines, seriesOf, until } from "../fakes.ts";
import { serveHttp } from "../upstream/fakes.ts";

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
  const labels = attributes.map(({ key, value }) => [
    key,
    value?.value?.$case === "stringValue" ? value.value.value : "?",
  ]);
  const all = [...labels, ...Object.entries(more)].map(([key, value]) => `${key}="${value}"`);
  return all.length === 0 ? "" : `{${all.toSorted().join(",")}}`;
}

/** Metrics as the series of an exposition, with cumulative buckets; labels in alphabetical order. */
export function exposed(metrics: readonly Metric[]): Map<string, number> {
  const series = new Map<string, number>();
  for (const { name, data } of metrics) {
    if (data?.$case === "gauge" || data?.$case === "sum") {
      for (const { attributes, value } of data.value.dataPoints) {
        series.set(name + braces(attributes, {}), Number(value?.value));
      }
    } else if (data?.$case === "histogram") {
      for (
        const { attributes, bucketCounts, explicitBounds, sum, count } of data.value.dataPoints
      ) {
        let total = 0;
        for (const [index, bucket] of bucketCounts.entries()) {
          total += Number(bucket);
          const le = String(explicitBounds[index] ?? "+Inf");
          series.set(`${name}_bucket${braces(attributes, { le })}`, total);
        }
        series.set(`${name}_sum${braces(attributes, {})}`, Number(sum));
        series.set(`${name}_count${braces(attributes, {})}`, Number(count));
      }
    } else if (data?.$case === "summary") {
      for (const { attributes, quantileValues, sum, count } of data.value.dataPoints) {
        for (const { quantile, value } of quantileValues) {
          series.set(name + braces(attributes, { quantile: String(quantile) }), value);
        }
        series.set(`${name}_sum${braces(attributes, {})}`, sum);
        series.set(`${name}_count${braces(attributes, {})}`, Number(count));
      }
    } else throw new Error(`${name} is of an unexpected kind`);
  }
  return series;
}

/** The metrics of the resource with an instance; those of the service itself without. */
export function metricsOf(request: ExportMetricsServiceRequest, instance?: string): Metric[] {
  return request.resourceMetrics.filter(({ resource }) => {
    const id = resource?.attributes.find(({ key }) => key === "service.instance.id");
    const value = id?.value?.value;
    return instance === undefined
      ? value === undefined
      : value?.$case === "stringValue" && value.value === instance;
  }).flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
}

/** The attributes of each resource, as labels. */
export function resourcesOf(request: ExportMetricsServiceRequest): string[] {
  return request.resourceMetrics.map(({ resource }) => braces(resource?.attributes ?? [], {}));
}
