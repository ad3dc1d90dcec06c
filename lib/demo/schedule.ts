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

/** The phases one after the other, then from the beginning again. */
export class Schedule {
  /** When the phase under way ends, in milliseconds. */
  endMs: number;
  readonly #phases: readonly [Phase, ...Phase[]];
  #index = 0;

  /**
   * Begins with the first phase.
   *
   * @param phases At least one.
   * @param startMs When the first one begins to count, in milliseconds; it holds before as well.
   */
  constructor(phases: readonly [Phase, ...Phase[]], startMs: number) {
    this.#phases = phases;
    this.endMs = startMs + phases[0].durationMs;
  }

  /** The phase under way. */
  get phase(): Phase {
    return this.#phases[this.#index] ?? this.#phases[0];
  }

  /** Goes on to the next phase. */
  next(): void {
    this.#index = (this.#index + 1) % this.#phases.length;
    this.endMs += this.phase.durationMs;
  }
}
