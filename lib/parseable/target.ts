/** The target: where Parseable sends alerts. */

import type { Secret } from "../config/secret.ts";
import type { ParseableApi } from "./api.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import { ParseableError } from "./parseable_error.ts";
import type { Outcome } from "./report.ts";
import { ulidOf } from "./ulid.ts";

/** The first ten digits of our ids, where others have a time: no clock will ever show it. */
const PREFIX = "7VMETR1CS0";

/** Its name in Parseable. */
const NAME = "vllm-metrics";

/** What it is, for people. */
const WHAT = `target "${NAME}"`;

/**
 * Makes the id of the target. Parseable keeps an id that it is given, and replaces the target of
 * the same id: so two copies of `provision` cannot make it twice. It shows no address, so the id
 * is also how we know that the address is still the same.
 *
 * @param webhook The address.
 * @returns A ULID, whose last 80 bits are a hash of the address.
 */
export function targetId(webhook: Secret): string {
  return PREFIX + ulidOf(webhook.reveal()).slice(PREFIX.length);
}

/** Slack wants its own form; all others get a plain text. */
function typeOf(webhook: Secret): "slack" | "webhook" {
  return URL.parse(webhook.reveal())?.hostname === "hooks.slack.com" ? "slack" : "webhook";
}

/** A target that is there. */
interface FoundTarget {
  readonly id: string;
  /** Why Parseable does not call it; undefined when it does. */
  readonly refusal: string | undefined;
}

/** All targets. */
async function targetsOf(api: ParseableApi): Promise<readonly FoundTarget[]> {
  return listOf(await api.call("GET", "/api/v1/targets")).map((entry) => {
    const { target, enabled, error } = objectOf(entry);
    const refusal = enabled === false ? textOf(error) : undefined;
    return { id: textOf(objectOf(target).id), refusal };
  });
}

/**
 * Makes the target unless it is there. One that Parseable does not call counts as failed: version
 * 2.9.5 stores its target policy, but does not find it again when it starts, and sends nothing to a
 * private address from then on.
 *
 * @param api The client.
 * @param webhook The address.
 * @param options Whether nothing is written.
 * @returns What became of it.
 * @throws {ParseableError} When Parseable does not let us: a private address, for one, unless its
 *   target policy allows it.
 */
export async function ensureTarget(
  api: ParseableApi,
  webhook: Secret,
  { isDryRun }: { readonly isDryRun: boolean },
): Promise<Outcome> {
  const id = targetId(webhook);
  const found = (await targetsOf(api)).find((target) => target.id === id);
  if (found?.refusal !== undefined) {
    const why = `Parseable does not call it: "${found.refusal}". Its target policy must be set ` +
      "again after each of its starts";
    return { word: "failed", what: WHAT, why };
  }
  if (found !== undefined) return { word: "unchanged", what: WHAT };
  if (!isDryRun) {
    const common = { id, name: NAME, type: typeOf(webhook), endpoint: webhook.reveal() };
    const body = common.type === "slack" ? common : { ...common, headers: {}, skipTlsCheck: false };
    await api.call("POST", "/api/v1/targets", { body });
  }
  return { word: "made", what: WHAT };
}

/**
 * Removes the targets of addresses that we had before. One that an alert still names stays:
 * Parseable does not let it go.
 *
 * @param api The client.
 * @param current The id of the target that is used.
 * @param options Whether nothing is written.
 * @returns What became of each.
 * @throws {ParseableError} When Parseable does not let us.
 */
export async function removeOldTargets(
  api: ParseableApi,
  current: string,
  { isDryRun }: { readonly isDryRun: boolean },
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { id } of await targetsOf(api)) {
    if (!id.startsWith(PREFIX) || id === current) continue;
    outcomes.push(await removeTarget(api, id, isDryRun));
  }
  return outcomes;
}

async function removeTarget(api: ParseableApi, id: string, isDryRun: boolean): Promise<Outcome> {
  try {
    if (!isDryRun) await api.call("DELETE", `/api/v1/targets/${id}`);
    return { word: "removed", what: WHAT, why: "its address is no longer used" };
  } catch (error) {
    if (!(error instanceof ParseableError) || error.answered !== 409) throw error;
    return { word: "left alone", what: WHAT, why: "an alert still has its old address" };
  }
}
