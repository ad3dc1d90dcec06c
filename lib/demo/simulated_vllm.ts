/** A simulated vLLM server: clients, engines, and what they have counted. */

import { Engine } from "./engine.ts";
import type { EngineOptions, Phase, Scenario, ServerState, Speculation } from "./scenario.ts";
import { HttpStats } from "./stats.ts";
import { drawDemand, newRequest, Random } from "./workload.ts";

/** What writes the metrics: a front end of vLLM, or SGLang. */
export type Frontend = "python" | "rust" | "sglang";

/** Options of {@linkcode SimulatedVllm}. */
export type SimulatedVllmOptions = {
  readonly scenario: Scenario;
  readonly seed: number;
  /** Start time, in milliseconds since 1970. */
  readonly startMs: number;
  /** Time with a load of 1 before the first phase, in milliseconds. @default {0} */
  readonly warmUpMs?: number;
  /** Number of engines; more than one is vLLM's `--data-parallel-size`. @default {1} */
  readonly engines?: number;
  /** Changes for single engines, by their index. */
  readonly engineOptions?: readonly Partial<EngineOptions>[];
  /** Share of requests per engine; by default the least busy engine gets a request. */
  readonly shares?: readonly number[];
  /** Queued requests beyond which more are rejected (503). @default {4000} */
  readonly maxNumQueuedReqs?: number;
  readonly frontend?: Frontend;
  readonly model?: string;
};

/** A server process from its start to its end; a restart begins a new one. */
export type ServerRun = {
  /** When it was ready, in milliseconds since 1970. */
  readonly startMs: number;
  /** Its engines; none while it is down. */
  readonly engines: readonly Engine[];
  readonly http: HttpStats;
  /** Requests rejected because the queues were full. */
  rejected: number;
  /** The engine that got the latest request. */
  turn: number;
};

/** A queue of that many requests takes hours; bounds the memory of a demo that runs for weeks. */
const MAX_QUEUED = 4_000;
/** Weight of a waiting request against a running one in vLLM's choice of an engine. */
const WAITING_WEIGHT = 4;
/** Duration of a request that is rejected, in milliseconds. */
const REJECTION_MS = 2;

/**
 * The server. Time passes only by {@linkcode advance}; the same seed leads to the same state
 * whatever the steps.
 */
export class SimulatedVllm {
  /** Model name. */
  readonly model: string;
  /** Which front end writes the metrics. */
  readonly frontend: Frontend;
  readonly #options: SimulatedVllmOptions;
  readonly #random: Random;
  readonly #count: number;
  #phase: Phase;
  #phaseIndex = -1;
  #phaseEndMs: number;
  #run: ServerRun;
  #nowMs: number;
  #arrivalMs = Infinity;

  /** Starts it. @throws {RangeError} When the KV cache of an engine cannot hold the longest request. */
  constructor(options: SimulatedVllmOptions) {
    this.#options = options;
    this.#count = options.engines ?? 1;
    this.model = options.model ?? "meta-llama/Llama-3.1-8B-Instruct";
    this.frontend = options.frontend ?? "python";
    this.#random = new Random(options.seed);
    this.#nowMs = options.startMs;
    this.#phase = { durationMs: options.warmUpMs ?? 0, load: 1 };
    this.#phaseEndMs = options.startMs + this.#phase.durationMs;
    if (this.#phase.durationMs <= 0) this.#nextPhase();
    this.#run = this.#start();
    this.#drawArrival();
  }

  /** Simulated time, in milliseconds since 1970. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The current process. */
  get run(): ServerRun {
    return this.#run;
  }

  /** Whether it is awake. */
  get state(): ServerState {
    return this.#phase.state ?? "awake";
  }

  /** Limit of prompt and output together, in tokens. */
  get maxModelLen(): number {
    return this.#options.scenario.engine.maxModelLen;
  }

  /** Speculative decoding; undefined without. */
  get speculation(): Speculation | undefined {
    return this.#options.scenario.engine.speculation;
  }

  /** Lets time pass up to `toMs`, in milliseconds since 1970; an earlier time changes nothing. */
  advance(toMs: number): void {
    for (;;) {
      const engine = this.#nextEngine();
      const engineMs = engine?.stepEndMs ?? Infinity;
      const nextMs = Math.min(this.#phaseEndMs, engineMs, this.#arrivalMs);
      if (nextMs > toMs) break;
      this.#nowMs = nextMs;
      if (nextMs === this.#phaseEndMs) this.#changePhase();
      else if (nextMs === engineMs) engine?.endStep();
      else this.#arrive();
    }
    this.#nowMs = Math.max(this.#nowMs, toMs);
  }

  #start(): ServerRun {
    const { scenario, engineOptions = [] } = this.#options;
    const http = new HttpStats();
    const engines = Array.from({ length: this.#count }, (_, index) =>
      new Engine(
        {
          ...scenario.engine,
          countsAborts: this.frontend === "rust",
          ...engineOptions[index],
        },
        this.#random.fork(),
        (request, nowMs) => {
          const status = request.reason === "error" ? "5xx" : "2xx";
          http.count({ ...request, status, tookMs: nowMs - request.arrivedMs }, nowMs);
        },
      ));
    return { startMs: this.#nowMs, engines, http, rejected: 0, turn: 0 };
  }

  /** The engine whose step ends first; undefined when all are idle. */
  #nextEngine(): Engine | undefined {
    let next: Engine | undefined;
    for (const engine of this.#run.engines) {
      if (engine.stepEndMs < (next?.stepEndMs ?? Infinity)) next = engine;
    }
    return next;
  }

  #nextPhase(): void {
    const { phases } = this.#options.scenario;
    this.#phaseIndex = (this.#phaseIndex + 1) % phases.length;
    this.#phase = phases[this.#phaseIndex] ?? phases[0];
    this.#phaseEndMs += this.#phase.durationMs;
  }

  #changePhase(): void {
    const before = this.state;
    this.#nextPhase();
    // Requests end with the process, and a restarted one has counted nothing.
    if (this.state === "down") this.#run = { ...this.#run, engines: [] };
    else if (before === "down") this.#run = this.#start();
    else if (this.state === "asleep") this.#run.engines.forEach((each) => each.sleep(this.#nowMs));
    this.#drawArrival();
  }

  #drawArrival(): void {
    const { requestsPerSecond } = this.#options.scenario.workload;
    const load = this.state === "awake" ? this.#phase.load : 0;
    const rate = load * requestsPerSecond * this.#count;
    this.#arrivalMs = this.#nowMs + 1_000 * this.#random.exponential(rate);
  }

  #arrive(): void {
    const { scenario, maxNumQueuedReqs = MAX_QUEUED } = this.#options;
    const demand = drawDemand(this.#random, scenario.workload, scenario.engine.maxModelLen);
    const isMalformed = this.#random.next() < scenario.workload.malformedShare;
    const engine = this.#chooseEngine();
    const { engines, http } = this.#run;
    const isFull = engines.reduce((sum, { waiting }) => sum + waiting, 0) >= maxNumQueuedReqs;
    if (isMalformed || isFull) {
      if (!isMalformed) this.#run.rejected++;
      const status = isMalformed ? "4xx" : "5xx";
      http.count({ ...demand, status, tookMs: REJECTION_MS, generated: 0 }, this.#nowMs);
    } else engine?.add(newRequest(demand, this.#nowMs));
    this.#drawArrival();
  }

  /** By shares if there are any; otherwise the least busy engine, in turn, as vLLM does. */
  #chooseEngine(): Engine | undefined {
    const { engines } = this.#run;
    const { shares } = this.#options;
    if (shares !== undefined) {
      let left = this.#random.next() * shares.reduce((sum, share) => sum + share, 0);
      return engines[Math.max(0, shares.findIndex((share) => (left -= share) < 0))];
    }
    const turn = this.#run.turn = (this.#run.turn + 1) % engines.length;
    let best: Engine | undefined;
    let least = Infinity;
    for (const engine of [...engines.slice(turn), ...engines.slice(0, turn)]) {
      const score = WAITING_WEIGHT * engine.waiting + engine.running;
      if (score < least) [best, least] = [engine, score];
    }
    return best;
  }
}
