/** `vllm-metrics serve`: runs the service until it is asked to stop. */

import type { Config } from "../config/config.ts";
import type { Address } from "../config/values.ts";
import { MetricsError } from "../errors.ts";
import { createLogger, type Logger } from "../log.ts";
import { createUpstream } from "../upstream/upstream.ts";
import { VERSION } from "../version.ts";
import { configure } from "./configure.ts";
import { EXIT, type Host, type Listener } from "./host.ts";
import { createService, type Handler, type Service } from "./service.ts";

/** How long replies under way may take after a stop signal, in milliseconds. */
const STOP_MS = 900;

/** An address as it stands in a URL. */
function addressText({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** A listener, and which setting moves it. */
interface Place {
  readonly address: Address;
  readonly setting: string;
}

/** Opens a listener, or says why that cannot be. */
function listen(host: Host, handler: Handler, { address, setting }: Place): Listener {
  try {
    return host.listen({ ...address, handler });
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    const reason = taken ? "the port is in use" : error instanceof Error ? error.message : "";
    throw new MetricsError(
      "LISTEN_FAILED",
      `Cannot listen on "${addressText(address)}": ${reason}`,
      {
        hint: `${taken ? "Is another copy running? " : ""}Set ${setting} to another address.`,
        cause: error,
      },
    );
  }
}

/** Opens the listeners and says so. */
function listenForAll(host: Host, config: Config, service: Service, log: Logger): Listener[] {
  const metrics = { address: config.listen, setting: "LISTEN_ADDRESS" };
  const listeners = [listen(host, service.handler, metrics)];
  const { relay, upstream } = config;
  if (relay !== undefined && service.relayHandler !== undefined) {
    const otlp = { address: relay.listen, setting: "OTLP_LISTEN_ADDRESS" };
    listeners.push(listen(host, service.relayHandler, otlp));
  }
  const [address, otlpAddress] = [config.listen, relay?.listen].map((wanted, index) =>
    wanted && addressText({ ...wanted, port: listeners[index]?.port ?? wanted.port })
  );
  log.info("Listening", { address, upstream: upstream.label, version: VERSION });
  if (relay === undefined) log.info("The relay is off: PARSEABLE_URL is not set");
  else log.info("Relaying OTLP", { address: otlpAddress, parseable: relay.label });
  return listeners;
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
  listeners: readonly Listener[],
  service: Service,
): Promise<void> {
  await signals.first;
  service.stop();
  const late = Promise.withResolvers<void>();
  const deadline = setTimeout(() => late.resolve(), STOP_MS);
  const done = Promise.all(listeners.map((listener) => listener.shutdown()));
  await Promise.race([done, signals.second, late.promise]);
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
    using service = createService({
      upstream,
      relay: config.relay,
      history: config.history,
      log,
      host,
    });
    // Before anybody can know that it listens: a signal that comes at once is heard as well.
    using signals = new StopSignals(host);
    const listeners = listenForAll(host, config, service, log);
    await runUntilStopped(signals, listeners, service);
    log.info("Stopped");
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    log.error(error.message, { code: error.code, hint: error.hint });
    return error.code === "CONFIG_INVALID" ? EXIT.badConfig : EXIT.failed;
  }
}
