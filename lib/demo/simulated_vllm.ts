/** A simulated vLLM server: clients, engines, and what they have counted. */

import { RUST_TOKENS } from "./buckets.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions, Speculation } from "./engine_options.ts";
import { type EngineRequest, newRequest } from "./engine_request.ts";
import { HttpStats } from "./http_stats.ts";
import { Random } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { Schedule, type ServerState } from "./schedule.ts";
import { type Demand, drawDemand } from "./workload.ts";

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
  /** How long it runs before its first phase begins to count, in milliseconds. @default {0} */
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
  /** Its HTTP side. */
  readonly http: HttpStats;
  /** Requests refused because the queues were full. */
  rejected: number;
}

const MODEL = "meta-llama/Llama-3.1-8B-Instruct";
/** A queue of that many requests takes hours; it bounds the memory of a demo that runs for weeks. */
const MAX_QUEUED = 4_000;
/** Bytes of a body beside the text, and bytes of a token: rough, for the size families only. */
const BODY_BYTES = 300;
const TOKEN_BYTES = 4;
/** How long a request takes that is refused at once, in milliseconds. */
const REFUSAL_MS = 2;

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
  #turn = 0;

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
      options.startMs + (options.warmUpMs ?? 0),
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
    const { scenario, engineOptions = [] } = this.#options;
    const http = new HttpStats();
    const engines = Array.from({ length: this.#count }, (_, index) =>
      new Engine({
        options: {
          ...scenario.engine,
          countsAborts: this.frontend === "rust",
          ...engineOptions[index],
        },
        random: this.#random.fork(),
        tokenBounds: this.frontend === "rust" ? RUST_TOKENS : undefined,
        onFinished: (request, nowMs) => countExchange(http, request, nowMs),
      }));
    return { startMs: this.#nowMs, engines, http, rejected: 0 };
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
    const engine = this.#chooseEngine();
    const queued = this.#run.engines.reduce((sum, { waiting }) => sum + waiting, 0);
    if (isMalformed) this.#refuse(demand, "4xx");
    else if (queued >= maxNumQueuedReqs) {
      this.#run.rejected++;
      this.#refuse(demand, "5xx");
    } else engine?.add(newRequest(demand, this.#nowMs));
    this.#drawArrival();
  }

  #refuse({ handler, promptTokens }: Demand, status: "4xx" | "5xx"): void {
    const received = BODY_BYTES + promptTokens * TOKEN_BYTES;
    const exchange = { handler, status, tookMs: REFUSAL_MS, received, sent: BODY_BYTES };
    this.#run.http.count(exchange, this.#nowMs);
  }

  /** By shares if there are any; else the engine with least to do, as vLLM chooses it. */
  #chooseEngine(): Engine | undefined {
    const { engines } = this.#run;
    const { shares } = this.#options;
    if (shares !== undefined) return engines[this.#drawIndex(shares)];
    this.#turn = (this.#turn + 1) % engines.length;
    let best: Engine | undefined;
    let least = Infinity;
    for (let offset = 0; offset < engines.length; offset++) {
      const engine = engines[(this.#turn + offset) % engines.length];
      if (engine === undefined) break;
      const score = 4 * engine.waiting + engine.running;
      if (score < least) [best, least] = [engine, score];
    }
    return best;
  }

  #drawIndex(shares: readonly number[]): number {
    let left = this.#random.next() * shares.reduce((sum, share) => sum + share, 0);
    return Math.max(0, shares.findIndex((share) => (left -= share) < 0));
  }
}

/** Counts the HTTP side of a request that ended. */
function countExchange(http: HttpStats, request: EngineRequest, nowMs: number): void {
  const { handler, promptTokens, generated, arrivedMs, reason } = request;
  http.count({
    handler,
    status: reason === "error" ? "5xx" : "2xx",
    tookMs: nowMs - arrivedMs,
    received: BODY_BYTES + promptTokens * TOKEN_BYTES,
    sent: BODY_BYTES + generated * TOKEN_BYTES,
  }, nowMs);
}
