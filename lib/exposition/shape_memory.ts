/**
 * The fast way: families that look as they did at the last scrape, but for the
 * numbers. A server's exposition keeps its lines from scrape to scrape, so what
 * was found out about a line holds for the same line again.
 */

import {
  beginsHere,
  describeShape,
  type FamilyBytes,
  matchShape,
  NO_MATCH,
  type Shape,
} from "./shape.ts";

/** Bytes of all families that are remembered of one server; what is over that is read each time. */
const MAX_MEMORY_BYTES = 4 * 1_048_576;
/**
 * Bytes of one family that are kept to remember its shape: its output is held back meanwhile.
 * A histogram of 64 engines takes 199 KB.
 */
const MAX_FAMILY_BYTES = 262_144;
/** Families that may have gone since the last scrape before the next one counts as new. */
const MAX_GONE = 16;

/**
 * What any of several servers has shown last. Servers of one kind differ in their numbers only, so a
 * new one is met with it, and is not read line by line once more.
 */
export class ShapePool {
  /** The families. */
  latest: readonly Shape[] = [];
}

/** Bounds of a {@linkcode ShapeMemory}, and what it begins with. */
export interface ShapeMemoryOptions {
  /** Shared with the memories of other servers. @default {a pool of its own} */
  readonly pool?: ShapePool | undefined;
  /** Bytes of all families that are remembered. @default {4194304} */
  readonly maxBytes?: number;
  /** Bytes of the largest family that is remembered. @default {262144} */
  readonly maxFamilyBytes?: number;
}

/** What is remembered of one server's expositions. */
export class ShapeMemory {
  /** Bytes of the largest family that is remembered. */
  readonly maxFamilyBytes: number;
  readonly #maxBytes: number;
  readonly #pool: ShapePool;
  #shapes: readonly Shape[] = [];

  /**
   * Begins with nothing remembered.
   *
   * @param options Its bounds, and what it shares with others.
   */
  constructor(options: ShapeMemoryOptions = {}) {
    this.#pool = options.pool ?? new ShapePool();
    this.#maxBytes = options.maxBytes ?? MAX_MEMORY_BYTES;
    this.maxFamilyBytes = options.maxFamilyBytes ?? MAX_FAMILY_BYTES;
  }

  /** Families remembered. */
  get size(): number {
    return this.#shapes.length;
  }

  /** Begins a walk beside one exposition. */
  walk(): ShapeWalk {
    const shapes = this.#shapes.length > 0 ? this.#shapes : this.#pool.latest;
    return new ShapeWalk(shapes, {
      maxBytes: this.#maxBytes,
      remember: (met) => {
        this.#shapes = met;
        if (met.length > 0) this.#pool.latest = met;
      },
    });
  }
}

/** What a {@linkcode ShapeWalk} does at its end. */
export interface ShapeWalkOptions {
  /** Bytes of all families that are remembered. */
  readonly maxBytes: number;
  /** Takes what is to be remembered from now on. */
  readonly remember: (shapes: readonly Shape[]) => void;
}

/** One exposition beside what is remembered. Use {@linkcode ShapeMemory.walk}. */
export class ShapeWalk {
  readonly #shapes: readonly Shape[];
  readonly #options: ShapeWalkOptions;
  readonly #met: Shape[] = [];
  #metBytes = 0;
  #next = 0;

  /**
   * Begins a walk.
   *
   * @param shapes What is remembered.
   * @param options What to do with what was met.
   */
  constructor(shapes: readonly Shape[], options: ShapeWalkOptions) {
    this.#shapes = shapes;
    this.#options = options;
  }

  /** The family that matched last. */
  get matched(): Shape | undefined {
    return this.#met.at(-1);
  }

  /**
   * Looks for a remembered family and edits it in place; see {@linkcode matchShape}.
   *
   * @param bytes The text.
   * @param view The same bytes.
   * @param at Where a family begins.
   * @param final Whether the text ends where the bytes end.
   * @param isBarred Tells whether a family of a name cannot come here as it stands.
   * @returns Where the family ends, `NO_MATCH` or `NEED_MORE`.
   */
  match(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    final: boolean,
    isBarred: (name: string) => boolean,
  ): number {
    const last = Math.min(this.#next + MAX_GONE, this.#shapes.length);
    for (let index = this.#next; index < last; index++) {
      const shape = this.#shapes[index];
      if (shape === undefined || !beginsHere(shape, view, at)) continue;
      if (isBarred(shape.name)) return NO_MATCH;
      const end = matchShape(shape, bytes, view, at, final);
      if (end < 0) return end;
      this.#next = index + 1;
      this.#meet(shape);
      return end;
    }
    return NO_MATCH;
  }

  /** Remembers a family that was read line by line, if it is of a kind that can be. */
  learn(family: FamilyBytes): void {
    const shape = describeShape(family);
    if (shape !== undefined) this.#meet(shape);
  }

  /** Ends the walk, at the end of the text: what was met is what the next walk looks for. */
  finish(): void {
    this.#options.remember(this.#met);
  }

  #meet(shape: Shape): void {
    this.#metBytes += shape.bytes.byteLength;
    if (this.#metBytes <= this.#options.maxBytes) this.#met.push(shape);
  }
}
