/** All findings: what is wrong now. */

import { terminalText } from "../../terminal_text.ts";
import type { Finding } from "../view.ts";
import { createFindingInput } from "./finding_input.ts";
import type { FindingContext, FindingRule } from "./finding_rule.ts";
import { SLOW_DECODE, SLOW_PREFILL, SLOW_QUEUE } from "./latency.ts";
import { ENGINE_IMBALANCE, SERVER_IMBALANCE, SLOW_ENGINE, SLOW_SERVER } from "./peers.ts";
import { LOW_PREFIX_REUSE, PREFIX_CACHING_OFF } from "./prefix_cache.ts";
import { MEMORY_BOUND_QUEUE, PREEMPTIONS, SCHEDULER_BOUND_QUEUE } from "./queue.ts";
import { ABORTED_REQUESTS, FAILED_REQUESTS, REJECTED_REQUESTS } from "./requests.ts";
import {
  CUT_SERVERS,
  DOWN_SERVERS,
  RESTARTING_SERVERS,
  SLEEPING_SERVERS,
  STALE_SERVERS,
} from "./servers.ts";
import { STALLED_ENGINES } from "./stalled_engines.ts";

/** All rules, the most pressing first. */
export const FINDING_RULES: readonly FindingRule[] = [
  DOWN_SERVERS,
  STALLED_ENGINES,
  RESTARTING_SERVERS,
  FAILED_REQUESTS,
  REJECTED_REQUESTS,
  MEMORY_BOUND_QUEUE,
  SCHEDULER_BOUND_QUEUE,
  PREEMPTIONS,
  SLOW_QUEUE,
  SLOW_PREFILL,
  SLOW_DECODE,
  ABORTED_REQUESTS,
  STALE_SERVERS,
  SLEEPING_SERVERS,
  CUT_SERVERS,
  SLOW_SERVER,
  SLOW_ENGINE,
  SERVER_IMBALANCE,
  ENGINE_IMBALANCE,
  PREFIX_CACHING_OFF,
  LOW_PREFIX_REUSE,
];

/** Applies all rules. */
export function findAll(context: FindingContext): Finding[] {
  const input = createFindingInput(context);
  const found = FINDING_RULES.flatMap(({ id, title, find }): Finding[] => {
    const finding = find(input);
    // Names of engines and servers, and what a server answered, come from outside.
    return finding === undefined ? [] : [{ title, ...finding, id, why: terminalText(finding.why) }];
  });
  return [
    ...found.filter(({ level }) => level === "bad"),
    ...found.filter(({ level }) => level === "warn"),
  ];
}
