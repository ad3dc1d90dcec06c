/** Engines or servers that differ from their peers. */

import { formatSeconds, formatShare } from "../format.ts";
import { findOutlier, peerMeans, type PeerValue } from "../peers.ts";
import {
  count,
  type Diagnosis,
  type FindingInput,
  type FindingRule,
  LINKS,
} from "./finding_rule.ts";

/** Differences in running requests that matter. */
const RUNNING_DIFFERENCE = 4;
/** Differences in the use of the KV cache that matter. */
const KV_CACHE_DIFFERENCE = 0.25;
/** Differences in the inter-token latency that users notice, in seconds. */
const PAUSE_DIFFERENCE = 0.01;

/** What is compared. */
type Kind = "server" | "engine";
const LABELS: Readonly<Record<Kind, readonly string[]>> = {
  server: ["instance"],
  engine: ["instance", "engine"],
};

function running({ minute }: FindingInput, kind: Kind): PeerValue[] {
  return peerMeans(minute.gauges("num_requests_running", { by: LABELS[kind] }));
}

function kvCache({ minute }: FindingInput, kind: Kind): PeerValue[] {
  return peerMeans(minute.gauges("kv_cache_usage_perc", { by: LABELS[kind], aggregate: "max" }));
}

function pauses({ wholeMinute }: FindingInput, kind: Kind): PeerValue[] {
  return peerMeans(wholeMinute.means("inter_token_latency_seconds", LABELS[kind]));
}

/** Whether servers have one engine each, so that a finding on engines would repeat one on servers. */
function isRepetition(input: FindingInput, kind: Kind, read: typeof running): boolean {
  return kind === "engine" && read(input, "engine").length <= read(input, "server").length;
}

/** A sentence about the outlier; undefined without one. */
function outlierSentence(
  peers: readonly PeerValue[],
  minDifference: number,
  say: (value: number) => string,
): string | undefined {
  const outlier = findOutlier(peers, minDifference);
  return outlier &&
    `In the last minute ${outlier.name} had ${say(outlier.value)}, the others ${
      say(outlier.others)
    } on average.`;
}

/** One has much more or less to do than its peers. */
function imbalance(kind: Kind, condition: string, action: string): FindingRule {
  return {
    id: `${kind}_imbalance`,
    title: `Uneven load across ${kind}s`,
    condition,
    find(input): Diagnosis | undefined {
      if (isRepetition(input, kind, running)) return undefined;
      const why = outlierSentence(
        running(input, kind),
        RUNNING_DIFFERENCE,
        (value) => count(value, "running request"),
      ) ?? outlierSentence(
        kvCache(input, kind),
        KV_CACHE_DIFFERENCE,
        (value) => `${formatShare(value)} of its KV cache in use`,
      );
      if (why === undefined) return undefined;
      return { level: "warn", why, action, link: LINKS.dataParallel };
    },
  };
}

/** One has a much longer inter-token latency than its peers. */
function slow(kind: Kind, condition: string): FindingRule {
  return {
    id: `slow_${kind}`,
    title: `One ${kind} is slower than the others`,
    condition,
    find(input): Diagnosis | undefined {
      // Different models differ in speed.
      if (input.history.labelValues("model_name", input.selection).length > 1) return undefined;
      if (isRepetition(input, kind, pauses)) return undefined;
      const outlier = findOutlier(pauses(input, kind), PAUSE_DIFFERENCE);
      if (outlier === undefined || outlier.value < outlier.others) return undefined;
      return {
        level: "warn",
        why: `In the last minute the inter-token latency (ITL) of ${outlier.name} was ${
          formatSeconds(outlier.value)
        }, that of the others ${formatSeconds(outlier.others)} on average.`,
        action: "If it has no more requests than the others, check its GPUs: clocks, " +
          "temperature, other processes on them, and their interconnect. Otherwise check how " +
          "requests are balanced.",
        link: LINKS.troubleshooting,
      };
    },
  };
}

/** One server is slower than the others. */
export const SLOW_SERVER: FindingRule = slow(
  "server",
  "in the last minute its mean inter-token latency (ITL) was at least twice that of the others on " +
    "average, and longer by 10 ms or more. Servers with different models are not compared: select " +
    "a model.",
);

/** One engine is slower than the others. */
export const SLOW_ENGINE: FindingRule = slow("engine", "the same among engines.");

/** One server has much more or less to do than the others. */
export const SERVER_IMBALANCE: FindingRule = imbalance(
  "server",
  "in the last minute one had at least twice or at most half the running requests of the others on " +
    "average, with a difference of 4 or more; or the same of the KV cache, by a quarter of it.",
  "Check the load balancer in front of the servers, and what differs between them: GPUs, " +
    "--max-num-seqs, --gpu-memory-utilization.",
);

/** One engine has much more or less to do than the others. */
export const ENGINE_IMBALANCE: FindingRule = imbalance(
  "engine",
  "the same among engines.",
  "Check how requests are balanced: --data-parallel-size with vLLM's own balancing, or the load " +
    "balancer in front. Sticky sessions have this effect as well.",
);
