/** A listener that stays: through new certificates, and when the system ends it. */

import type { ServingTls } from "../config/config.ts";
import type { Logger } from "../log.ts";
import type { Host, Listener, ListenOptions } from "./host.ts";

/** Pause before a listener is opened anew, in milliseconds: what the old one held is free then. */
const REOPEN_MS = 100;
/** How long two certificates are shown, in milliseconds: those who wait to be accepted are by then. */
const OVERLAP_MS = 100;

/** What a {@linkcode Door} works with. */
export interface DoorOptions extends ListenOptions {
  /** Opens listeners. */
  readonly host: Pick<Host, "listen">;
  /** Is told when the system ends one. */
  readonly log: Logger;
}

/** One place to listen at, for as long as the service runs. */
export class Door {
  readonly #options: DoorOptions;
  readonly #closing = new Set<Promise<void>>();
  #listener: Listener;
  #tls: ServingTls | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Opens the first listener.
   *
   * @param options Where to listen, for whom, and with which certificate.
   * @throws {Error} As `Deno.serve` does when the address is taken.
   */
  constructor(options: DoorOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#listener = this.#open(options);
  }

  /** The port it listens on. */
  get port(): number {
    return this.#listener.port;
  }

  /**
   * Shows another certificate to all who come from now on. Who is inside is
   * answered by the old listener, which then lets them go. Who connects in the
   * very moment in which that closes may be turned away, and has to try again.
   *
   * @param tls The certificate.
   * @throws {Error} When it cannot be used; the one before stays.
   */
  renew(tls: ServingTls): void {
    const old = this.#listener;
    this.#listener = this.#open({ ...this.#options, port: old.port, tls, again: true });
    this.#tls = tls;
    // One that broke is not missed any more.
    clearTimeout(this.#timer);
    const closed = new Promise((resolve) => setTimeout(resolve, OVERLAP_MS))
      .then(() => old.shutdown())
      .catch(() => {/* It broke, so it is closed. */})
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  /** Takes no more connections, waits for replies under way, ends when they are out. */
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

  /** Deno.serve ends when it cannot accept: anybody who takes up all file descriptors could stop us. */
  #onEnd(error: unknown): void {
    if (this.#stopped) return;
    this.#options.log.error("A listener broke; it is opened anew", {
      port: this.port,
      error: error instanceof Error ? error.message : String(error),
    });
    this.#timer = setTimeout(() => this.#reopen(), REOPEN_MS);
  }

  #reopen(): void {
    try {
      this.#listener = this.#open({ ...this.#options, port: this.port, tls: this.#tls });
    } catch (error) {
      this.#onEnd(error);
    }
  }
}
