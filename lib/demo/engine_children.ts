/** The `vllm:` families that have a child for each engine. */

import { cacheConfigLabels } from "./cache_config.ts";
import type { Engine } from "./engine.ts";
import { type ByLabel, HISTOGRAMS, LABELLED, NUMBERS, type ReadEngine } from "./engine_numbers.ts";
import type { Child, Labels, Source } from "./exposition.ts";
import { rustPresence } from "./rust_presence.ts";
import type { SimulatedVllm } from "./simulated_vllm.ts";

/** A child of each engine. */
interface Series {
  /** Labels behind model and engine. */
  readonly more: Labels;
  /** Its values. */
  readonly source: (engine: Engine) => Source;
}

function number(read: ReadEngine, isFloat = false): (engine: Engine) => Source {
  return (engine) => ({ kind: "number", read: () => read(engine), isFloat });
}

function labelled(label: string, values: ByLabel): Series[] {
  return values.map(([value, read]) => ({ more: [[label, value]], source: number(read) }));
}

/** A family whose numbers are in a table. */
function listedSeries(name: string, isRust: boolean): Series[] {
  const [read, histogramOf, family] = [NUMBERS.get(name), HISTOGRAMS.get(name), LABELLED.get(name)];
  if (read !== undefined) return [{ more: [], source: number(read) }];
  if (histogramOf !== undefined) {
    return [{
      more: [],
      source: (engine) => ({ kind: "histogram", histogram: histogramOf(engine) }),
    }];
  }
  if (family === undefined) return [];
  const { label, values, rust } = family;
  if (!isRust) return labelled(label, values);
  return labelled(label, rust.flatMap((each) => values.filter(([value]) => value === each)));
}

function seriesOf(server: SimulatedVllm, name: string): Series[] {
  const isRust = server.frontend === "rust";
  const guesses = server.speculation?.acceptance ?? [];
  if (name.startsWith("spec_decode") && guesses.length === 0 && !isRust) return [];
  const isIn = (state: string): ReadEngine => () => server.state === state ? 1 : 0;
  switch (name) {
    case "kv_cache_usage_perc":
      return [{ more: [], source: number((engine) => engine.kvUsage, true) }];
    case "engine_sleep_state":
      return labelled("sleep_state", [
        ["awake", isIn("awake")],
        ["weights_offloaded", isIn("asleep")],
        ["discard_all", () => 0],
      ]);
    case "spec_decode_num_accepted_tokens_per_pos":
      return labelled(
        "position",
        guesses.map((_, position) => [
          String(position),
          ({ stats }: Engine): number => stats.acceptedByPosition[position] ?? 0,
        ]),
      );
    default:
      return listedSeries(name, isRust);
  }
}

/** One child an engine without the name of the model. */
function cacheConfig({ run }: SimulatedVllm): Child[] {
  return run.engines.map(({ options }, index) => ({
    labels: cacheConfigLabels(options, String(index)),
    source: { kind: "number", read: () => 1 },
  }));
}

/**
 * The children of one family, one engine after the other; with one more label, all engines of one
 * value after those of the value before.
 *
 * @param server The server, in its latest run.
 * @param name The family's name without `vllm:` and `_total`.
 * @returns Its children; none for a name that is not an engine's.
 */
export function engineChildren(server: SimulatedVllm, name: string): Child[] {
  if (name === "cache_config_info") return cacheConfig(server);
  const { run, model, frontend } = server;
  const createdSeconds = (): number => run.startMs / 1_000;
  return seriesOf(server, name).flatMap(({ more, source: sourceOf }) =>
    run.engines.map((engine, index): Child => {
      const labels: Labels = [["model_name", model], ["engine", String(index)], ...more];
      const source = sourceOf(engine);
      const child = { labels, source, createdSeconds };
      if (frontend !== "rust") return child;
      const read = source.kind === "number" ? source.read : undefined;
      const isShown = rustPresence(name, more[0]?.[1] ?? "", engine, read);
      return isShown === undefined ? child : { ...child, isShown };
    })
  );
}
