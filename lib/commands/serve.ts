/** `vllm-metrics serve`: runs the service until it is asked to stop. */

import type { Config } from "../config/config.ts";
import type { Address } from "../config/values.ts";
import { MetricsError } from "../errors.ts";
import { createLogger, type Logger } from "../log.ts";
import { VERSION } from "../version.ts";
import { configure } from "./configure.ts";
import { Door, type DoorOptions } from "./door.ts";
import { EXIT, type Host } from "./host.ts";
import { Renewal } from "./renewal.ts";
import { createService, type Service, type ServiceParts } from "./service.ts";

/** How long replies under way may take after a stop signal, in milliseconds. */
const STOP_MS = 900;

/** An address as it stands in a URL. */
function addressText({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Opens a door, or says why that cannot be. */
function open(options: DoorOptions, setting: string): Door {
  try {
    return new Door(options);
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    const reason = taken ? "the port is in use" : error instanceof Error ? error.message : "";
    throw new MetricsError(
      "LISTEN_FAILED",
      `Cannot listen on "${addressText(options)}": ${reason}`,
      {
        hint: `${taken ? "Is another copy running? " : ""}Set ${setting} to another address.`,
        cause: error,
      },
    );
  }
}

/** Opens the doors and says so. */
function openAll(host: Host, config: Config, service: Service, log: Logger): Door[] {
  const { relay, servers, listen, tls } = config;
  const shared = { host, log, tls };
  const doors = [open({ ...listen, handler: service.handler, ...shared }, "LISTEN_ADDRESS")];
  if (relay !== undefined && service.relayHandler !== undefined) {
    const options = { ...relay.listen, handler: service.relayHandler, ...shared };
    doors.push(open(options, "OTLP_LISTEN_ADDRESS"));
  }
  const [address, otlpAddress] = [listen, relay?.listen].map((wanted, index) =>
    wanted && addressText({ ...wanted, port: doors[index]?.port ?? wanted.port })
  );
  log.info("Listening", {
    address,
    upstream: servers.list.map(({ upstream }) => upstream.label).join(" "),
    tls: tls === undefined ? undefined : true,
    version: VERSION,
  });
  if (relay === undefined) log.info("The relay is off: PARSEABLE_URL is not set");
  else log.info("Relaying OTLP", { address: otlpAddress, parseable: relay.label });
  return doors;
}

/** Looks for renewed certificates where there are any. */
function startRenewal(
  { tls }: Config,
  host: Host,
  doors: readonly Door[],
  log: Logger,
): Renewal | undefined {
  const readFile = (path: string): string => host.readTextFile(path);
  return tls && new Renewal({ tls, doors, readFile, log });
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
  doors: readonly Door[],
  service: Service,
): Promise<void> {
  await signals.first;
  service.stop();
  const late = Promise.withResolvers<void>();
  const deadline = setTimeout(() => late.resolve(), STOP_MS);
  const done = Promise.all(doors.map((door) => door.shutdown()));
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
 * @param past Scrapes that were made before; the demo's history begins with those.
 * @returns 0 when it was asked to stop, 1 when it failed, 2 on a bad configuration.
 */
export async function serve(host: Host, past: ServiceParts["past"] = []): Promise<number> {
  const config = configure(host);
  if (config === undefined) return EXIT.badConfig;
  const log = createLogger({
    ...config.log,
    write: (line) => writeLine(host, line),
    now: () => host.now(),
  });
  for (const warning of config.warnings) log.warn(warning);
  try {
    const { servers, relay, history, goals, access, allowedHosts } = config;
    const parts = { servers, relay, history, past, goals, access, allowedHosts };
    using service = createService({ ...parts, log, host });
    // Before anybody can know that it listens: a signal that comes at once is heard as well.
    using signals = new StopSignals(host);
    const doors = openAll(host, config, service, log);
    using _renewal = startRenewal(config, host, doors, log);
    await runUntilStopped(signals, doors, service);
    log.info("Stopped");
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    log.error(error.message, { code: error.code, hint: error.hint });
    return error.code === "CONFIG_INVALID" ? EXIT.badConfig : EXIT.failed;
  }
}
