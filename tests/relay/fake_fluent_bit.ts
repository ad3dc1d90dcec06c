/** A Fluent Bit that keeps its chunks until they are stored (facts of 5.1.1, section 4.2). */

import type { TestRelay } from "./relay_service.ts";

/** What chunks are sent to. */
export type Receiver = Pick<TestRelay, "post">;

/** A scrape with a number of its own, as OTLP/JSON. */
function scrape(number: number): string {
  const point = { timeUnixNano: String(number), asDouble: number };
  const metrics = [{ name: "scrape", gauge: { dataPoints: [point] } }];
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
}

/** Statuses that Fluent Bit 5.1.1 tries again; on 200 to 205 a chunk is done, on others it is dropped. */
const RETRIED = [429, 502, 503, 504];

/** Keeps chunks and sends them again as Fluent Bit does, a round at a time and without its waits. */
export class FakeFluentBit {
  /** Chunks not done yet. */
  waiting: number[] = [];
  /** Chunks thrown away. */
  readonly dropped: number[] = [];

  /** Sends each waiting chunk once. */
  async flush(relay: Receiver): Promise<void> {
    const left: number[] = [];
    for (const number of this.waiting) {
      const status = await this.#send(relay, number);
      if (status >= 200 && status <= 205) continue;
      (RETRIED.includes(status) ? left : this.dropped).push(number);
    }
    this.waiting = left;
  }

  async #send(relay: Receiver, number: number): Promise<number> {
    try {
      const response = await relay.post(scrape(number), { "content-type": "application/json" });
      await response.bytes();
      return response.status;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return 503; // No connection: tried again.
    }
  }
}

/** The scrapes in stored bodies. */
export function numbersIn(texts: readonly string[]): number[] {
  return texts.flatMap((text) =>
    [...text.matchAll(/"timeUnixNano":"(\d+)"/g)].map(([, number]) => Number(number))
  );
}
