/** How the load of a simulated server, and its state, change over time. */

/** What a server does: `down` refuses connections, `asleep` has given its memory away. */
export type ServerState = "awake" | "asleep" | "down";

/** A stretch of time. */
export interface Phase {
  /** How long it lasts, in milliseconds; infinite for ever. */
  readonly durationMs: number;
  /** Arrivals as a multiple of the usual rate; counts while awake. */
  readonly load: number;
  /** What the server does. @default {"awake"} */
  readonly state?: ServerState;
}

/** Before the first phase: the usual traffic, whatever comes then. */
const WARM_UP_LOAD = 1;

/** A time to warm up, then the phases one after the other, then these from the beginning again. */
export class Schedule {
  /** When the phase under way ends, in milliseconds. */
  endMs: number;
  readonly #phases: readonly [Phase, ...Phase[]];
  readonly #warmUp: Phase;
  #index: number;

  /**
   * Begins with the time to warm up, if there is any.
   *
   * @param phases At least one.
   * @param startMs When it begins, in milliseconds.
   * @param warmUpMs How long the warm-up lasts, in milliseconds; 0 for none.
   */
  constructor(phases: readonly [Phase, ...Phase[]], startMs: number, warmUpMs: number) {
    this.#phases = phases;
    this.#warmUp = { durationMs: warmUpMs, load: WARM_UP_LOAD };
    this.#index = warmUpMs > 0 ? -1 : 0;
    this.endMs = startMs + this.phase.durationMs;
  }

  /** The phase under way. */
  get phase(): Phase {
    return this.#phases[this.#index] ?? this.#warmUp;
  }

  /** Goes on to the next phase. */
  next(): void {
    this.#index = (this.#index + 1) % this.#phases.length;
    this.endMs += this.phase.durationMs;
  }
}
