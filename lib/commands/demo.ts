/** `vllm-metrics demo`: a simulated vLLM under load, and the service on it. */

import { hostAndPort } from "../config/url.ts";
import { createDemoHandler, pastScrapes } from "../demo/demo_handler.ts";
import { SCENARIO_NAMES, type ScenarioName, SCENARIOS } from "../demo/scenario.ts";
import { type Frontend, SimulatedVllm } from "../demo/simulated_vllm.ts";
import type { GoodScrape } from "../history/store.ts";
import { type Arguments, type Command, command } from "./command.ts";
import { readEnvironment } from "./configure.ts";
import { EXIT, type Host, type Listener } from "./host.ts";
import { runService } from "./serve.ts";

/** Simulated time before the first scrape, in milliseconds: enough for the usual batch. */
const WARM_UP_MS = 60_000;
/** Distance of the scrapes that are in the history when the page is first opened, in milliseconds. */
const PAST_STEP_MS = 2_000;
/** How far they go back at most, in milliseconds. */
const MAX_PAST_MS = 600_000;
/** Limit of their cost, in steps of one engine: a step takes about 0.4 ms. */
const MAX_PAST_STEPS = 1_500;
/** Only the service in this process connects to the simulated servers. */
const HOSTNAME = "127.0.0.1";
/** Interval of clock updates, in milliseconds: shorter than a scrape interval. */
const TICK_MS = 100;
/**
 * Most simulated time in one tick, in milliseconds: a machine that slept for a night comes back to
 * a service that answers while the model catches up.
 */
const MAX_ADVANCE_MS = 60_000;
/** Settings that are ignored, and why. */
const IGNORED = {
  VLLM_METRICS_URL: "the demo has its own vLLM",
  HISTORY_FILE: "simulated numbers are not written to it",
} as const;

/** Largest values: more engines do not fit on a page, and the seed has 32 bits. */
const MAX = { servers: 8, engines: 32, seed: 2 ** 32 - 1 } as const;

/** What is simulated, the default first. */
const ENGINES = ["vllm", "sglang"] as const;

/** What the demo shows. */
interface DemoOptions {
  readonly scenario: ScenarioName;
  readonly servers: number;
  /** Engines of each server. */
  readonly engines: number;
  /** Which front end's text it answers. */
  readonly frontend: Frontend;
  /** Equal seeds give equal numbers. */
  readonly seed: number;
}

function readOptions(args: Arguments): DemoOptions {
  const whole = (name: keyof typeof MAX, min: number): number => {
    const text = args.get(name) ?? "1";
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= MAX[name]) return value;
    args.mistakes.push(`--${name} must be a whole number from ${min} to ${MAX[name]}: "${text}".`);
    return 1;
  };
  const isRust = args.has("openmetrics");
  const isSglang = args.choice("engine", ENGINES) === "sglang";
  if (isRust && isSglang) args.mistakes.push("--openmetrics is a text of vLLM, not of SGLang.");
  return {
    scenario: args.choice("scenario", SCENARIO_NAMES),
    servers: whole("servers", 1),
    engines: whole("engines", 1),
    frontend: isSglang ? "sglang" : isRust ? "rust" : "python",
    seed: whole("seed", 0),
  };
}

/** The name of one of several servers. */
function nameOf(index: number): string {
  return `demo-${index + 1}`;
}

/** Past responses of the servers, one server after the other. */
function* pastOf(demos: readonly DemoServer[], untilMs: number): Generator<GoodScrape> {
  for (const [index, { url, server }] of demos.entries()) {
    const instance = demos.length === 1 ? hostAndPort(new URL(url)) : nameOf(index);
    yield* pastScrapes(server, { instance, untilMs, stepMs: PAST_STEP_MS });
  }
}

/** How much of the past is in the history at the start, in milliseconds. */
function pastMs({ servers, engines }: DemoOptions): number {
  const steps = Math.floor(MAX_PAST_STEPS / (servers * engines));
  return Math.min(MAX_PAST_MS, steps * PAST_STEP_MS);
}

/** Servers that come under load some minutes before now, each with a seed of its own. */
function simulate(options: DemoOptions, nowMs: number): SimulatedVllm[] {
  const { scenario, seed, servers, engines, frontend } = options;
  return Array.from({ length: servers }, (_, index) => {
    const server = new SimulatedVllm({
      scenario: SCENARIOS[scenario],
      seed: seed + index,
      engines,
      frontend,
      startMs: nowMs - pastMs(options) - WARM_UP_MS,
      warmUpMs: pastMs(options) + WARM_UP_MS,
    });
    server.advance(nowMs - pastMs(options));
    return server;
  });
}

/**
 * A simulated vLLM that listens, and advances with the host's clock. While it is down its port is
 * closed, so that connections are refused.
 */
class DemoServer implements AsyncDisposable {
  /** Its port; the same after an outage. */
  readonly port: number;
  readonly server: SimulatedVllm;
  readonly #host: Host;
  readonly #handler: (request: Request) => Response;
  readonly #timer: ReturnType<typeof setInterval>;
  #listener: Listener | undefined;
  #closing: Promise<void> = Promise.resolve();

  /** Listens on a free port of the loopback device; throws as `Deno.serve` does when it cannot. */
  constructor(host: Host, server: SimulatedVllm) {
    this.#host = host;
    this.server = server;
    this.#handler = createDemoHandler(server);
    this.#listener = this.#listen(0);
    this.port = this.#listener.port;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

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
    if (this.#listener !== undefined) this.#closing = this.#listener.shutdown();
    this.#listener = undefined;
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

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#close();
    await this.#closing;
  }
}

async function run(host: Host, options: DemoOptions): Promise<number> {
  const env = readEnvironment(host);
  if (env === undefined) return EXIT.badConfig;
  for (const [name, reason] of Object.entries(IGNORED)) {
    if ((env[name] ?? "") === "") continue;
    host.printError(`vllm-metrics demo: ${name} is ignored: ${reason}.\n`);
  }
  await using running = new AsyncDisposableStack();
  const nowMs = host.now();
  const demos: DemoServer[] = [];
  for (const simulated of simulate(options, nowMs)) {
    try {
      demos.push(running.use(new DemoServer(host, simulated)));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      host.printError(`vllm-metrics demo: cannot listen on 127.0.0.1: ${error.message}\n`);
      return EXIT.failed;
    }
  }
  // A single server has no name, so its samples get no extra label.
  const urls = demos.map(({ url }) => url);
  const named = urls.length === 1 ? urls : urls.map((url, index) => `${nameOf(index)}=${url}`);
  const { description } = SCENARIOS[options.scenario];
  return await runService({
    ...host,
    env: { ...env, HISTORY_FILE: "", VLLM_METRICS_URL: named.join(",") },
  }, {
    past: pastOf(demos, nowMs),
    announce: (url) => host.print(`Open ${url} (${options.scenario}: ${description}).\n`),
  });
}

/** Runs simulated servers and the service. No setting is required; all but the ignored ones apply. */
export const demo: Command = command(
  {
    name: "demo",
    summary: "run the service on a simulated vLLM",
    details:
      "Needs no setting and no GPU. Settings apply, except VLLM_METRICS_URL and HISTORY_FILE.",
    options: [
      {
        name: "scenario",
        value: SCENARIO_NAMES.join("|"),
        meaning: "the load and what goes wrong (default steady)",
      },
      {
        name: "engine",
        value: ENGINES.join("|"),
        meaning: "whose metrics it answers with (default vllm)",
      },
      { name: "servers", value: "N", meaning: "simulated servers, 1 to 8 (default 1)" },
      { name: "engines", value: "N", meaning: "engines of each server, 1 to 32 (default 1)" },
      { name: "openmetrics", meaning: "answer as vLLM's Rust front end does" },
      { name: "seed", value: "N", meaning: "equal seeds give equal numbers (default 1)" },
    ],
    exit: "0 stopped by a signal, 1 failed",
    settings: "all but VLLM_METRICS_URL and HISTORY_FILE; see vllm-metrics help",
  },
  readOptions,
  run,
);
