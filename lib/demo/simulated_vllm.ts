/** A simulated vLLM server: clients, engines, and what they have counted. */

import { Engine } from "./engine.ts";
import type { EngineOptions, Speculation } from "./engine_options.ts";
import { EngineChooser } from "./engine_chooser.ts";
import { newRequest } from "./engine_request.ts";
import { exchangeOf, refusalOf } from "./exchange.ts";
import { HttpStats } from "./http_stats.ts";
import { Random } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { Schedule, type ServerState } from "./schedule.ts";
import { drawDemand } from "./workload.ts";

/** Who writes the exposition: vLLM's Python front end or its Rust one. */
export type Frontend = "python" | "rust";

/** What {@linkcode SimulatedVllm} is told. */
export interface SimulatedVllmOptions {
  /** Load, clients and engines. */
  readonly scenario: Scenario;
  /** Equal seeds give equal servers. */
  readonly seed: number;
  /** When it starts, in milliseconds since 1970. */
  readonly startMs: number;
  /** How long it has a load of 1 before its first phase, in milliseconds. @default {0} */
  readonly warmUpMs?: number;
  /** How many engines; several are vLLM's `--data-parallel-size`. @default {1} */
  readonly engines?: number;
  /** What single engines have else than the scenario says, by their index. */
  readonly engineOptions?: readonly Partial<EngineOptions>[];
  /** Which share of requests goes to which engine; without, the one with least to do gets it. */
  readonly shares?: readonly number[];
  /** Requests in all queues beyond which more are refused (503). @default {4000} */
  readonly maxNumQueuedReqs?: number;
  /** Who writes the exposition. @default {"python"} */
  readonly frontend?: Frontend;
  /** The name of the model. @default {"meta-llama/Llama-3.1-8B-Instruct"} */
  readonly model?: string;
}

/** What one run of the server has counted; a restart begins a new one. */
export interface ServerRun {
  /** When it was ready, in milliseconds since 1970. */
  readonly startMs: number;
  /** Its engines. */
  readonly engines: readonly Engine[];
  /** Sends requests to them. */
  readonly chooser: EngineChooser;
  /** Its HTTP side. */
  readonly http: HttpStats;
  /** Requests refused because the queues were full. */
  rejected: number;
}

const MODEL = "meta-llama/Llama-3.1-8B-Instruct";
/** A queue of that many requests takes hours; it bounds the memory of a demo that runs for weeks. */
const MAX_QUEUED = 4_000;

/**
 * The server. Time passes by {@linkcode advance} only, and in whatever steps it passes, the same
 * seed comes to the same state.
 */
export class SimulatedVllm {
  /** The name of the model. */
  readonly model: string;
  /** Who writes the exposition. */
  readonly frontend: Frontend;
  readonly #options: SimulatedVllmOptions;
  readonly #random: Random;
  readonly #schedule: Schedule;
  readonly #count: number;
  #run: ServerRun;
  #nowMs: number;
  #arrivalMs = Infinity;

  /**
   * Starts a server.
   *
   * @param options Scenario, seed, start and size.
   * @throws {RangeError} When the KV cache of an engine cannot hold the longest request.
   */
  constructor(options: SimulatedVllmOptions) {
    this.#options = options;
    this.#count = options.engines ?? 1;
    this.model = options.model ?? MODEL;
    this.frontend = options.frontend ?? "python";
    this.#random = new Random(options.seed);
    this.#nowMs = options.startMs;
    this.#schedule = new Schedule(
      options.scenario.phases,
      options.startMs,
      options.warmUpMs ?? 0,
    );
    this.#run = this.#start();
    this.#drawArrival();
  }

  /** The time that it has come to, in milliseconds since 1970. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** What it has counted since its latest start. */
  get run(): ServerRun {
    return this.#run;
  }

  /** What it does. */
  get state(): ServerState {
    return this.#schedule.phase.state ?? "awake";
  }

  /** Prompt and answer together are not longer, in tokens. */
  get maxModelLen(): number {
    return this.#options.scenario.engine.maxModelLen;
  }

  /** Speculative decoding; undefined without. */
  get speculation(): Speculation | undefined {
    return this.#options.scenario.engine.speculation;
  }

  /** Lets time pass, up to a time in milliseconds since 1970; an earlier one changes nothing. */
  advance(toMs: number): void {
    for (;;) {
      const engine = this.#nextEngine();
      const engineMs = engine?.stepEndMs ?? Infinity;
      const nextMs = Math.min(this.#schedule.endMs, engineMs, this.#arrivalMs);
      if (nextMs > toMs) break;
      this.#nowMs = nextMs;
      if (nextMs === this.#schedule.endMs) this.#changePhase();
      else if (nextMs === engineMs) engine?.endStep();
      else this.#arrive();
    }
    this.#nowMs = Math.max(this.#nowMs, toMs);
  }

  #start(): ServerRun {
    const { scenario, engineOptions = [], shares } = this.#options;
    const http = new HttpStats();
    const engines = Array.from({ length: this.#count }, (_, index) =>
      new Engine({
        options: {
          ...scenario.engine,
          countsAborts: this.frontend === "rust",
          ...engineOptions[index],
        },
        random: this.#random.fork(),
        onFinished: (request, nowMs) => http.count(exchangeOf(request, nowMs), nowMs),
      }));
    const chooser = new EngineChooser(engines, shares);
    return { startMs: this.#nowMs, engines, chooser, http, rejected: 0 };
  }

  /** The engine whose step ends first; undefined when all are idle. */
  #nextEngine(): Engine | undefined {
    let next: Engine | undefined;
    for (const engine of this.#run.engines) {
      if (engine.stepEndMs < (next?.stepEndMs ?? Infinity)) next = engine;
    }
    return next;
  }

  #changePhase(): void {
    const before = this.#schedule.phase.state;
    this.#schedule.next();
    const { state } = this.#schedule.phase;
    const { engines } = this.#run;
    // A server that goes down takes its requests with it; what comes back has counted nothing.
    if (state === "down") this.#run = { ...this.#run, engines: [] };
    else if (before === "down") this.#run = this.#start();
    else if (state === "asleep") { for (const engine of engines) engine.sleep(this.#nowMs); }
    this.#drawArrival();
  }

  #drawArrival(): void {
    const { load, state = "awake" } = this.#schedule.phase;
    const { requestsPerSecond } = this.#options.scenario.workload;
    const rate = state === "awake" ? load * requestsPerSecond * this.#count : 0;
    this.#arrivalMs = this.#nowMs + 1_000 * this.#random.exponential(rate);
  }

  #arrive(): void {
    const { scenario, maxNumQueuedReqs = MAX_QUEUED } = this.#options;
    const random = this.#random;
    const demand = drawDemand(random, scenario.workload, scenario.engine.maxModelLen);
    const isMalformed = random.next() < scenario.workload.malformedShare;
    const engine = this.#run.chooser.choose(random);
    const { engines, http } = this.#run;
    const queued = engines.reduce((sum, { waiting }) => sum + waiting, 0);
    if (isMalformed) http.count(refusalOf(demand, "4xx"), this.#nowMs);
    else if (queued >= maxNumQueuedReqs) {
      this.#run.rejected++;
      http.count(refusalOf(demand, "5xx"), this.#nowMs);
    } else engine?.add(newRequest(demand, this.#nowMs));
    this.#drawArrival();
  }
}
