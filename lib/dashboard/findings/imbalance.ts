/** Rules on engines or servers that do more or less than their neighbours. */

import { formatShare } from "../format.ts";
import { type Named, oddOneOut } from "../odd_one_out.ts";
import type { Finding } from "../view.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Observations } from "./observations.ts";
import { count, LINKS } from "./rule.ts";

/** Running requests by which two must differ to be called uneven. */
const RUNNING_DIFFERENCE = 4;
/** Part of the KV cache by which two must differ to be called uneven. */
const KV_CACHE_DIFFERENCE = 0.25;

/** One sentence on the odd one; undefined when all are alike. */
function oddSentence(
  neighbours: readonly Named[],
  minDifference: number,
  say: (value: number) => string,
): string | undefined {
  const odd = oddOneOut(neighbours, minDifference);
  return odd &&
    `In the last minute ${odd.name} had ${say(odd.value)}, the others ${
      say(odd.others)
    } on average.`;
}

function unevenSentence({ running, kvCache }: Neighbours): string | undefined {
  return oddSentence(running, RUNNING_DIFFERENCE, (value) => count(value, "running request")) ??
    oddSentence(
      kvCache,
      KV_CACHE_DIFFERENCE,
      (value) => `${formatShare(value)} of its KV cache in use`,
    );
}

/** One engine does much more or less than the others. */
export function engineImbalance({ engines, servers }: Observations): Finding | undefined {
  // Where each server has one engine, the servers say it all.
  if (engines.running.length <= servers.running.length) return undefined;
  const why = unevenSentence(engines);
  if (why === undefined) return undefined;
  return {
    id: "engine_imbalance",
    level: "warn",
    title: "One engine is unlike the others",
    why,
    action: "Look at how requests are spread: data_parallel_size with vLLM's own balancing, or " +
      "the load balancer in front. Sessions that stick to an engine do this as well.",
    link: LINKS.dataParallel,
  };
}

/** One server does much more or less than the others. */
export function serverImbalance({ servers }: Observations): Finding | undefined {
  const why = unevenSentence(servers);
  if (why === undefined) return undefined;
  return {
    id: "server_imbalance",
    level: "warn",
    title: "One server is unlike the others",
    why,
    action: "Look at the load balancer in front of the servers, and at what differs between " +
      "them: GPUs, max_num_seqs, gpu_memory_utilization.",
    link: LINKS.dataParallel,
  };
}
