/**
 * A quarter of an hour of a small fleet, as texts: two models on two servers, one of them with two
 * engines of which one is taken away, restarts, a gap, other bounds on one engine, a time without
 * vLLM, a stalled engine, and the pipeline's own metrics. `tests/testdata/parseable/README.md` says
 * where it comes from.
 */

import { gunzipSync } from "node:zlib";
import { objectOf, textOf } from "../../lib/parseable/json.ts";

/** A scrape of one server. */
export interface Scrape {
  /** When, in milliseconds since 1970. */
  readonly timeMs: number;
  /** A text of format 0.0.4, with names as they are in the stream. */
  readonly text: string;
}

const FILE = new URL("../testdata/parseable/world.jsonl.gz", import.meta.url);

/** The scrapes of one of two such fleets; without a name, those of the first without `instance`. */
export function worldScrapes(server?: "a:8000" | "b:8000"): Scrape[] {
  const lines = new TextDecoder().decode(gunzipSync(Deno.readFileSync(FILE))).trim().split("\n");
  return lines.map((line) => objectOf(JSON.parse(line)))
    .filter((scrape) => scrape.server === (server ?? "a:8000"))
    .map(({ timeMs, text }) => ({
      timeMs: Number(timeMs),
      text: server === undefined
        ? textOf(text).replace(/instance="a:8000",?/g, "").replaceAll("{} ", " ")
        : textOf(text),
    }));
}
