/** `vllm-metrics serve`: runs the service until it is asked to stop. */

import { STATUS_CODE, type StatusCode } from "@std/http/status";
import type { Config } from "../config/config.ts";
import type { Address } from "../config/values.ts";
import { MetricsError } from "../errors.ts";
import { textResponse } from "../http/responses.ts";
import {
  CertificateReloader,
  ReloadableListener,
  type ReloadableListenerOptions,
} from "../net/listener.ts";
import type { GoodScrape } from "../history/store.ts";
import {
  createLogger,
  type LimitedLogger,
  limitRepeats,
  type LogFields,
  type Logger,
} from "../log.ts";
import { VERSION } from "../version.ts";
import { type Command, command } from "./command.ts";
import { configure } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";
import { createService, type LostLogLines, type Service } from "./service.ts";

/** How long responses in progress may take after a stop signal, in milliseconds. */
const STOP_MS = 900;
/**
 * The same for the relay, which may wait for Parseable. Fluent Bit sends a request that breaks off
 * again, and Parseable then stores it twice. compose.yml kills after 10 s.
 */
const RELAY_STOP_MS = 8_000;
/** How long the last log lines may take to be read, in milliseconds. */
const LOG_FLUSH_MS = 500;

/** An address as written in a URL. */
function addressText({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Opens a listener. */
function open(options: ReloadableListenerOptions, setting: string): ReloadableListener {
  try {
    return new ReloadableListener(options);
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    const reason = taken ? "the port is in use" : error instanceof Error ? error.message : "";
    const hint = `${
      taken ? "Is Prometheus or another copy running there? " : ""
    }Set ${setting} to another address.`;
    const message = `Cannot listen on "${addressText(options)}": ${reason}`;
    throw new MetricsError("LISTEN_FAILED", message, { hint, cause: error });
  }
}

/** Addresses that a browser on this machine reaches as localhost. */
const LOCAL = new Set(["0.0.0.0", "127.0.0.1", "::", "::1"]);

/** Where a browser on this machine finds the live page. */
function pageUrl({ listen, tls }: Config, port: number): string {
  const hostname = LOCAL.has(listen.hostname) ? "localhost" : listen.hostname;
  return `${tls === undefined ? "http" : "https"}://${addressText({ hostname, port })}/`;
}

/**
 * Answers for a handler that failed. The service's own errors are logged where they are found;
 * any other error is a bug.
 */
function errorReply(log: Logger, status: StatusCode): (error: unknown) => Response {
  return (error) => {
    if (!(error instanceof MetricsError)) log.error("Unexpected error", describeBug(error));
    return textResponse(status, "Unexpected error.");
  };
}

/** What a bug report needs: the message, and where it happened. */
function describeBug(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) };
  const frames = error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? [];
  return { error: error.message, stack: frames.map((frame) => frame.trim()).join("; ") };
}

interface Listeners {
  readonly metrics: ReloadableListener;
  readonly relay: ReloadableListener | undefined;
}

/** Opens the listeners and logs it. */
function openAll(host: Host, config: Config, service: Service, log: Logger): Listeners {
  const { push, servers, listen, tls } = config;
  const shared = { host, log, tls };
  const metrics = open({
    ...listen,
    ...shared,
    handler: service.handler,
    onError: errorReply(log, STATUS_CODE.InternalServerError),
  }, "LISTEN_ADDRESS");
  const relay = config.relay && service.relayHandler && open({
    ...config.relay.listen,
    ...shared,
    handler: service.relayHandler,
    // OTLP senders retry after 503, not after 500.
    onError: errorReply(log, STATUS_CODE.ServiceUnavailable),
  }, "OTLP_LISTEN_ADDRESS");
  log.info("Listening", {
    address: addressText({ ...listen, port: metrics.port }),
    upstream: servers.list.map(({ upstream }) => upstream.label).join(" "),
    tls: tls === undefined ? undefined : true,
    version: VERSION,
  });
  if (config.relay && relay) {
    const address = addressText({ ...config.relay.listen, port: relay.port });
    log.info("Relaying OTLP", { address, parseable: config.relay.label });
  } else log.info("The relay is off: PARSEABLE_URL is not set");
  if (push !== undefined) log.info("Pushing OTLP", { receiver: push.label });
  return { metrics, relay };
}

/** Closes a listener; leaves responses that take too long to the end of the process. */
async function close(listener: ReloadableListener, stopMs: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const deadline = setTimeout(late.resolve, stopMs);
  await Promise.race([listener.shutdown(), late.promise]);
  clearTimeout(deadline);
}

/** What the demo changes about the service. */
export type ServeOptions = {
  readonly past?: Iterable<GoodScrape>;
  /** Prints where the live page is. @default {a line on a terminal} */
  readonly announce?: (url: string) => void;
};

/** Runs the service until it is asked to stop. */
export async function runService(host: Host, options: ServeOptions = {}): Promise<number> {
  const configured = await configure(host);
  if (configured === undefined) return EXIT.badConfig;
  const { config, warnings } = configured;
  const output = host.openLog((lines) => log.warn("Log lines were lost", { lines }));
  const log: LimitedLogger = limitRepeats(createLogger({
    ...config.log,
    write: (line) => output.write(line),
    now: () => host.now(),
  }));
  const lostLogLines = (): LostLogLines => ({ repeated: log.suppressed, unread: output.dropped });
  // Before anybody can know that it listens, so that a signal that comes at once is heard as well.
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let stop = (): void => {
    stop = second.resolve;
    first.resolve();
  };
  const ignore = host.onStopSignal(() => stop());
  try {
    for (const warning of warnings) log.warn(warning);
    using service = createService({ ...config, past: options.past ?? [], log, lostLogLines, host });
    const { metrics, relay } = openAll(host, config, service, log);
    const url = pageUrl(config, metrics.port);
    if (options.announce !== undefined) options.announce(url);
    else if (host.terminal() !== undefined) host.print(`Live page: ${url}\n`);
    const listeners = relay === undefined ? [metrics] : [metrics, relay];
    const readFile = (path: string): string => host.readTextFile(path);
    const { tls } = config;
    using _reloader = tls && new CertificateReloader({ tls, listeners, readFile, log });
    await first.promise;
    const stopped = [service.stop(RELAY_STOP_MS), close(metrics, STOP_MS)];
    if (relay !== undefined) stopped.push(close(relay, RELAY_STOP_MS));
    // After a second signal, what is still in progress breaks off with the process: aborting a
    // server that shuts down is an uncaught error in Deno 2.9.6.
    await Promise.race([Promise.all(stopped), second.promise]);
    log.info("Stopped");
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof MetricsError)) {
      log.error("Unexpected error", describeBug(error));
      return EXIT.failed;
    }
    log.error(error.message, { code: error.code, hint: error.hint });
    return error.code === "CONFIG_INVALID" ? EXIT.badConfig : EXIT.failed;
  } finally {
    ignore();
    log[Symbol.dispose]();
    await output.flush(LOG_FLUSH_MS);
  }
}

/** Runs the service. */
export const serve: Command = command(
  {
    name: "serve",
    summary: "run the service (default)",
    details: "Runs until SIGTERM, SIGINT, SIGHUP or SIGQUIT; a second signal does not wait.",
    options: [],
    exit: "0 stopped by a signal, 1 failed",
    settings: "all; see vllm-metrics help",
  },
  () => {},
  (host) => runService(host),
);
