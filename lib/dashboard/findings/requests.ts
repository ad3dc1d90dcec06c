/** Requests that end badly, KV transfers that fail, and prompts that could be reused and are not. */

import type { TimeSeries } from "../../history/history.ts";
import { CLIENT_DISCONNECT, increases } from "../finish_reasons.ts";
import { formatNumber, formatShare } from "../format.ts";
import { levelOf, PREFIX_LIMITS } from "../levels.ts";
import type { FindingScope } from "../view.ts";
import {
  atLeastWarn,
  count,
  type Diagnosis,
  type FindingInput,
  type FindingRule,
  LINKS,
  scopeOf,
  valueOf,
} from "./rule.ts";

/** Share of failed requests at which llm-d's rules warn, and at which they alert. */
const ERROR_LIMITS = { warn: 0.01, bad: 0.05 } as const;
/** Share of requests given up by their clients at which waiting is a likely cause. */
const ABORT_SHARE = 0.1;
/** Share of rejected requests that is critical. */
const REJECTED_SHARE = 0.05;
/** Less than half a request is an artifact of extrapolation. */
const LEAST_COUNT = 0.5;

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, value) => total + value, 0);
}

/** The servers of which a counter grows, of those with one finish reason if it is given. */
function growing(input: FindingInput, metric: string, reason?: string): FindingScope {
  const rates = input.window.rates(metric, ["instance", "finished_reason"])
    .filter(({ labels }) => reason === undefined || labels.finished_reason === reason);
  return scopeOf(input, rates, (rate) => rate > 0);
}

/** Requests fail. */
const FAILED_REQUESTS: FindingRule = {
  id: "error_share",
  title: "Requests fail",
  condition: "1% or more; critical from 5%.",
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const { shared: { ended }, windowText } = input;
    const [errors, all] = [ended.error ?? 0, sum(ended)];
    const share = all === 0 ? 0 : errors / all;
    if (share < ERROR_LIMITS.warn) return undefined;
    return {
      level: atLeastWarn(levelOf(share, ERROR_LIMITS)),
      why: `${formatShare(share)} of ${count(all, "request")} in the last ${windowText} ended ` +
        "with an error.",
      action: "Read vLLM's log for the cause before you change any setting.",
      link: LINKS.troubleshooting,
      scope: growing(input, "request_success_total", "error"),
      severity: share,
    };
  },
};

/** Clients give up. */
const ABORTED_REQUESTS: FindingRule = {
  id: "abort_share",
  title: "Clients give up",
  condition: "10% or more of the requests were aborted, or their client disconnected.",
  needsMinute: true,
  find({ shared: { ended }, windowText }): Diagnosis | undefined {
    const [aborts, all] = [(ended.abort ?? 0) + (ended[CLIENT_DISCONNECT] ?? 0), sum(ended)];
    const share = all === 0 ? 0 : aborts / all;
    if (share < ABORT_SHARE) return undefined;
    return {
      level: "warn",
      why: `${formatShare(share)} of ${count(all, "request")} in the last ${windowText} were ` +
        "given up by their clients.",
      action: "Compare the time to first token (TTFT) and the end-to-end latency with the " +
        "clients' timeouts.",
      link: LINKS.tuning,
      severity: share,
    };
  },
};

/** A full queue rejects requests. */
const REJECTED_REQUESTS: FindingRule = {
  id: "rejections",
  title: "A full queue rejects requests",
  condition: "any; critical from 5%.",
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const { window, windowText, shared: { ended } } = input;
    const rejected = increases(window, "admission_rejections_total", "reason");
    const rejections = sum(rejected);
    if (rejections < LEAST_COUNT) return undefined;
    const share = rejections / (rejections + sum(ended));
    const limits = Object.keys(rejected).filter((reason) => (rejected[reason] ?? 0) > 0).sort()
      .map((reason) => `--${reason.replaceAll("_", "-")}`).join(" and ");
    return {
      level: share >= REJECTED_SHARE ? "bad" : "warn",
      why: `${count(rejections, "request")} in the last ${windowText} were answered with 503, ` +
        `${formatShare(share)} of all; the limit was ${limits}.`,
      action: `Add servers or make the queue move faster; ${limits} only sets how long it may get.`,
      link: LINKS.serve,
      scope: growing(input, "admission_rejections_total"),
      severity: share,
    };
  },
};

/** What fails in a KV transfer, and its counters. */
const TRANSFER_FAILURES: Readonly<Record<string, string>> = {
  "nixl_num_failed_transfers_total": "failed transfer",
  "nixl_num_failed_notifications_total": "failed notification",
  "nixl_num_kv_expired_reqs_total": "expired KV lease",
  "nixl_num_notifications_after_expiry_total": "late notification",
  "mooncake_store_failed_keys_total": "failed Mooncake key",
  "kv_offload_allocation_failure_total": "failed offload allocation",
};

/** Transfers of KV blocks fail. */
const FAILED_TRANSFERS: FindingRule = {
  id: "kv_transfer_failures",
  title: "KV transfers fail",
  condition: "any failed or expired transfer of KV blocks (NIXL, Mooncake, offloading). Critical " +
    "when requests fail as well.",
  explains: ["error_share", "abort_share"],
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const { window, windowText, shared: { ended } } = input;
    const seconds = window.range.rangeMs / 1_000;
    const failed = Object.entries(TRANSFER_FAILURES).flatMap(([metric, noun]) => {
      const times = (valueOf(window.rate(metric)) ?? 0) * seconds;
      return times < LEAST_COUNT ? [] : [{ metric, times, text: count(times, noun) }];
    });
    const [first] = failed;
    if (first === undefined) return undefined;
    return {
      level: (ended.error ?? 0) >= LEAST_COUNT ? "bad" : "warn",
      why: `${failed.map(({ text }) => text).join(", ")} in the last ${windowText}.`,
      action:
        "Check the network between prefill and decode servers (UCX, NIC, firewall) and that " +
        "both run the same version; a failed transfer is computed again or fails the request.",
      flag: "--kv-transfer-config",
      link: LINKS.disaggregated,
      scope: growing(input, first.metric),
      severity: failed.reduce((total, { times }) => total + times, 0),
    };
  },
};

/** One side is as many times busier than the other. */
const BUSIER = 3;
/** Waiting requests that matter. */
const LEAST_WAITING = 2;

/** A server that gets this share of its prompt tokens through KV transfers is a decode server … */
const DECODE_SHARE = 0.5;
/** … and one with less than this a prefill server. */
const PREFILL_SHARE = 0.1;

/** The servers of a model by the share of prompt tokens that they got through KV transfers. */
function transferredShares({ window }: FindingInput, model: string): Map<string, number> {
  const tokens = window.rates("prompt_tokens_by_source_total", ["instance", "model_name", "source"])
    .filter(({ labels }) => labels.model_name === model);
  const sum = (lines: readonly TimeSeries[]): number =>
    lines.reduce((total, { values }) => total + (values[0] ?? 0), 0);
  const servers = Object.entries(Object.groupBy(tokens, ({ labels }) => labels.instance ?? ""));
  return new Map(servers.flatMap(([instance, lines = []]) => {
    const all = sum(lines);
    const moved = lines.filter(({ labels }) => labels.source === "external_kv_transfer");
    return all === 0 ? [] : [[instance, sum(moved) / all] as const];
  }));
}

/** The prefill or the decode servers of a model, and how many requests wait on each, on average. */
type Side = { readonly servers: readonly TimeSeries[]; readonly mean: number };

/** The two sides of a model, when the requests that wait on one are many times those on the other. */
function unbalanced(
  input: FindingInput,
  model: string,
): { readonly model: string; readonly prefill: Side; readonly decode: Side } | undefined {
  const shares = transferredShares(input, model);
  const servers = input.minute.gauges("num_requests_waiting", { by: ["instance", "model_name"] })
    .filter(({ labels }) => labels.model_name === model);
  const side = (isMeant: (share: number) => boolean): Side => {
    const own = servers.filter(({ labels }) => isMeant(shares.get(labels.instance ?? "") ?? NaN));
    // The fewest over the last minute: a short rush is none.
    const waiting = own.map(({ values }) => Math.min(...values.map((value) => value ?? 0)));
    return { servers: own, mean: waiting.reduce((all, each) => all + each, 0) / own.length };
  };
  const decode = side((share) => share > DECODE_SHARE);
  const prefill = side((share) => share < PREFILL_SHARE);
  if (decode.servers.length === 0 || prefill.servers.length === 0) return undefined;
  const most = Math.max(prefill.mean, decode.mean);
  const least = Math.min(prefill.mean, decode.mean);
  return most < LEAST_WAITING || most < BUSIER * least ? undefined : { model, prefill, decode };
}

/** Prefill servers and decode servers of a model, told apart by the tokens that came by KV transfer. */
const PREFILL_DECODE_IMBALANCE: FindingRule = {
  id: "prefill_decode_imbalance",
  title: "Prefill and decode servers are out of balance",
  condition: "of the servers of one model some get over half of their prompt tokens through KV " +
    "transfers (decode), others under a tenth (prefill), and on one side at least 2 requests per " +
    "server waited all through the last minute, three times as many as on the other.",
  needsMinute: true,
  find(input): Diagnosis | undefined {
    if (input.targets.length < 2) return undefined;
    const [found] = input.history.labelValues("model_name", input.selection)
      .flatMap((model) => unbalanced(input, model) ?? []);
    if (found === undefined) return undefined;
    const { prefill, decode, model } = found;
    const [busy, servers] = prefill.mean > decode.mean
      ? ["prefill", prefill.servers] as const
      : ["decode", decode.servers] as const;
    return {
      level: "warn",
      why: `Of ${model}, ${formatNumber(prefill.mean)} requests wait per prefill server and ` +
        `${formatNumber(decode.mean)} per decode server.`,
      action: `The ${busy} servers are the bottleneck: turn one of the others into a ${busy} ` +
        "server, or add one.",
      flag: "--kv-transfer-config",
      link: LINKS.disaggregated,
      scope: scopeOf(input, servers, () => true),
      severity: Math.max(prefill.mean, decode.mean),
    };
  },
};

/** With fewer prompt tokens the hit rate says little. */
const ENOUGH_TOKENS = 10_000;

function isCachingOff({ window }: FindingInput): boolean {
  return window.labelSets("cache_config_info")
    .some((labels) => labels.enable_prefix_caching === "False");
}

/** The prefix cache is off. */
const PREFIX_CACHING_OFF: FindingRule = {
  id: "prefix_caching_off",
  title: "Prefix caching is off",
  condition: "vLLM reports it.",
  isHint: true,
  find(input): Diagnosis | undefined {
    if (!isCachingOff(input)) return undefined;
    return {
      level: "warn",
      why: "vLLM reports enable_prefix_caching=False, so a common beginning of prompts is " +
        "computed for each of them.",
      action: "Start vLLM with --enable-prefix-caching, unless the model does not support it.",
      flag: "--enable-prefix-caching",
      link: LINKS.prefixCaching,
    };
  },
};

/** Few prompt tokens come from the prefix cache. */
const LOW_PREFIX_REUSE: FindingRule = {
  id: "low_prefix_reuse",
  title: "Low prefix-cache hit rate",
  condition: "under 30% of at least 10,000 prompt tokens. This is no problem where prompts have " +
    "nothing in common.",
  isHint: true,
  needsMinute: true,
  find(input): Diagnosis | undefined {
    if (isCachingOff(input)) return undefined;
    const { window, windowText } = input;
    const rate = valueOf(window.rate("prefix_cache_queries_total")) ?? 0;
    const tokens = rate * window.range.rangeMs / 1_000;
    const hits = valueOf(window.ratio("prefix_cache_hits_total", "prefix_cache_queries_total"));
    if (tokens < ENOUGH_TOKENS || hits === undefined || hits >= PREFIX_LIMITS.warn) {
      return undefined;
    }
    return {
      level: "warn",
      why: `Of ${count(tokens, "prompt token")} in the last ${windowText} ${
        formatShare(hits)
      } came from the prefix cache.`,
      action: "If prompts share a beginning, put the shared part first, and send a conversation " +
        "to the same server. If they share nothing, ignore this. A small KV cache evicts soon: " +
        "check --gpu-memory-utilization.",
      link: LINKS.prefixCaching,
      severity: -hits,
    };
  },
};

/** Rules on failed requests and transfers, root causes first. */
export const FAILURE_RULES: readonly FindingRule[] = [
  FAILED_TRANSFERS,
  FAILED_REQUESTS,
  PREFILL_DECODE_IMBALANCE,
];

/** Rules on what clients and operators can change. */
export const CLIENT_RULES: readonly FindingRule[] = [
  REJECTED_REQUESTS,
  ABORTED_REQUESTS,
  PREFIX_CACHING_OFF,
  LOW_PREFIX_REUSE,
];
