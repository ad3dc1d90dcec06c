/** Provisions Parseable in steps: stream, retention, target, dashboards, alerts, user for Fluent Bit. */

import type { ProvisionConfig } from "../config/provision_config.ts";
import { type ParseableApi, ParseableError } from "./api.ts";
import { ALERTS, Collection, DASHBOARDS, type Wanted } from "./collection.ts";
import { Reconciliation } from "./reconcile.ts";
import type { Report } from "./report.ts";
import { ensureShipper } from "./shipper.ts";
import { ensureRetention, ensureStream, type StreamState } from "./stream.ts";
import { ensureTarget, removeOldTargets, targetId } from "./target.ts";

/** The dashboards and alerts that Parseable should have. */
export type Content = {
  readonly dashboards: readonly Wanted[];
  readonly alerts: readonly Wanted[];
};

/** What {@linkcode provision} needs. */
export type ProvisionOptions = {
  readonly config: ProvisionConfig;
  readonly content: Content;
  /** Whether to replace what somebody changed. */
  readonly isForced: boolean;
  /** The name of the user for Fluent Bit; undefined when none is wanted. */
  readonly shipper: string | undefined;
  readonly report: Report;
  readonly nowMs: number;
};

/** A run: what the steps need, and what earlier steps leave to later ones. */
interface Run extends ProvisionOptions {
  readonly api: ParseableApi;
  readonly stream: string;
  readonly isDryRun: boolean;
  /** How the stream was found; undefined when it is not there, and no other step can run. */
  state?: StreamState;
  /** The id of the target of alerts. */
  target?: string;
  /** The password of a new user. */
  password?: string;
}

/** The steps in order, with the name under which a refusal is reported. */
const STEPS: readonly (readonly [name: (run: Run) => string, step: (run: Run) => Promise<void>])[] =
  [
    [({ stream }) => `stream "${stream}"`, createStream],
    [() => "retention", setRetention],
    [() => "target", createTarget],
    [() => "dashboards", reconcileDashboards],
    [() => "alerts", reconcileAlerts],
    [() => "targets", removeTargets],
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
  options: ProvisionOptions,
): Promise<string | undefined> {
  await api.version();
  const { config: { parseable: { stream } }, report } = options;
  const run: Run = { ...options, api, stream, isDryRun: report.isDryRun };
  for (const [name, step] of STEPS) {
    try {
      await step(run);
    } catch (error) {
      // Without a response nothing else can work.
      if (!(error instanceof ParseableError) || error.answered === undefined) throw error;
      report.add({ outcome: "failed", what: name(run), why: error.reason });
    }
    if (run.state === undefined) break;
  }
  return run.password;
}

async function createStream(run: Run): Promise<void> {
  const { line, state } = await ensureStream(run);
  run.report.add(line);
  if (line.outcome !== "failed") run.state = state;
}

async function setRetention({ state, config: { retention }, ...run }: Run): Promise<void> {
  if (state !== undefined) run.report.add(await ensureRetention({ ...run, state, retention }));
}

async function createTarget(run: Run): Promise<void> {
  const { api, config: { webhook }, isDryRun, report } = run;
  if (webhook === undefined) return;
  report.add(await ensureTarget(api, webhook, isDryRun));
  run.target = targetId(webhook);
}

async function reconcileDashboards(run: Run): Promise<void> {
  const collection = new Collection(run.api, DASHBOARDS);
  await new Reconciliation(collection, { ...run, target: undefined }).run(run.content.dashboards);
}

async function reconcileAlerts({ target, ...run }: Run): Promise<void> {
  const collection = new Collection(run.api, ALERTS);
  await new Reconciliation(collection, { ...run, target }).run(run.content.alerts);
}

async function removeTargets({ api, target, isDryRun, report }: Run): Promise<void> {
  if (target === undefined) return;
  for (const line of await removeOldTargets(api, target, isDryRun)) report.add(line);
}

async function createShipper(run: Run): Promise<void> {
  const { shipper: name, report } = run;
  if (name === undefined) return;
  const { line, password } = await ensureShipper({ ...run, name });
  report.add(line);
  if (password !== undefined) run.password = password;
}
