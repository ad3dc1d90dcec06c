/** Engines or servers that differ from their peers: those with the same model that work. */

import type { TimeSeries } from "../../history/history.ts";
import { formatSeconds, formatShare } from "../format.ts";
import { findOutlier, type Outlier, peerMeans, runningDifference } from "../peers.ts";
import {
  count,
  type Diagnosis,
  type FindingInput,
  type FindingRule,
  LINKS,
  modelsOf,
} from "./rule.ts";

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

/** An outlier, and the names of the peers that it was compared with. */
interface Found extends Outlier {
  readonly instance: string;
  readonly model: string;
  readonly peers: readonly string[];
}

/** Finds an outlier among the engines or servers of each model. */
function outlierOf(
  input: FindingInput,
  kind: Kind,
  differenceFrom: (others: number) => number,
  read: (by: readonly string[]) => readonly TimeSeries[],
): Found | undefined {
  const up = new Set(
    input.targets.filter(({ state }) => state === "up").map(({ instance }) => instance),
  );
  const series = read(LABELS[kind]).filter(({ labels: { instance = "" }, values }) =>
    // One that was not there for the whole time has just started, and cannot be compared yet.
    up.has(instance) && values.every((value) => value !== null)
  );
  const servers = new Set(series.map(({ labels }) => labels.instance));
  // With one engine per server the servers are compared already.
  if (kind === "engine" && servers.size === series.length) return undefined;
  const models = Map.groupBy(
    series,
    ({ labels: { instance = "" } }) =>
      modelsOf(input.history, input.selection, [instance]).toSorted().join(", "),
  );
  for (const [model, group] of models) {
    const peers = peerMeans(group);
    const outlier = findOutlier(peers, differenceFrom);
    if (outlier === undefined) continue;
    const index = peers.findIndex(({ name }) => name === outlier.name);
    return {
      ...outlier,
      instance: group[index]?.labels.instance ?? "",
      model,
      peers: peers.filter((_, each) => each !== index).map(({ name }) => name),
    };
  }
  return undefined;
}

/** The peers in words: by name when it is one. */
function othersIn({ peers }: Found, kind: Kind): string {
  return peers.length === 1 ? peers[0] ?? "" : `the other ${kind}s`;
}

function scopeOfOutlier(found: Found, kind: Kind): Pick<Diagnosis, "scope"> {
  const { instance, name, model } = found;
  const models = model === "" ? [] : [model];
  return { scope: { instances: [instance], engines: kind === "engine" ? [name] : [], models } };
}

/** One has much more or less to do than its peers. */
function imbalance(kind: Kind, condition: string, action: string): FindingRule {
  return {
    id: `${kind}_imbalance`,
    title: `Uneven load across ${kind}s`,
    condition,
    needsMinute: true,
    find(input): Diagnosis | undefined {
      const { minute } = input;
      const running = outlierOf(
        input,
        kind,
        runningDifference,
        (by) => minute.gauges("num_requests_running", { by }),
      );
      const found = running ?? outlierOf(
        input,
        kind,
        () => KV_CACHE_DIFFERENCE,
        (by) => minute.gauges("kv_cache_usage_perc", { by, aggregate: "max" }),
      );
      if (found === undefined) return undefined;
      const say = (value: number): string =>
        running === undefined
          ? `${formatShare(value)} of its KV cache in use`
          : count(value, "running request");
      const average = found.peers.length === 1 ? "" : " on average";
      return {
        level: "warn",
        why: `In the last minute ${found.name} had ${say(found.value)}, ${othersIn(found, kind)} ${
          say(found.others)
        }${average}.`,
        action,
        link: LINKS.dataParallel,
        ...scopeOfOutlier(found, kind),
        severity: Math.abs(found.value - found.others),
      };
    },
  };
}

/** One has a much longer inter-token latency than its peers. */
function slow(kind: Kind, condition: string): FindingRule {
  return {
    id: `slow_${kind}`,
    title: `One ${kind} is slower than its peers`,
    condition,
    needsMinute: true,
    find(input): Diagnosis | undefined {
      const found = outlierOf(
        input,
        kind,
        () => PAUSE_DIFFERENCE,
        (by) => input.window.means("inter_token_latency_seconds", by),
      );
      if (found === undefined || found.value < found.others) return undefined;
      const average = found.peers.length === 1 ? "" : " on average";
      return {
        level: "warn",
        why: `In the last ${input.windowText} the inter-token latency (ITL) of ${found.name} was ${
          formatSeconds(found.value)
        }, that of ${othersIn(found, kind)} ${formatSeconds(found.others)}${average}.`,
        action: "If it has no more requests than its peers, check its GPUs: clocks, " +
          "temperature, other processes on them, and their interconnect. Otherwise check how " +
          "requests are balanced.",
        link: LINKS.troubleshooting,
        ...scopeOfOutlier(found, kind),
        severity: found.value,
      };
    },
  };
}

/** Rules on peers. */
export const PEER_RULES: readonly FindingRule[] = [
  slow(
    "server",
    "its mean inter-token latency (ITL) is at least twice that of the others with the same model " +
      "on average, and longer by 10 ms or more.",
  ),
  slow("engine", "the same among engines."),
  imbalance(
    "server",
    "in the last minute one had at least twice or at most half the running requests of the others " +
      "with the same model on average, with a difference of 4 or more that is no chance (three times the root of their mean); or the same of the KV " +
      "cache, by a quarter of it. Only servers that were up for the whole minute are compared.",
    "Check the load balancer in front of the servers, and what differs between them: GPUs, " +
      "--max-num-seqs, --gpu-memory-utilization.",
  ),
  imbalance(
    "engine",
    "the same among engines.",
    "Check how requests are balanced: --data-parallel-size with vLLM's own balancing, or the load " +
      "balancer in front. Sticky sessions have this effect as well.",
  ),
];
