/** What is wrong now: all rules, asked one after the other. */

import { terminalText } from "../../terminal_text.ts";
import type { Finding } from "../view.ts";
import { abortShare, errorShare, rejections } from "./failures.ts";
import { slowPrefill, slowQueue } from "./first_tokens.ts";
import { slowDecode } from "./further_tokens.ts";
import { engineImbalance, serverImbalance } from "./imbalance.ts";
import type { Observations } from "./observations.ts";
import { preemptions } from "./preemptions.ts";
import { lowPrefixReuse, prefixCachingOff } from "./prefix_reuse.ts";
import { memoryBoundQueue, schedulerBoundQueue } from "./queue.ts";
import type { Rule } from "./rule.ts";
import { slowEngine, slowServer } from "./slow_neighbour.ts";
import { stalledEngines } from "./stalled_engines.ts";
import {
  cutServers,
  downServers,
  restartingServers,
  sleepingServers,
  staleServers,
} from "./servers.ts";

/** All rules by the id of what they find, the most pressing first. */
export const RULES: Readonly<Record<string, Rule>> = {
  "server_down": downServers,
  "engine_stalled": stalledEngines,
  "server_restarts": restartingServers,
  "error_share": errorShare,
  rejections,
  "memory_bound_queue": memoryBoundQueue,
  "scheduler_bound_queue": schedulerBoundQueue,
  preemptions,
  "slow_queue": slowQueue,
  "slow_prefill": slowPrefill,
  "slow_decode": slowDecode,
  "abort_share": abortShare,
  "server_stale": staleServers,
  "server_sleeping": sleepingServers,
  "series_cut": cutServers,
  "slow_server": slowServer,
  "slow_engine": slowEngine,
  "server_imbalance": serverImbalance,
  "engine_imbalance": engineImbalance,
  "prefix_caching_off": prefixCachingOff,
  "low_prefix_reuse": lowPrefixReuse,
};

/**
 * Asks all rules.
 *
 * @param observations What they look at.
 * @returns What is wrong, bad before warnings, otherwise in the order of the rules.
 */
export function findAll(observations: Observations): Finding[] {
  const found = Object.values(RULES).map((rule) => rule(observations))
    .filter((finding) => finding !== undefined)
    // Names of engines and servers, and what a server answered, come from outside.
    .map((finding) => ({ ...finding, why: terminalText(finding.why) }));
  return [
    ...found.filter(({ level }) => level === "bad"),
    ...found.filter(({ level }) => level === "warn"),
  ];
}
