/** The target: where Parseable sends alerts. */

import type { Secret } from "../config/secret.ts";
import { type ParseableApi, ParseableError } from "./api.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import type { Run } from "./run.ts";
import { ulidOf } from "./ulid.ts";

/** The first ten digits of our ids, where others have a time: no clock will ever reach it. */
const PREFIX = "7VMETR1CS0";
/** Its name in Parseable. */
const NAME = "vllm-metrics";
const WHAT = `target "${NAME}"`;

/**
 * The id of the target: a ULID whose last 80 bits are a hash of the address. Parseable keeps a given
 * id, and replaces the target of the same id, so concurrent runs cannot create it twice. It does not
 * return the address, so the id also shows that the address is still the same.
 */
export function targetId(webhook: Secret): string {
  return PREFIX + ulidOf(webhook.reveal()).slice(PREFIX.length);
}

/** Ids of all targets, and why Parseable does not call one. */
async function targetsOf(
  api: ParseableApi,
): Promise<readonly { readonly id: string; readonly refusal: string | undefined }[]> {
  return listOf(await api.call("GET", "/api/v1/targets")).map((entry) => {
    const { target, enabled, error } = objectOf(entry);
    const refusal = enabled === false ? textOf(error) : undefined;
    return { id: textOf(objectOf(target).id), refusal };
  });
}

/**
 * Creates the target unless it exists. One that Parseable does not call counts as failed: version
 * 2.9.5 stores its target policy, but does not load it when it starts, and sends nothing to a
 * private address from then on.
 */
export async function createTarget(run: Run): Promise<void> {
  const { api, config: { webhook }, report } = run;
  if (webhook === undefined) return;
  const id = targetId(webhook);
  const found = (await targetsOf(api)).find((target) => target.id === id);
  if (found === undefined && !report.isDryRun) {
    const common = { id, name: NAME, endpoint: webhook.reveal() };
    // Slack has a format of its own; all others get a plain text.
    const isSlack = URL.parse(common.endpoint)?.hostname === "hooks.slack.com";
    const body = isSlack
      ? { ...common, type: "slack" }
      : { ...common, type: "webhook", headers: {}, skipTlsCheck: false };
    await api.call("POST", "/api/v1/targets", { body });
  }
  run.target = id;
  if (found?.refusal === undefined) {
    return report.add({ outcome: found === undefined ? "made" : "unchanged", what: WHAT });
  }
  const why = `Parseable does not call it: "${found.refusal}". Its target policy must be set ` +
    "again after each of its starts";
  report.add({ outcome: "failed", what: WHAT, why });
}

/** Deletes the targets of earlier addresses; Parseable keeps one that an alert still uses. */
export async function removeOldTargets({ api, target, report }: Run): Promise<void> {
  if (target === undefined) return;
  for (const { id } of await targetsOf(api)) {
    if (!id.startsWith(PREFIX) || id === target) continue;
    try {
      if (!report.isDryRun) await api.call("DELETE", `/api/v1/targets/${id}`);
      report.add({ outcome: "removed", what: WHAT, why: "its address is no longer used" });
    } catch (error) {
      if (!(error instanceof ParseableError) || error.answered !== 409) throw error;
      report.add({ outcome: "left alone", what: WHAT, why: "an alert still has its old address" });
    }
  }
}
