/** Scrapes of two servers, for the history and for Prometheus alike, with the same times. */

import { MetricsText } from "../../lib/demo/metrics_text.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import { SimulatedVllm } from "../../lib/demo/simulated_vllm.ts";
import { Sanitizer } from "../../lib/exposition/sanitizer.ts";
import { sampleName } from "../../lib/history/names.ts";
import { HistoryStore } from "../../lib/history/store.ts";

/** Two engines of vLLM that fall over now and then. */
export const SIMULATED = "simulated:8000";
/** A server with another model, other buckets, and counters that begin anew. */
export const SCRIPTED = "scripted:8000";
/** How long is recorded, in milliseconds. */
const LENGTH_MS = 600_000;

/** Scrapes, in both forms. */
export interface Recording {
  /** When the first one was made, in milliseconds since 1970. */
  readonly startMs: number;
  /** When nothing follows any more. */
  readonly endMs: number;
  /** The history that was fed with them. */
  readonly history: HistoryStore;
  /** The same samples for `promtool tsdb create-blocks-from openmetrics`. */
  readonly openMetrics: string;
}

/**
 * Records ten minutes.
 *
 * @param startMs When they begin, in milliseconds since 1970.
 */
export function recordScrapes(startMs: number): Recording {
  const history = new HistoryStore({ instances: [SIMULATED, SCRIPTED] });
  const lines: string[] = [];
  const add = (instance: string, timeMs: number, text: string): void => {
    const bytes = new TextEncoder().encode(text);
    const body = new TextEncoder().encode(new Sanitizer({ format: "text" }).push(bytes, true));
    history.add({ instance, timeMs, body });
    for (const line of new TextDecoder().decode(body).split("\n")) {
      const [, name = "", labels = "", value = ""] = /^(vllm_\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ??
        [];
      if (sampleName(name) === undefined) continue;
      const all = [`instance="${instance}"`, ...labels === "" ? [] : [labels]].join();
      lines.push(`${name}{${all}} ${value} ${timeMs / 1_000}`);
    }
  };
  recordSimulated(startMs, history, add);
  for (let scrape = 0; scrape * 3_000 <= LENGTH_MS; scrape++) {
    add(SCRIPTED, startMs + scrape * 3_000, scripted(scrape));
  }
  const openMetrics = `${lines.join("\n")}\n# EOF\n`;
  return { startMs, endMs: startMs + LENGTH_MS, history, openMetrics };
}

/** Every two seconds or so; nothing while it is down. */
function recordSimulated(
  startMs: number,
  history: HistoryStore,
  add: (instance: string, timeMs: number, text: string) => void,
): void {
  const server = new SimulatedVllm({ scenario: SCENARIOS.outage, seed: 5, startMs, engines: 2 });
  const metrics = new MetricsText(server);
  for (let scrape = 0; scrape * 2_000 <= LENGTH_MS; scrape++) {
    const timeMs = startMs + scrape * 2_000 + (scrape * 7_919) % 600;
    server.advance(timeMs);
    if (server.state === "down") history.fail({ instance: SIMULATED, timeMs, error: "refused" });
    else add(SIMULATED, timeMs, metrics.text());
  }
}

/** Counts go up by turns and stand still by turns; each seventy scrapes they begin anew. */
function scripted(scrape: number): string {
  const life = scrape % 70;
  const busy = Math.min(life, 40);
  const labels = 'engine="0",model_name="other"';
  const ttft = "vllm:time_to_first_token_seconds";
  return [
    `vllm:num_requests_running{${labels}} ${scrape % 9}`,
    `vllm:kv_cache_usage_perc{${labels}} ${(scrape % 100) / 100}`,
    `vllm:prompt_tokens_total{${labels}} ${busy * 130}`,
    `vllm:request_success_total{${labels},finished_reason="stop"} ${busy * 3}`,
    `${ttft}_bucket{${labels},le="0.2"} ${busy}`,
    `${ttft}_bucket{${labels},le="1"} ${busy * 2}`,
    `${ttft}_bucket{${labels},le="3"} ${busy * 3}`,
    `${ttft}_bucket{${labels},le="+Inf"} ${busy * 3}`,
    `${ttft}_count{${labels}} ${busy * 3}`,
    `${ttft}_sum{${labels}} ${busy * 2.5}`,
    "",
  ].join("\n");
}
