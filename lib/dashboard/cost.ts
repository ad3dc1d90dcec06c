/** What the servers cost, and how much of the error budgets is left. */

import type { Goals } from "../config/config.ts";
import type { Price } from "../config/values.ts";
import { formatSeconds } from "./format.ts";
import { round } from "./line.ts";
import type { QueryRange } from "./query_range.ts";
import type { Scope } from "./scope.ts";
import type { Budget, Cost, Level } from "./view.ts";

const MILLION = 1_000_000;
const HOUR_SECONDS = 3_600;

/** The price of each server, per hour; undefined when none is known. */
export function pricesOf(prices: readonly Price[]): ((instance: string) => number) | undefined {
  if (prices.length === 0) return undefined;
  const byServer = new Map(prices.map(({ server, perHour }) => [server, perHour]));
  return (instance) => byServer.get(instance) ?? byServer.get(undefined) ?? 0;
}

/** The rate of a counter of one server; 0 without one. */
function perSecond(scope: Scope, metric: string): Map<string, number> {
  return new Map(
    scope.rates(metric, ["instance"])
      .map(({ labels, values }) => [labels.instance ?? "", values.at(-1) ?? 0]),
  );
}

/**
 * What servers cost, split by the time that their requests spend in prefill and in decode, as
 * OpenCost does it. Cached tokens cost no prefill, so they are no part of its price. The parts add up
 * to the hourly cost.
 *
 * @param priceOf What a server costs per hour.
 */
export function costOf(
  scope: Scope,
  instances: readonly string[],
  priceOf: (instance: string) => number,
): Cost {
  const rates = {
    prefill: perSecond(scope, "request_prefill_time_seconds_sum"),
    decode: perSecond(scope, "request_decode_time_seconds_sum"),
    input: perSecond(scope, "prompt_tokens_total"),
    cached: perSecond(scope, "prompt_tokens_cached_total"),
    output: perSecond(scope, "generation_tokens_total"),
  };
  const total = { perHour: 0, input: 0, output: 0, idle: 0, computed: 0, cached: 0, generated: 0 };
  for (const instance of instances) {
    const of = (name: keyof typeof rates): number => rates[name].get(instance) ?? 0;
    const price = priceOf(instance);
    const busy = of("prefill") + of("decode");
    const input = busy === 0 ? 0 : price * of("prefill") / busy;
    total.perHour += price;
    total.input += input;
    total.output += busy === 0 ? 0 : price - input;
    total.idle += busy === 0 ? price : 0;
    total.computed += Math.max(0, of("input") - of("cached")) * HOUR_SECONDS;
    total.cached += of("cached") * HOUR_SECONDS;
    total.generated += of("output") * HOUR_SECONDS;
  }
  const per = (price: number, tokens: number): number | null =>
    tokens === 0 || price === 0 ? null : round(price / tokens * MILLION);
  const inputPrice = total.computed === 0 ? null : total.input / total.computed;
  return {
    perHour: round(total.perHour),
    inputPerHour: round(total.input),
    outputPerHour: round(total.output),
    idlePerHour: round(total.idle),
    perMillionInput: per(total.input, total.computed + total.cached),
    perMillionOutput: per(total.output, total.generated),
    savingsPerHour: inputPrice === null ? null : round(inputPrice * total.cached),
  };
}

/** The metric and the goal of each budget. */
const SLOS = [
  { id: "ttft", name: "TTFT", metric: "time_to_first_token_seconds", goal: "ttftSeconds" },
  {
    id: "tpot",
    name: "TPOT",
    metric: "request_time_per_output_token_seconds",
    goal: "tpotSeconds",
  },
] as const;

/** Burn rates of the SRE workbook's first two page alerts, over an hour and five minutes. */
export const BURN_LIMITS = { warn: 6, bad: 14.4 } as const;

/** Both windows must burn: the long one says that it matters, the short one that it continues. */
export function burnLevel(burn5m: number | null, burn1h: number | null): Level {
  if (burn5m === null || burn1h === null) return "none";
  const burn = Math.min(burn5m, burn1h);
  if (burn >= BURN_LIMITS.bad) return "bad";
  return burn >= BURN_LIMITS.warn ? "warn" : "good";
}

/**
 * The error budgets.
 *
 * @param over The selected series over some seconds before the end of the window.
 */
export function budgetsOf(
  goals: Goals,
  windowSeconds: number,
  over: (seconds: number) => Scope,
): Budget[] {
  const { target } = goals;
  const allowed = 1 - target;
  return SLOS.map(({ id, name, metric, goal }): Budget => {
    const share = (seconds: number): number | null =>
      over(seconds).share(goals[goal], metric)?.[0] ?? null;
    const burn = (seconds: number): number | null => {
      const good = share(seconds);
      return good === null ? null : round((1 - good) / allowed);
    };
    const goodput = share(windowSeconds);
    const [burn5m, burn1h] = [burn(300), burn(HOUR_SECONDS)];
    return {
      id,
      title: `${name} within ${formatSeconds(goals[goal])}`,
      target,
      goodput: goodput === null ? null : round(goodput),
      left: goodput === null ? null : round(1 - (1 - goodput) / allowed),
      burn5m,
      burn1h,
      level: burnLevel(burn5m, burn1h),
    };
  });
}

/** The range of a single time. */
export function rangeAt(endMs: number, seconds: number): QueryRange {
  const grid = { startMs: endMs, endMs, stepMs: 1_000 };
  return { grid, rangeMs: seconds * 1_000, hasGaps: true };
}
