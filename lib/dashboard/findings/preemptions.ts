/** Rule on requests that lose their place in the KV cache. */

import { formatNumber } from "../format.ts";
import { PREEMPTION_LIMITS } from "../levels.ts";
import type { Finding } from "../view.ts";
import type { Observations } from "./observations.ts";
import { LINKS } from "./rule.ts";

/** Running requests are thrown out of the KV cache. */
export function preemptions({ preemptions: rate = 0 }: Observations): Finding | undefined {
  if (rate < PREEMPTION_LIMITS.warn) return undefined;
  return {
    id: "preemptions",
    level: rate >= PREEMPTION_LIMITS.bad ? "bad" : "warn",
    title: "Running requests are preempted",
    why:
      `${formatNumber(rate * 60)} preemptions a minute over the last five minutes: the KV cache ` +
      "was full, and each has to be computed again.",
    action: "Raise gpu_memory_utilization first; otherwise lower max_num_seqs, or raise " +
      "tensor_parallel_size to spread the model over more GPUs.",
    link: LINKS.preemption,
  };
}
