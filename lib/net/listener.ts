/** A listener that survives renewed certificates, and the system closing it. */

import { readServingTlsAgain, type ServingTls } from "../config/config.ts";
import type { Logger } from "../log.ts";

/** Settings of a listener. */
export type ListenOptions = {
  readonly hostname: string;
  /** The port; 0 takes any that is free. */
  readonly port: number;
  readonly handler: (request: Request) => Response | Promise<Response>;
  /** Answers when a handler fails. @default {500} */
  readonly onError?: ((error: unknown) => Response) | undefined;
  /** The certificate; plain HTTP without. */
  readonly tls?: ServingTls | undefined;
  /** Whether this process listens there already, with another certificate. @default {false} */
  readonly again?: boolean;
};

/** A listener that accepts requests. */
export interface Listener {
  /** The port it listens on. */
  readonly port: number;
  /** Resolves when it is closed; rejects when the system closes it and all of its connections. */
  readonly finished: Promise<void>;
  /** Accepts no more connections, and resolves when the responses under way are complete. */
  shutdown(): Promise<void>;
}

/** Pause before reopening, in milliseconds: the old listener has released its resources by then. */
const REOPEN_MS = 100;
/** How long both listeners accept, in milliseconds: pending connections are accepted by then. */
const OVERLAP_MS = 100;
/**
 * Time between two reads of the certificate's files, in milliseconds. They are read and not
 * watched, since certbot and Kubernetes replace links and not the files behind them.
 */
const READ_MS = 5_000;

/** What a {@linkcode ReloadableListener} needs. */
export type ReloadableListenerOptions = ListenOptions & {
  readonly host: { listen(options: ListenOptions): Listener };
  readonly log: Logger;
};

/** Listens at one address for as long as the service runs. */
export class ReloadableListener {
  readonly #options: ReloadableListenerOptions;
  readonly #closing = new Set<Promise<void>>();
  #listener: Listener;
  #tls: ServingTls | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Opens the first listener.
   *
   * @throws {Error} As `Deno.serve` does when the address is taken.
   */
  constructor(options: ReloadableListenerOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#listener = this.#open(options);
  }

  /** The port it listens on. */
  get port(): number {
    return this.#listener.port;
  }

  /**
   * Uses another certificate for new connections. Open connections finish on the old listener. A
   * client that connects while it closes may be refused and must retry.
   *
   * @throws {Error} When it cannot be used; the previous one stays.
   */
  reload(tls: ServingTls): void {
    const old = this.#listener;
    this.#listener = this.#open({ ...this.#options, port: old.port, tls, again: true });
    this.#tls = tls;
    // The new listener replaces one that broke and waits to be reopened.
    clearTimeout(this.#timer);
    const closed = new Promise((resolve) => setTimeout(resolve, OVERLAP_MS))
      .then(() => old.shutdown())
      .catch(() => {/* It broke, so it is closed. */})
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  /** Accepts no more connections, and resolves when the responses under way are complete. */
  async shutdown(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#listener.shutdown(), ...this.#closing]);
  }

  #open(options: ListenOptions): Listener {
    const { again = false, hostname, port, handler, onError, tls } = options;
    const listener = this.#options.host.listen({ again, hostname, port, handler, onError, tls });
    listener.finished.catch((error) => {
      if (listener === this.#listener) this.#onEnd(error);
    });
    return listener;
  }

  /** Deno.serve ends when it cannot accept: a client that uses up all file descriptors would stop us. */
  #onEnd(error: unknown): void {
    if (this.#stopped) return;
    this.#options.log.error("A listener broke; reopening it", {
      port: this.port,
      error: error instanceof Error ? error.message : String(error),
    });
    this.#timer = setTimeout(() => {
      try {
        this.#listener = this.#open({ ...this.#options, port: this.port, tls: this.#tls });
      } catch (again) {
        this.#onEnd(again);
      }
    }, REOPEN_MS);
  }
}

/** What a {@linkcode CertificateReloader} needs. */
export type CertificateReloaderOptions = {
  readonly tls: ServingTls;
  readonly listeners: readonly ReloadableListener[];
  readonly readFile: (path: string) => string;
  readonly log: Logger;
};

/** Reloads renewed certificates until it is disposed of. */
export class CertificateReloader implements Disposable {
  readonly #options: CertificateReloaderOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #tls: ServingTls;
  #problem = "";

  /** Starts to read. */
  constructor(options: CertificateReloaderOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#timer = setInterval(() => this.reload(), READ_MS);
  }

  /** Reads the files, and uses them if they have changed and are valid. */
  reload(): void {
    const problem = this.#tryReload();
    if (problem !== "" && problem !== this.#problem) {
      this.#options.log.warn("Cannot renew the certificate; the one before stays", {
        error: problem,
      });
    }
    this.#problem = problem;
  }

  /** Stops reading. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Returns why the files cannot be used; empty when they can. */
  #tryReload(): string {
    const { listeners, readFile, log } = this.#options;
    const read = readServingTlsAgain(this.#tls, readFile);
    if (!read.ok) return read.problem;
    const { tls } = read;
    if (tls.cert === this.#tls.cert && tls.key.reveal() === this.#tls.key.reveal()) return "";
    try {
      for (const listener of listeners) listener.reload(tls);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    this.#tls = tls;
    log.info("The certificate was renewed", { file: tls.certFile });
    return "";
  }
}
