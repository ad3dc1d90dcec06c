/** A simulated vLLM that listens. */

import { createDemoHandler } from "../demo/demo_handler.ts";
import type { SimulatedVllm } from "../demo/simulated_vllm.ts";
import type { Host, Listener } from "./host.ts";

/** It is for the service beside it. */
const HOSTNAME = "127.0.0.1";
/** Time between two looks at the clock, in milliseconds: less than between two scrapes. */
const TICK_MS = 100;
/**
 * Most simulated time in one tick, in milliseconds: a machine that slept for a night comes back to
 * a service that answers while the model catches up.
 */
const MAX_ADVANCE_MS = 60_000;

/**
 * Lets a simulated server live by the clock of the host. While it is down nobody listens on its
 * port, so that connections are refused.
 */
export class DemoServer implements AsyncDisposable {
  /** Its port; the same after an outage. */
  readonly port: number;
  /** Who answers there. */
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
    // One that the system ends is opened anew by the next tick.
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

  /** Listens on the same port again; when somebody else has it now, the next tick tries again. */
  #listenAgain(): Listener | undefined {
    try {
      return this.#listen(this.port);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return undefined;
      throw error;
    }
  }

  /** Stops time and listens no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#close();
    await this.#closing;
  }
}
