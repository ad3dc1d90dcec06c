/** Scrapes of all servers, and the service's own metrics, as OTLP: what is pushed, and `/metrics/otel`. */

import { accepts } from "@std/http/negotiation";
import { STATUS_CODE } from "@std/http/status";
import { MetricsError } from "../errors.ts";
import { FamilyMemo, parseFamilies } from "../exposition/family.ts";
import type { FamilyFilter } from "../exposition/filter.ts";
import { SAFE_HEADERS, textResponse } from "../http/responses.ts";
import type { Slots } from "../http/slots.ts";
import type { MetricsRegistry } from "../metrics_registry.ts";
import { cleanMetrics } from "../otlp/clean.ts";
import { countPoints, type RelayCounts } from "../otlp/counts.ts";
import { bytesOf } from "../otlp/encode.ts";
import { filterRequest } from "../otlp/filter.ts";
import type { ExportMetricsServiceRequest, Metric, ResourceMetrics } from "../otlp/gen/metrics.ts";
import { CONTENT_TYPE } from "../otlp/http.ts";
import type { Targets } from "../scrape/targets.ts";
import { VERSION } from "../version.ts";
import { attribute, PointMaker } from "./points.ts";

/** The resource of the service's own metrics. */
const OWN_SERVICE = "vllm-metrics";

/** What {@linkcode OtlpSource} works with. */
export interface OtlpSourceOptions {
  /** The servers. */
  readonly targets: Targets;
  /** Which families are wanted. */
  readonly filter: FamilyFilter;
  /** Longest time for the servers to answer, in milliseconds. */
  readonly scrapeTimeoutMs: number;
  /** The service's own metrics. */
  readonly registry: MetricsRegistry;
  /** Attributes of all resources. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** A scrape, and what became of its points. */
export interface OtlpScrape {
  /** What Parseable and others can store of it. */
  readonly request: ExportMetricsServiceRequest;
  /** Its points, and those left out: not finite, or counts that no histogram can have. */
  readonly counts: RelayCounts;
  /** When it began, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Scrapes all servers. */
export class OtlpSource {
  readonly #options: OtlpSourceOptions;
  readonly #memo = new FamilyMemo();
  #makers = new Map<string, PointMaker>();
  readonly #own = new PointMaker();
  /** Tells the copies of the service apart, as OpenTelemetry's conventions want it. */
  readonly #ownId: string = crypto.randomUUID();

  /** Begins with the first scrape. */
  constructor(options: OtlpSourceOptions) {
    this.#options = options;
  }

  /** Scrapes; a server that fails has no metrics, which its state tells. */
  async scrape(signal: AbortSignal): Promise<OtlpScrape> {
    const { targets, filter, scrapeTimeoutMs, registry, now } = this.#options;
    const timeMs = now();
    const list = await targets.refresh(scrapeTimeoutMs / 4);
    const makers = new Map(list.map(({ name }) => {
      const instance = targets.isMerged ? name : undefined;
      return [name, this.#makers.get(name) ?? new PointMaker(instance)];
    }));
    this.#makers = makers;
    const texts = await Promise.all(list.map(async ({ name, scraper }) => {
      const text = await readAll(scraper, signal, scrapeTimeoutMs);
      return { name, text };
    }));
    const resources = texts.map(({ name, text }) => {
      const own = { "service.name": "vllm", "service.instance.id": name };
      return this.#resource(own, this.#metrics(makers.get(name), text, timeMs));
    });
    // After the servers, so that what is known of them is current.
    const text = await registry.text();
    const own = { "service.name": OWN_SERVICE, "service.instance.id": this.#ownId };
    resources.push(this.#resource(own, this.#metrics(this.#own, text, timeMs)));
    const request = { resourceMetrics: resources };
    filterRequest(request, filter);
    const counts = countPoints(request);
    cleanMetrics(request, counts);
    return { request, counts, timeMs };
  }

  /** `GET /metrics/otel`: a scrape as JSON, or as protobuf to those that prefer it. */
  async respond(request: Request, slots: Slots): Promise<Response> {
    const slot = slots.enter();
    if (slot === undefined) return textResponse(STATUS_CODE.ServiceUnavailable, "Try again later.");
    try {
      const types = [CONTENT_TYPE.json, CONTENT_TYPE.protobuf];
      const encoding = accepts(request, ...types) === CONTENT_TYPE.protobuf ? "protobuf" : "json";
      const scrape = await this.scrape(request.signal);
      const bytes = bytesOf(scrape.request, encoding);
      return new Response(request.method === "HEAD" ? null : bytes, {
        headers: { "content-type": CONTENT_TYPE[encoding], vary: "accept", ...SAFE_HEADERS },
      });
    } finally {
      slot.leave();
    }
  }

  #metrics(maker: PointMaker | undefined, text: string, timeMs: number): Metric[] {
    if (maker === undefined || text === "") return [];
    return maker.metrics(parseFamilies(text, this.#memo), timeMs);
  }

  /** The attributes of the settings win over ours, but for what tells servers apart. */
  #resource(own: Readonly<Record<string, string>>, metrics: Metric[]): ResourceMetrics {
    const fixed = own["service.name"] === OWN_SERVICE ? "service.name" : "service.instance.id";
    const all = new Map([...Object.entries(own), ...this.#options.attributes]);
    all.set(fixed, own[fixed] ?? "");
    return {
      resource: {
        attributes: Array.from(all, ([name, value]) => attribute(name, value)),
        droppedAttributesCount: 0,
      },
      scopeMetrics: [{
        scope: { name: OWN_SERVICE, version: VERSION, attributes: [], droppedAttributesCount: 0 },
        metrics,
        schemaUrl: "",
      }],
      schemaUrl: "",
    };
  }
}

async function readAll(
  scraper: Targets["list"][number]["scraper"],
  signal: AbortSignal,
  timeoutMs: number,
): Promise<string> {
  using reader = scraper.read({ signal, timeoutMs });
  let text: string;
  try {
    const beginning = await reader.begin();
    text = beginning.text;
    let next = beginning.isWhole ? undefined : await reader.next();
    for (; next !== undefined; next = await reader.next()) text += next;
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    return "";
  }
  return text;
}
