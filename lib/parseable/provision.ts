/** Provisions Parseable in steps: stream, retention, target, dashboards, alerts, user for Fluent Bit. */

import type { Secret } from "../config/secret.ts";
import { type ParseableApi, ParseableError } from "./api.ts";
import { ALERTS, DASHBOARDS, Reconciliation } from "./collection.ts";
import { fingerprint, listOf, objectOf, textOf, ulidOf } from "./json.ts";
import type { Run } from "./run.ts";
import { createStream, setRetention } from "./stream.ts";

/** The first ten digits of our ids, where others have a time: no clock will ever reach it. */
const PREFIX = "7VMETR1CS0";
/** The target: where Parseable sends alerts. */
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
async function createTarget(run: Run): Promise<void> {
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
async function removeOldTargets({ api, target, report }: Run): Promise<void> {
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

/**
 * Creates the user and its role. Parseable generates the password and returns it this once; so a
 * user that exists is left alone.
 */
async function createShipper(run: Run): Promise<void> {
  const { api, shipper: name, stream, report } = run;
  if (name === undefined) return;
  const what = `user "${name}"`;
  const users = listOf(await api.call("GET", "/api/v1/user"));
  if (users.some((user) => textOf(objectOf(user).id) === name)) {
    const why = "it is there, and its password cannot be shown again. " +
      "Delete it in Parseable for a new one, or name another";
    return report.add({ outcome: "left alone", what, why });
  }
  const role = objectOf(await api.call("GET", "/api/v1/roles"))[name];
  // `ingestor` is the one privilege of Parseable 2.9.5 that cannot read.
  const privileges = [{ privilege: "ingestor", resource: { stream } }];
  if (role !== undefined && fingerprint(role, 64) !== fingerprint(privileges, 64)) {
    const why = `a role "${name}" with other rights is there. Name another user`;
    return report.add({ outcome: "failed", what, why });
  }
  if (!report.isDryRun) {
    await api.call("PUT", `/api/v1/role/${name}`, { body: privileges });
    const path = `/api/v1/user/${name}`;
    const password = await api.call("POST", path, { body: [name] });
    if (typeof password !== "string") {
      const reason = "its response has no password";
      throw new ParseableError("PARSEABLE_REFUSED", { label: path, reason });
    }
    run.password = password;
  }
  report.add({ outcome: "made", what });
}

/** The credentials of the user as an env file for Fluent Bit. */
export function shipperEnv(name: string, password: string): string {
  return `P_USERNAME=${name}\nP_PASSWORD=${password}\n`;
}

/** The steps in order, with the name under which a refusal is reported. */
const STEPS: readonly (readonly [name: (run: Run) => string, step: (run: Run) => Promise<void>])[] =
  [
    [({ stream }) => `stream "${stream}"`, createStream],
    [() => "retention", setRetention],
    [() => "target", createTarget],
    [() => "dashboards", (run) => new Reconciliation(DASHBOARDS, run).run(run.content.dashboards)],
    [() => "alerts", (run) => new Reconciliation(ALERTS, run).run(run.content.alerts)],
    [() => "targets", removeOldTargets],
    [({ shipper }) => `user "${shipper}"`, createShipper],
  ];

/**
 * Provisions Parseable. It can run again at any time, also after a run that died half-way and
 * beside a concurrent one. A step that Parseable refuses does not stop the others, except for the
 * stream.
 *
 * @returns The password of the user for Fluent Bit, when this run created it.
 * @throws {ParseableError} When there is no Parseable, or it does not accept the credentials.
 */
export async function provision(
  api: ParseableApi,
  options: Omit<Run, "api" | "stream" | "state" | "target" | "password">,
): Promise<string | undefined> {
  await api.version();
  const run: Run = { ...options, api, stream: options.config.parseable.stream };
  for (const [name, step] of STEPS) {
    try {
      await step(run);
    } catch (error) {
      // Without a response nothing else can work.
      if (!(error instanceof ParseableError) || error.answered === undefined) throw error;
      run.report.add({ outcome: "failed", what: name(run), why: error.reason });
    }
    if (run.state === undefined) break;
  }
  return run.password;
}
