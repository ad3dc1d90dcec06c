/** The service on a simulated vLLM, with a clock that a test drives. */

import { createDemoHandler } from "../../lib/demo/demo_handler.ts";
import { type ScenarioName, SCENARIOS } from "../../lib/demo/scenario.ts";
import { SimulatedVllm } from "../../lib/demo/simulated_vllm.ts";
import { startService, type TestService, until } from "../fakes.ts";

/** Distance of two scrapes, in milliseconds. */
const INTERVAL_MS = 2_000;
/** Simulated time before the first scrape, in milliseconds: enough for percentiles. */
const WARM_UP_MS = 300_000;

/** Time passes by {@linkcode DrivenService.pass} only; in between all numbers stand still. */
export class DrivenService implements AsyncDisposable {
  /** The service. */
  readonly service: TestService;
  readonly #server: SimulatedVllm;
  readonly #handler: (request: Request) => Response;
  readonly #port: number;
  #listener: Deno.HttpServer<Deno.NetAddr> | undefined;
  #nowMs: number;

  /**
   * Starts both.
   *
   * @param scenario What happens.
   * @param engines How many engines there are.
   * @param startMs The time of the first scrape, in milliseconds since 1970.
   */
  constructor(scenario: ScenarioName, engines: number, startMs: number) {
    this.#nowMs = startMs;
    this.#server = new SimulatedVllm({
      scenario: SCENARIOS[scenario],
      seed: 1,
      engines,
      startMs: startMs - WARM_UP_MS,
      warmUpMs: WARM_UP_MS,
    });
    this.#handler = createDemoHandler(this.#server);
    this.#listener = this.#listen(0);
    this.#port = this.#listener.addr.port;
    const url = `http://127.0.0.1:${this.#port}/metrics`;
    this.service = startService(url, {
      label: url,
      intervalMs: INTERVAL_MS,
      now: () => this.#nowMs,
    });
  }

  /** The address of the page. */
  get url(): string {
    return `${this.service.origin}/`;
  }

  /** Lets time pass until the simulated server is down, or up again. */
  async passUntil(state: "down" | "awake"): Promise<void> {
    do await this.pass(INTERVAL_MS); while (this.#server.state !== state);
  }

  /** Lets time pass, with a scrape each interval; while the server is down nobody listens. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += INTERVAL_MS) {
      this.#nowMs += INTERVAL_MS;
      this.#server.advance(this.#nowMs);
      const isDown = this.#server.state === "down";
      if (isDown) await this.#close();
      else this.#listener ??= this.#listen(this.#port);
      await (await this.service.get("/metrics")).body?.cancel();
      await until(() => this.service.history.newestMs === this.#nowMs || isDown, "the scrape");
    }
  }

  #listen(port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({ hostname: "127.0.0.1", port, onListen(): void {} }, this.#handler);
  }

  async #close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    await listener?.shutdown();
  }

  /** Stops both. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    await this.#close();
  }
}
