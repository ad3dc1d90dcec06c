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
/** Families that may have gone since the last scrape before the next one counts as new. */
const MAX_GONE = 16;

/** What is remembered of one server's expositions. */
export class ShapeMemory {
  #shapes: readonly Shape[] = [];

  /** Families remembered. */
  get size(): number {
    return this.#shapes.length;
  }

  /** Begins a walk beside one exposition. */
  walk(): ShapeWalk {
    return new ShapeWalk(this.#shapes, (shapes) => this.#shapes = shapes);
  }
}

/** One exposition beside what is remembered. Use {@linkcode ShapeMemory.walk}. */
export class ShapeWalk {
  readonly #shapes: readonly Shape[];
  readonly #remember: (shapes: readonly Shape[]) => void;
  readonly #met: Shape[] = [];
  #metBytes = 0;
  #next = 0;

  /**
   * Begins a walk.
   *
   * @param shapes What is remembered.
   * @param remember Takes what is to be remembered from now on.
   */
  constructor(shapes: readonly Shape[], remember: (shapes: readonly Shape[]) => void) {
    this.#shapes = shapes;
    this.#remember = remember;
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
    const { length } = this.#met;
    const same = length === this.#shapes.length &&
      this.#met.every((shape, index) => shape === this.#shapes[index]);
    if (!same) this.#remember(this.#met);
  }

  #meet(shape: Shape): void {
    this.#metBytes += shape.bytes.byteLength;
    if (this.#metBytes <= MAX_MEMORY_BYTES) this.#met.push(shape);
  }
}
