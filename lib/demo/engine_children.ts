/** The `vllm:` families that have a child for each engine. */

import { cacheConfigLabels } from "./cache_config.ts";
import type { Engine } from "./engine.ts";
import { HISTOGRAMS, LABELLED, NUMBERS, RUST_EMPTY } from "./engine_numbers.ts";
import type { Child, Labels, Source } from "./exposition.ts";
import type { SimulatedVllm } from "./simulated_vllm.ts";

/** A child of each engine. */
interface Series {
  /** Labels behind model and engine. */
  readonly more: Labels;
  /** Its values. */
  readonly source: (engine: Engine) => Source;
}

/** What the Rust front end has from the start; its other children come with the first value. */
const RUST_FROM_THE_START = new Set([
  ...["num_requests_running", "num_requests_waiting", "num_requests_waiting_by_reason"],
  ...["kv_cache_usage_perc", "prefix_cache_queries", "prefix_cache_hits", "num_preemptions"],
  ...["prompt_tokens_cached_by_source", "external_prefix_cache_queries"],
  ...["external_prefix_cache_hits", "generation_tokens", "iteration_tokens_total"],
  ...["spec_decode_num_drafts", "spec_decode_num_draft_tokens", "spec_decode_num_accepted_tokens"],
  ...["spec_decode_num_accepted_tokens_per_pos", "estimated_flops_per_gpu"],
  ...["estimated_read_bytes_per_gpu", "estimated_write_bytes_per_gpu"],
  ...["nixl_num_failed_transfers", "nixl_num_failed_notifications", "nixl_num_kv_expired_reqs"],
  ...Object.keys(RUST_EMPTY),
]);

const SLEEP_STATES = [["awake", "awake"], ["weights_offloaded", "asleep"], ["discard_all", ""]];

function number(read: (engine: Engine) => number, isFloat = false): (engine: Engine) => Source {
  return (engine) => ({ kind: "number", read: () => read(engine), isFloat });
}

/** Whether a child of the Rust front end is there yet; undefined when it always is. */
function rustIsShown(name: string, more: Labels, engine: Engine): (() => boolean) | undefined {
  const value = more[0]?.[1];
  if (RUST_FROM_THE_START.has(name) || value === "local_compute") return undefined;
  const { stats } = engine;
  const own = name === "request_success" && LABELLED[name]?.rust.find(([each]) => each === value);
  if (own) return () => own[1](engine) > 0;
  if (name === "inter_token_latency_seconds") return () => stats.interToken.count > 0;
  if (/^(?:prompt_tokens|time_to_first)/.test(name)) return () => stats.firstToken.count > 0;
  return () => stats.endToEnd.count > 0;
}

function seriesOf(server: SimulatedVllm, name: string): Series[] {
  const { frontend } = server;
  const positions = server.speculation?.acceptance.length ?? 0;
  if (name.startsWith("spec_decode") && positions === 0 && frontend === "python") return [];
  if (name === "kv_cache_usage_perc") {
    return [{ more: [], source: number((engine) => engine.kvUsage, true) }];
  }
  if (name === "engine_sleep_state") {
    return SLEEP_STATES.map(([value = "", state]) => ({
      more: [["sleep_state", value]],
      source: number(() => server.state === state ? 1 : 0),
    }));
  }
  if (name === "spec_decode_num_accepted_tokens_per_pos") {
    return Array.from({ length: positions }, (_, position) => ({
      more: [["position", String(position)]],
      source: number(({ stats }) => stats.acceptedByPosition[position] ?? 0),
    }));
  }
  const [read, histogram, empty] = [NUMBERS[name], HISTOGRAMS[name], RUST_EMPTY[name]];
  if (read !== undefined) return [{ more: [], source: number(read) }];
  if (histogram !== undefined) {
    const source = ({ stats }: Engine): Source => ({
      kind: "histogram",
      histogram: histogram(stats),
    });
    return [{ more: [], source }];
  }
  if (empty !== undefined) {
    return [{ more: [], source: () => ({ kind: "histogram", histogram: empty }) }];
  }
  const labelled = LABELLED[name];
  return (labelled?.[frontend] ?? []).map(([value, readValue]) => ({
    more: [[labelled?.label ?? "", value]],
    source: number(readValue),
  }));
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
  return seriesOf(server, name).flatMap(({ more, source }) =>
    run.engines.map((engine, index): Child => {
      const labels: Labels = [["model_name", model], ["engine", String(index)], ...more];
      const isShown = frontend === "rust" ? rustIsShown(name, more, engine) : undefined;
      const child = { labels, source: source(engine), createdSeconds };
      return isShown === undefined ? child : { ...child, isShown };
    })
  );
}
