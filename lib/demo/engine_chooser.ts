/** Which engine of a server gets a request. */

import type { Engine } from "./engine.ts";
import type { Random } from "./random.ts";

/** What a waiting request weighs against a running one, in vLLM's choice. */
const WAITING_WEIGHT = 4;

/** Chooses by shares if there are any; else the engine with least to do, as vLLM does. */
export class EngineChooser {
  readonly #engines: readonly Engine[];
  readonly #shares: readonly number[] | undefined;
  #turn = 0;

  /**
   * Begins with the second engine where all have equally much to do.
   *
   * @param engines The engines.
   * @param shares Which part of all requests each of them gets; undefined without.
   */
  constructor(engines: readonly Engine[], shares: readonly number[] | undefined) {
    this.#engines = engines;
    this.#shares = shares;
  }

  /** Chooses one; undefined when there are none. */
  choose(random: Random): Engine | undefined {
    return this.#shares === undefined ? this.#idlest() : this.#drawn(this.#shares, random);
  }

  #idlest(): Engine | undefined {
    const engines = this.#engines;
    this.#turn = (this.#turn + 1) % engines.length;
    let best: Engine | undefined;
    let least = Infinity;
    for (let offset = 0; offset < engines.length; offset++) {
      const engine = engines[(this.#turn + offset) % engines.length];
      if (engine === undefined) break;
      const score = WAITING_WEIGHT * engine.waiting + engine.running;
      if (score < least) [best, least] = [engine, score];
    }
    return best;
  }

  #drawn(shares: readonly number[], random: Random): Engine | undefined {
    let left = random.next() * shares.reduce((sum, share) => sum + share, 0);
    return this.#engines[Math.max(0, shares.findIndex((share) => (left -= share) < 0))];
  }
}
