/** `vllm-metrics serve`: runs the service until it is asked to stop. */

import { Registry } from "prom-client";
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
  const registry = new Registry();
  const metrics = new OwnMetrics(registry, {
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
      registry,
      metricsRoute,
      isReady,
    }),
    stop: () => ready = false,
  };
}

/** Host and port as one writes them: an IPv6 address stands in brackets. */
function addressText(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Opens the listener, or says why that cannot be. */
function listen(host: Host, config: Config, service: Service): Listener {
  const { hostname, port } = config.listen;
  const address = addressText(hostname, port);
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

/** The first two stop signals, heard from the moment this is made. */
class StopSignals implements Disposable {
  readonly #first = Promise.withResolvers<void>();
  readonly #second = Promise.withResolvers<void>();
  readonly #ignore: () => void;
  #count = 0;

  constructor(host: Host) {
    this.#ignore = host.onStopSignal(() => {
      this.#count++;
      (this.#count === 1 ? this.#first : this.#second).resolve();
    });
  }

  /** Resolves at the first signal: end when the replies under way are out. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  /** Resolves at the second signal: end now. */
  get second(): Promise<void> {
    return this.#second.promise;
  }

  /** Leaves the signals to the system again. */
  [Symbol.dispose](): void {
    this.#ignore();
  }
}

/**
 * Waits for a stop signal, then for the replies under way; a second signal does
 * not wait. What is still under way then breaks off with the process: aborting
 * a server that shuts down is an uncaught error in Deno 2.9.6.
 */
async function runUntilStopped(
  signals: StopSignals,
  listener: Listener,
  service: Service,
): Promise<void> {
  await signals.first;
  service.stop();
  const late = Promise.withResolvers<void>();
  const deadline = setTimeout(() => late.resolve(), STOP_MS);
  await Promise.race([listener.shutdown(), signals.second, late.promise]);
  clearTimeout(deadline);
}

/** Writes a log line. A log that nobody reads any more is no reason to answer nobody. */
function writeLine(host: Host, line: string): void {
  try {
    host.printError(line);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
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
    write: (line) => writeLine(host, line),
    now: () => host.now(),
  });
  for (const warning of config.warnings) log.warn(warning);
  try {
    using upstream = createUpstream(config.upstream);
    const service = createService(upstream, log, host);
    // Before anybody can know that it listens: a signal that comes at once is heard as well.
    using signals = new StopSignals(host);
    const listener = listen(host, config, service);
    const address = addressText(config.listen.hostname, listener.port);
    log.info("Listening", { address, upstream: upstream.label, version: VERSION });
    await runUntilStopped(signals, listener, service);
    log.info("Stopped");
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    log.error(error.message, { code: error.code, hint: error.hint });
    return error.code === "CONFIG_INVALID" ? EXIT.badConfig : EXIT.failed;
  }
}
