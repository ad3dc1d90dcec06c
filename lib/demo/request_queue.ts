/** The requests that wait for an engine, first come, first served. */

import type { EngineRequest } from "./engine_request.ts";

/** How many places before the head are kept until they are cut off. */
const SLACK = 1_024;

/** A queue whose head can be taken and put back in constant time. */
export class RequestQueue {
  #items: EngineRequest[] = [];
  #head = 0;

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The one whose turn is next; undefined when nobody waits. */
  get first(): EngineRequest | undefined {
    return this.#items[this.#head];
  }

  /** Adds one at the end. */
  push(request: EngineRequest): void {
    this.#items.push(request);
  }

  /** Puts one before all others. */
  pushFront(request: EngineRequest): void {
    if (this.#head === 0) this.#items.unshift(request);
    else this.#items[--this.#head] = request;
  }

  /** Takes all away; gives them. */
  clear(): EngineRequest[] {
    const items = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return items;
  }

  /** Takes the first away. */
  shift(): void {
    this.#head++;
    if (this.#head < SLACK && this.#head < this.#items.length) return;
    this.#items.splice(0, this.#head);
    this.#head = 0;
  }
}
