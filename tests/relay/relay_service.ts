/** The relay on a port of its own, and its log. */

import { parseConfig } from "../../lib/config/config.ts";
import { createLogger } from "../../lib/log.ts";
import { createExchange, MAX_WORDS_BYTES } from "../../lib/parseable/exchange.ts";
import { createRelayHandler, type RelayLimits } from "../../lib/relay/relay.ts";
import { MetricsRegistry } from "../../lib/metrics_registry.ts";
import { listenFor, seriesOf } from "../fakes.ts";
import { GOOD } from "./fake_parseable.ts";

/** A relay under test. */
export interface TestRelay extends AsyncDisposable {
  /** Its address. */
  readonly origin: string;
  /** The log lines so far, without their times. */
  readonly log: string[];
  /** Sends a request to `/v1/metrics`; protobuf with good credentials by default. */
  post(body: BodyInit, headers?: Record<string, string>): Promise<Response>;
  /** The relay's metrics. */
  metrics(): Promise<Map<string, number>>;
}

/** What of a relay a test sets beside its settings: what it bears, and the clock. */
export interface RelayOverrides {
  readonly limits?: RelayLimits;
  readonly now?: () => number;
}

/** Starts one. */
export function startRelay(
  parseable: string,
  settings: Record<string, string> = {},
  overrides: RelayOverrides = {},
): TestRelay {
  const result = parseConfig({
    VLLM_METRICS_URL: "http://vllm:8000",
    PARSEABLE_URL: parseable,
    ...settings,
  }, Deno.readTextFileSync);
  if (!result.ok || result.config.relay === undefined) throw new Error("The settings are wrong");
  const { relay } = result.config;
  const log: string[] = [];
  const logger = createLogger({
    level: "debug",
    format: "text",
    write: (line) => log.push(line.trimEnd().replace(/^time=\S+ /, "")),
    now: Date.now,
  });
  const registry = new MetricsRegistry();
  const exchange = createExchange({ ...relay, maxAnswerBytes: MAX_WORDS_BYTES });
  const listener = listenFor(createRelayHandler({
    parseable: { ...relay, exchange },
    stream: relay.stream,
    registry,
    log: logger,
    now: Date.now,
    isReady: () => true,
    ...overrides,
  }));
  return {
    origin: listener.origin,
    log,
    post: (body, headers = {}) =>
      fetch(`${listener.origin}/v1/metrics`, {
        method: "POST",
        body,
        headers: { "content-type": "application/x-protobuf", authorization: GOOD, ...headers },
      }),
    metrics: async () => seriesOf(await registry.text()),
    async [Symbol.asyncDispose](): Promise<void> {
      await listener[Symbol.asyncDispose]();
      exchange[Symbol.dispose]();
    },
  };
}
