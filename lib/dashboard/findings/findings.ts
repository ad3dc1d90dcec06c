/** All findings: what is wrong now, one card per incident. */

import { terminalText } from "../../terminal_text.ts";
import { LEAST_COVERED_MS } from "../availability.ts";
import { formatSeconds } from "../format.ts";
import type { Evidence, Finding } from "../view.ts";
import { LOAD_RULES } from "./load.ts";
import { PEER_RULES } from "./peers.ts";
import { CLIENT_RULES, FAILURE_RULES } from "./requests.ts";
import {
  atLeastWarn,
  createFindingInput,
  type Diagnosis,
  type FindingContext,
  type FindingRule,
} from "./rule.ts";
import { QUIET_SERVER_RULES, SERVER_RULES } from "./servers.ts";

/** All rules, root causes before their symptoms. */
export const FINDING_RULES: readonly FindingRule[] = [
  ...SERVER_RULES,
  ...FAILURE_RULES,
  ...LOAD_RULES,
  ...CLIENT_RULES,
  ...QUIET_SERVER_RULES,
  ...PEER_RULES,
];

/** How far back the harm is compared, in milliseconds. */
const TREND_MS = 60_000;
/** A change by this part is better or worse. */
const TREND_FACTOR = 1.1;

/** A rule and what it found. */
interface Found {
  readonly rule: FindingRule;
  readonly diagnosis: Diagnosis;
}

/** A window in whole units, such as `5 min`. */
function windowText(rangeMs: number): string {
  const seconds = Math.round(rangeMs / 1_000);
  if (seconds < 120) return `${seconds} s`;
  return formatSeconds(seconds < 7_200 ? 60 * Math.round(seconds / 60) : seconds);
}

/** Applies all rules. */
function diagnose(context: FindingContext): Found[] {
  const input = createFindingInput(context, windowText(context.rangeMs));
  const isCovered = context.rangeMs >= LEAST_COVERED_MS;
  return FINDING_RULES.flatMap((rule) => {
    const diagnosis = rule.needsMinute && !isCovered ? undefined : rule.find(input);
    return diagnosis === undefined ? [] : [{ rule, diagnosis }];
  });
}

/** Whether two findings can be about the same servers; without servers they are about all. */
function overlap({ diagnosis: one }: Found, { diagnosis: other }: Found): boolean {
  const [left = [], right = []] = [one.scope?.instances, other.scope?.instances];
  return left.length === 0 || right.length === 0 || left.some((name) => right.includes(name));
}

/** Groups findings into root causes, each with its symptoms. */
function group(all: readonly Found[]): { cause: Found; symptoms: Found[] }[] {
  const cards: { cause: Found; symptoms: Found[] }[] = [];
  for (const found of all) {
    const card = cards.find(({ cause }) =>
      cause.rule.explains?.includes(found.rule.id) && overlap(cause, found)
    );
    if (card === undefined) cards.push({ cause: found, symptoms: [] });
    else card.symptoms.push(found);
  }
  return cards;
}

function titleOf({ rule, diagnosis }: Found): string {
  return diagnosis.title ?? rule.title;
}

/** Whether the harm grew since a minute ago. */
function trendOf(card: readonly Found[], earlier: readonly Found[]): Finding["trend"] {
  const changes = card.flatMap(({ rule, diagnosis: { severity } }) => {
    const before = earlier.find((found) => found.rule.id === rule.id)?.diagnosis.severity;
    return severity === undefined || before === undefined ? [] : [[before, severity] as const];
  });
  if (changes.length === 0) {
    const ids = card.map(({ rule }) => rule.id);
    return earlier.some(({ rule }) => ids.includes(rule.id)) ? "steady" : "new";
  }
  if (changes.some(([before, now]) => now > before * TREND_FACTOR)) return "worse";
  return changes.some(([before, now]) => now * TREND_FACTOR < before) ? "better" : "steady";
}

/** Finds the incidents of now, critical ones first. */
export function findAll(
  context: FindingContext,
  earliestOf: (ids: readonly string[]) => number | undefined = () => undefined,
): Finding[] {
  const found = diagnose(context);
  if (found.length === 0) return [];
  const { nowMs, rangeMs } = context;
  const earlier = diagnose({
    ...context,
    nowMs: nowMs - TREND_MS,
    rangeMs: Math.max(0, rangeMs - TREND_MS),
  });
  const findings = group(found).map(({ cause, symptoms }): Finding => {
    const { rule, diagnosis } = cause;
    const card = [cause, ...symptoms];
    const sinceMs = diagnosis.sinceMs ?? earliestOf(card.map(({ rule }) => rule.id));
    const evidence = symptoms.map((symptom): Evidence => ({
      id: symptom.rule.id,
      title: titleOf(symptom),
      // Names of engines and servers, and what a server answered, come from outside.
      why: terminalText(symptom.diagnosis.why),
    }));
    return {
      id: rule.id,
      level: atLeastWarn(...card.map(({ diagnosis: { level } }) => level)),
      title: titleOf(cause),
      why: terminalText(diagnosis.why),
      scope: diagnosis.scope ?? { instances: [], engines: [], models: [] },
      sinceMs: Math.min(nowMs, sinceMs ?? nowMs),
      trend: trendOf(card, earlier),
      evidence,
      action: diagnosis.action,
      flag: diagnosis.flag ?? "",
      link: diagnosis.link,
    };
  });
  return [
    ...findings.filter(({ level }) => level === "bad"),
    ...findings.filter(({ level }) => level === "warn"),
  ];
}

const HINTS = new Set(FINDING_RULES.filter(({ isHint }) => isHint).map(({ id }) => id));

/** Whether a finding is a hint, which changes nothing about the state of the servers. */
export function isHint(finding: Pick<Finding, "id">): boolean {
  return HINTS.has(finding.id);
}
