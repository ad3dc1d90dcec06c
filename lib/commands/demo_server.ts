/** A simulated vLLM that listens. */

import { createDemoHandler } from "../demo/demo_handler.ts";
import type { SimulatedVllm } from "../demo/simulated_vllm.ts";
import type { Host, Listener } from "./host.ts";

/** Only the service in this process connects. */
const HOSTNAME = "127.0.0.1";
/** Interval of clock updates, in milliseconds: shorter than a scrape interval. */
const TICK_MS = 100;
/**
 * Most simulated time in one tick, in milliseconds: a machine that slept for a night comes back to
 * a service that answers while the model catches up.
 */
const MAX_ADVANCE_MS = 60_000;

/**
 * Advances a simulated server with the host's clock. While it is down its port is closed, so that
 * connections are refused.
 */
export class DemoServer implements AsyncDisposable {
  /** Its port; the same after an outage. */
  readonly port: number;
  /** The simulated server. */
  readonly server: SimulatedVllm;
  readonly #host: Host;
  readonly #handler: (request: Request) => Response;
  readonly #timer: ReturnType<typeof setInterval>;
  #listener: Listener | undefined;
  #closing: Promise<void> = Promise.resolve();

  /**
   * Listens on a free port of the loopback device.
   *
   * @throws {Error} As `Deno.serve` does when it cannot listen.
   */
  constructor(host: Host, server: SimulatedVllm) {
    this.#host = host;
    this.server = server;
    this.#handler = createDemoHandler(server);
    this.#listener = this.#listen(0);
    this.port = this.#listener.port;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Where its metrics are. */
  get url(): string {
    return `http://${HOSTNAME}:${this.port}/metrics`;
  }

  #listen(port: number): Listener {
    const listener = this.#host.listen({ hostname: HOSTNAME, port, handler: this.#handler });
    // The next tick reopens a listener that the system closed.
    listener.finished.catch(() => {
      if (this.#listener === listener) this.#listener = undefined;
    });
    return listener;
  }

  #tick(): void {
    const { server } = this;
    server.advance(Math.min(this.#host.now(), server.nowMs + MAX_ADVANCE_MS));
    if (server.state === "down") this.#close();
    else this.#listener ??= this.#listenAgain();
  }

  #close(): void {
    const listener = this.#listener;
    if (listener === undefined) return;
    this.#listener = undefined;
    this.#closing = listener.shutdown();
  }

  /** Listens on the same port again; if it is taken, the next tick retries. */
  #listenAgain(): Listener | undefined {
    try {
      return this.#listen(this.port);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return undefined;
      throw error;
    }
  }

  /** Stops the clock and closes the port. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#close();
    await this.#closing;
  }
}
