/** Requests that wait or are preempted, and tokens that come late. */

import { budgetsOf, BURN_LIMITS, rangeAt } from "../cost.ts";
import { formatNumber, formatSeconds, formatShare } from "../format.ts";
import { levelOf, PREEMPTION_LIMITS, WAITING_LIMITS } from "../levels.ts";
import { meanOf } from "../line.ts";
import { Scope } from "../scope.ts";
import type { FindingScope } from "../view.ts";
import {
  atLeastWarn,
  count,
  type Diagnosis,
  type FindingInput,
  type FindingRule,
  isDecodeSlow,
  isFirstTokenLate,
  isKvCacheFull,
  isPreempted,
  isQueueSteady,
  LINKS,
  scopeOf,
  valueOf,
} from "./rule.ts";

const BY_ENGINE = ["instance", "engine"];
/** Share of the waiting requests from which on the reason they are deferred is the cause. */
const MOSTLY_DEFERRED = 0.5;
/** The queue is short when it takes at most this part of the time before the first token. */
const SHORT_QUEUE = 0.25;
/** With more requests waiting on average, the queue is not short. */
const MAX_WAITING = 1;
const MORE_MEMORY = "--gpu-memory-utilization 0.95";

/** Late tokens make a queue as bad as they are for users. */
function queueLevel({ shared }: FindingInput): Diagnosis["level"] {
  const { waiting = 0, ttftLevel, tpotLevel } = shared;
  return atLeastWarn(levelOf(waiting, WAITING_LIMITS), ttftLevel, tpotLevel);
}

function queueScope(input: FindingInput): FindingScope {
  const waiting = input.minute.gauges("num_requests_waiting", { by: BY_ENGINE });
  return scopeOf(input, waiting, (value) => value >= WAITING_LIMITS.warn);
}

/** What late tokens and aborted requests come from. */
const LATE = ["slow_queue", "slow_prefill", "slow_decode", "abort_share", "slo_burn"];

/** Requests wait because the KV cache is full. */
const MEMORY_BOUND_QUEUE: FindingRule = {
  id: "memory_bound_queue",
  title: "Requests wait because the KV cache is full",
  condition: "at least one waited all through the last minute, and the KV cache was 90% full or " +
    "more, or requests were preempted, so that it was full at times. Critical from 50 waiting.",
  explains: ["preemptions", "rejections", ...LATE],
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const { waiting = 0, kvCache = 0, preemptions = 0 } = input.shared;
    if (!isQueueSteady(input) || !isKvCacheFull(input)) return undefined;
    const preempted = isPreempted(input)
      ? `; it ran full: ${formatNumber(preemptions * 60)} preemptions per minute`
      : "";
    return {
      level: queueLevel(input),
      why: `At least ${count(waiting, "request")} waited all through the last minute, and the KV ` +
        `cache was ${formatShare(kvCache)} full${preempted}.`,
      action: "Give the KV cache more memory: raise --gpu-memory-utilization (such as " +
        `${MORE_MEMORY}), or lower --max-model-len; --kv-cache-dtype fp8 halves ` +
        "what it needs. Otherwise add GPUs or servers.",
      flag: MORE_MEMORY,
      link: LINKS.memory,
      scope: queueScope(input),
      severity: waiting,
    };
  },
};

/** Requests wait although the KV cache has room. */
const SCHEDULER_BOUND_QUEUE: FindingRule = {
  id: "scheduler_bound_queue",
  title: "Requests wait although the KV cache has room",
  condition: "at least one waited all through the last minute, with the KV cache less than 90% " +
    "full and no preemptions. Where at least half of them are deferred, the title is **Requests " +
    "are deferred although the KV cache has room**: they wait for a LoRA adapter or a KV " +
    "transfer. Critical from 50 waiting.",
  explains: ["rejections", ...LATE],
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const { waiting = 0, kvCache } = input.shared;
    if (!isQueueSteady(input) || kvCache === undefined || isKvCacheFull(input)) return undefined;
    const reasons = input.window.gauges("num_requests_waiting_by_reason", { by: ["reason"] });
    const byReason = reasons.find(({ labels }) => labels.reason === "deferred")?.values;
    const deferred = valueOf(byReason) ?? 0;
    const common = {
      level: queueLevel(input),
      scope: queueScope(input),
      severity: waiting,
    };
    const numbers = `At least ${count(waiting, "request")} waited all through the last minute, ` +
      `while the KV cache was only ${formatShare(kvCache)} full`;
    if (deferred >= MOSTLY_DEFERRED * waiting) {
      return {
        ...common,
        title: "Requests are deferred although the KV cache has room",
        why: `${numbers}; ${count(deferred, "request")} of them are deferred.`,
        action: "Deferred requests wait for a LoRA adapter or a KV transfer: raise --max-loras, " +
          "or check the KV connector.",
        flag: "--max-loras",
        link: LINKS.engineArguments,
      };
    }
    const running = valueOf(input.window.gauge("num_requests_running")) ?? 0;
    return {
      ...common,
      why: `${numbers} and ${count(running, "request")} ran.`,
      ...isDecodeSlow(input)
        ? {
          action:
            "The scheduler's limits hold them back, but the time per output token (TPOT) already " +
            "misses its SLO, and more requests at once make it longer: add GPUs or servers.",
        }
        : {
          action: "The scheduler's limits hold them back: raise --max-num-seqs first, then " +
            "--max-num-batched-tokens.",
          flag: "--max-num-seqs",
        },
      link: LINKS.tuning,
    };
  },
};

/** Running requests are preempted. */
const PREEMPTIONS: FindingRule = {
  id: "preemptions",
  title: "Requests are preempted",
  condition: "0.001 per second or more; critical from 1 per second.",
  explains: LATE,
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const { preemptions = 0 } = input.shared;
    if (!isPreempted(input)) return undefined;
    const rates = input.window.rates("num_preemptions_total", BY_ENGINE);
    return {
      level: atLeastWarn(levelOf(preemptions, PREEMPTION_LIMITS)),
      why: `${formatNumber(preemptions * 60)} preemptions per minute in the last ` +
        `${input.windowText}: the KV cache was full, and each preempted request is recomputed.`,
      action: `Raise --gpu-memory-utilization first (such as ${MORE_MEMORY}); ` +
        "otherwise lower --max-num-seqs, or raise --tensor-parallel-size to spread the model over " +
        "more GPUs.",
      flag: MORE_MEMORY,
      link: LINKS.preemption,
      scope: scopeOf(input, rates, (value) => value > 0),
      severity: preemptions,
    };
  },
};

/** First tokens that are late, and the queue's part in that. */
interface LateTokens extends Pick<Diagnosis, "level" | "scope" | "severity"> {
  readonly numbers: string;
  readonly queueSeconds: number;
  readonly isQueueShort: boolean;
}

/**
 * Queue and prefill are both counted when a request ends, so they are of the same requests; the time
 * to first token is counted earlier, and so of others.
 */
function lateTokens(input: FindingInput): LateTokens | undefined {
  if (!isFirstTokenLate(input)) return undefined;
  const { window, shared: { ttftP95 = 0, ttftLevel }, goals: { ttftSeconds } } = input;
  const queueSeconds = valueOf(window.mean("request_queue_time_seconds"));
  const prefillSeconds = valueOf(window.mean("request_prefill_time_seconds"));
  const shared = {
    level: atLeastWarn(ttftLevel),
    scope: lateScope(input, "time_to_first_token_seconds", ttftSeconds),
    severity: ttftP95,
  };
  const late = `The time to first token (TTFT) is ${formatSeconds(ttftP95)} at p95 (SLO ${
    formatSeconds(ttftSeconds)
  })`;
  if (queueSeconds === undefined || prefillSeconds === undefined) {
    // No request has ended yet: those that wait tell where the time goes.
    const waits = (valueOf(window.gauge("num_requests_waiting")) ?? 0) > MAX_WAITING;
    return { ...shared, numbers: late, queueSeconds: NaN, isQueueShort: !waits };
  }
  const wholeSeconds = queueSeconds + prefillSeconds;
  return {
    ...shared,
    numbers: `${late}. Finished requests took ${formatSeconds(wholeSeconds)} to it on average`,
    queueSeconds,
    isQueueShort: queueSeconds <= SHORT_QUEUE * wholeSeconds,
  };
}

/** The servers that miss an SLO. */
function lateScope(input: FindingInput, metric: string, goal: number): FindingScope {
  const [series = []] = input.window.quantilesBy([0.95], metric, ["instance"]);
  return scopeOf(input, series, (value) => value >= goal);
}

/** First tokens are late because of a queue that comes and goes. */
const SLOW_QUEUE: FindingRule = {
  id: "slow_queue",
  title: "First tokens are slow because requests wait",
  condition:
    "p95 of the time to first token (TTFT) misses its SLO, and the queue takes more than " +
    "a quarter of the mean time before the first token (queue and prefill). Where requests wait " +
    "all the time, it is evidence of one of the two findings on queues. Critical from three times " +
    "the SLO, or when less than 90% of the requests are within it.",
  explains: ["slow_decode", "abort_share", "slo_burn"],
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const late = lateTokens(input);
    if (late === undefined || late.isQueueShort) return undefined;
    const { numbers, queueSeconds, isQueueShort: _, ...common } = late;
    const inQueue = Number.isNaN(queueSeconds)
      ? " and requests wait"
      : `, of which ${formatSeconds(queueSeconds)} are spent in the queue`;
    return {
      ...common,
      why: `${numbers}${inQueue}, over the last ${input.windowText}.`,
      action: isPreempted(input) || isDecodeSlow(input)
        ? "Requests come in bursts that are more than the server can take: spread them out at the " +
          "clients, or add servers."
        : "Look at the KV cache while requests waited: if it was full, raise " +
          "--gpu-memory-utilization first, otherwise --max-num-seqs. If requests come in bursts, " +
          "spread them out at the clients, or add servers.",
      link: LINKS.tuning,
    };
  },
};

/** First tokens are late although the queue is short. */
const SLOW_PREFILL: FindingRule = {
  id: "slow_prefill",
  title: "First tokens are slow although the queue is short",
  condition:
    "p95 of the time to first token (TTFT) misses its SLO, the queue takes at most a quarter " +
    "of the mean time before the first token, and at most one request waits on average. Critical " +
    "as above.",
  explains: ["slow_decode", "abort_share", "slo_burn"],
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const late = lateTokens(input);
    if (late === undefined || !late.isQueueShort) return undefined;
    const waiting = meanOf(input.minute.gauge("num_requests_waiting") ?? []) ?? 0;
    if (waiting > MAX_WAITING) return undefined;
    const { numbers, queueSeconds, isQueueShort: _, ...common } = late;
    const inQueue = Number.isNaN(queueSeconds)
      ? " and no request waits"
      : `, of which only ${formatSeconds(queueSeconds)} are spent in the queue`;
    return {
      ...common,
      why: `${numbers}${inQueue}: prefill takes the time.`,
      ...isDecodeSlow(input)
        ? {
          action: "The time per output token (TPOT) misses its SLO as well, so larger steps do " +
            "not help: make use of the prefix cache, or raise --tensor-parallel-size.",
          flag: "--tensor-parallel-size",
        }
        : {
          action: "Raise --max-num-batched-tokens first, so that prefill takes fewer steps; make " +
            "use of the prefix cache; otherwise raise --tensor-parallel-size.",
          flag: "--max-num-batched-tokens",
        },
      link: LINKS.chunkedPrefill,
    };
  },
};

/** What to do about slow output; with late first tokens, fewer or smaller steps would not help. */
function decodeAction(
  input: FindingInput,
  areAllPausesLong: boolean,
): Pick<Diagnosis, "action" | "flag"> {
  const isPromptSlow = isQueueSteady(input) || isFirstTokenLate(input);
  if (areAllPausesLong) {
    return isPromptSlow
      ? {
        action: "First tokens are late as well, so the GPU is at its limit: raise " +
          "--tensor-parallel-size, quantize the model, or add servers.",
        flag: "--tensor-parallel-size",
      }
      : {
        action: "If many requests run at once, lower --max-num-seqs first; otherwise the GPU is " +
          "at its limit: raise --tensor-parallel-size, or quantize the model.",
        flag: "--max-num-seqs",
      };
  }
  const first = "Fix preemptions first, if there are any. Otherwise long prompts";
  return isPromptSlow
    ? {
      action: `${first} hold up the output, and first tokens are late as well: raise ` +
        "--tensor-parallel-size, or add servers.",
      flag: "--tensor-parallel-size",
    }
    : {
      action:
        `${first} hold up the output: lower --max-num-batched-tokens, at the cost of a longer TTFT.`,
      flag: "--max-num-batched-tokens",
    };
}

/** Output tokens are late, because of every engine step or because of single ones. */
const SLOW_DECODE: FindingRule = {
  id: "slow_decode",
  title: "Output is slow",
  condition: "p95 of the time per output token (TPOT) misses its SLO. Where the median " +
    "inter-token latency (ITL) is under half the SLO, the title is **Output stalls**: a few long " +
    "pauses make the difference. Critical as above.",
  explains: ["abort_share", "slo_burn"],
  needsMinute: true,
  find(input): Diagnosis | undefined {
    const { shared: { tpotP95 = 0, tpotLevel }, goals: { tpotSeconds } } = input;
    if (!isDecodeSlow(input)) return undefined;
    const median = valueOf(input.window.quantile(0.5, "inter_token_latency_seconds"));
    if (median === undefined) return undefined;
    const areAllPausesLong = median >= tpotSeconds / 2;
    return {
      level: atLeastWarn(tpotLevel),
      title: areAllPausesLong ? "Output is slow" : "Output stalls",
      why: `The time per output token (TPOT) is ${formatSeconds(tpotP95)} at p95 over the last ` +
        `${input.windowText} (SLO ${formatSeconds(tpotSeconds)}), and the median inter-token ` +
        `latency (ITL) is ${formatSeconds(median)}: ${
          areAllPausesLong
            ? "every engine step takes long."
            : "a few long pauses make the difference."
        }`,
      ...decodeAction(input, areAllPausesLong),
      link: areAllPausesLong ? LINKS.tuning : LINKS.chunkedPrefill,
      scope: lateScope(input, "request_time_per_output_token_seconds", tpotSeconds),
      severity: tpotP95,
    };
  },
};

/** An error budget is spent too fast, by the multi-window rule of the SRE workbook. */
const SLO_BURN: FindingRule = {
  id: "slo_burn",
  title: "An error budget is spent too fast",
  condition: `a budget of SLO_TARGET is spent at least ${BURN_LIMITS.warn} times as fast as ` +
    "allowed, over the last 5 minutes and over the last hour as well; critical from " +
    `${BURN_LIMITS.bad} times (the multi-window rule of the SRE workbook). It stands alone only ` +
    "where no other finding explains it.",
  needsMinute: true,
  find({ history, selection, nowMs, goals }): Diagnosis | undefined {
    const over = (seconds: number): Scope => new Scope(history, selection, rangeAt(nowMs, seconds));
    const burning = budgetsOf(goals, 300, over)
      .filter(({ level }) => level === "warn" || level === "bad");
    if (burning.length === 0) return undefined;
    const numbers = burning.map(({ title, burn5m, burn1h }) =>
      `${title}: ${formatNumber(burn5m ?? 0)} times as fast as allowed over 5 min, ` +
      `${formatNumber(burn1h ?? 0)} times over 1 h.`
    );
    return {
      level: atLeastWarn(...burning.map(({ level }) => level)),
      why: numbers.join(" "),
      action:
        "Find out what holds the requests up: compare the charts of queue time, prefill and " +
        "decode.",
      link: LINKS.tuning,
      severity: Math.max(...burning.map(({ burn5m }) => burn5m ?? 0)),
    };
  },
};

/** Rules on load, root causes first. */
export const LOAD_RULES: readonly FindingRule[] = [
  MEMORY_BOUND_QUEUE,
  SCHEDULER_BOUND_QUEUE,
  PREEMPTIONS,
  SLOW_QUEUE,
  SLOW_PREFILL,
  SLOW_DECODE,
  SLO_BURN,
];
