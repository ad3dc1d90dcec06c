/** `vllm-metrics serve`: runs the service until it is asked to stop. */

import type { Config } from "../config/config.ts";
import { MetricsError } from "../errors.ts";
import { createLogger, type Logger } from "../log.ts";
import { Admission } from "../server/admission.ts";
import { createHandler } from "../server/handler.ts";
import { MetricsRoute } from "../server/metrics_route.ts";
import { OwnMetrics } from "../server/own_metrics.ts";
import { UpstreamState } from "../server/upstream_state.ts";
import { createUpstream, type Upstream } from "../upstream/upstream.ts";
import { VERSION } from "../version.ts";
import { configure } from "./configure.ts";
import { EXIT, type Host, type Listener } from "./host.ts";

/** Requests on `/metrics` at once: a scrape takes milliseconds, so more means that readers hang. */
const MAX_REQUESTS = 100;
/** How long replies under way may take after a stop signal, in milliseconds. */
const STOP_MS = 900;

/** The service without its listener. */
export interface Service {
  /** Answers requests. */
  readonly handler: (request: Request) => Response | Promise<Response>;
  /** Makes the service say that it is no longer ready. */
  stop(): void;
}

/** What {@linkcode createService} needs from outside. */
export type ServiceHost = Pick<
  Host,
  "now" | "startedMs" | "cpuSeconds" | "residentBytes" | "runtime"
>;

/**
 * Puts the parts of the service together.
 *
 * @param upstream The server that is scraped.
 * @param log Takes its log lines.
 * @param host Clock and process figures.
 * @returns The service, ready to be listened for.
 */
export function createService(upstream: Upstream, log: Logger, host: ServiceHost): Service {
  let ready = true;
  const state = new UpstreamState(upstream.label, log);
  const metrics = new OwnMetrics({
    version: VERSION,
    runtime: host.runtime,
    startSeconds: host.startedMs / 1_000,
    cpuSeconds: () => host.cpuSeconds(),
    residentBytes: () => host.residentBytes(),
  });
  const now = (): number => host.now();
  const admission = new Admission({
    limit: MAX_REQUESTS,
    now,
    onChange: (requests) => metrics.requestsInFlight = requests,
    onEvict: () => metrics.evicted++,
  });
  const metricsRoute = new MetricsRoute({ upstream, admission, metrics, state, now });
  const isReady = (): boolean => ready;
  const label = upstream.label;
  return {
    handler: createHandler({
      version: VERSION,
      upstream: label,
      state,
      metrics,
      metricsRoute,
      isReady,
    }),
    stop: () => ready = false,
  };
}

/** Opens the listener, or says why that cannot be. */
function listen(host: Host, config: Config, service: Service): Listener {
  const { hostname, port } = config.listen;
  const address = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  try {
    return host.listen({ hostname, port, handler: service.handler });
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    const reason = taken ? "the port is in use" : error instanceof Error ? error.message : "";
    throw new MetricsError("LISTEN_FAILED", `Cannot listen on "${address}": ${reason}`, {
      hint: `${taken ? "Is another copy running? " : ""}Set LISTEN_ADDRESS to another address.`,
      cause: error,
    });
  }
}

/** Waits for a stop signal, then for the replies under way; a second signal does not wait. */
async function runUntilStopped(host: Host, listener: Listener, service: Service): Promise<void> {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let signals = 0;
  const ignore = host.onStopSignal(() => (++signals === 1 ? first : second).resolve());
  await first.promise;
  service.stop();
  const deadline = setTimeout(() => second.resolve(), STOP_MS);
  const done = await Promise.race([
    listener.shutdown().then(() => true),
    second.promise.then(() => false),
  ]);
  if (!done) listener.abort();
  clearTimeout(deadline);
  ignore();
}

/**
 * Runs the service.
 *
 * @param host The process.
 * @returns 0 when it was asked to stop, 1 when it failed, 2 on a bad configuration.
 */
export async function serve(host: Host): Promise<number> {
  const config = configure(host);
  if (config === undefined) return EXIT.badConfig;
  const log = createLogger({
    ...config.log,
    write: (line) => host.printError(line),
    now: () => host.now(),
  });
  for (const warning of config.warnings) log.warn(warning);
  try {
    using upstream = createUpstream(config.upstream);
    const service = createService(upstream, log, host);
    const listener = listen(host, config, service);
    const address = `${config.listen.hostname}:${listener.port}`;
    log.info("Listening", { address, upstream: upstream.label, version: VERSION });
    await runUntilStopped(host, listener, service);
    log.info("Stopped");
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    log.error(error.message, { code: error.code, hint: error.hint });
    return EXIT.failed;
  }
}
