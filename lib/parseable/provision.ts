/** Provisions Parseable in steps: stream, retention, target, dashboards, alerts, user for Fluent Bit. */

import { type ParseableApi, ParseableError } from "./api.ts";
import { ALERTS, Collection, DASHBOARDS } from "./collection.ts";
import { Reconciliation } from "./reconcile.ts";
import type { Run } from "./run.ts";
import { createShipper } from "./shipper.ts";
import { createStream, setRetention } from "./stream.ts";
import { createTarget, removeOldTargets } from "./target.ts";

/** The steps in order, with the name under which a refusal is reported. */
const STEPS: readonly (readonly [name: (run: Run) => string, step: (run: Run) => Promise<void>])[] =
  [
    [({ stream }) => `stream "${stream}"`, createStream],
    [() => "retention", setRetention],
    [() => "target", createTarget],
    [() => "dashboards", reconcileDashboards],
    [() => "alerts", reconcileAlerts],
    [() => "targets", removeOldTargets],
    [({ shipper }) => `user "${shipper}"`, createShipper],
  ];

async function reconcileDashboards(run: Run): Promise<void> {
  const collection = new Collection(run.api, DASHBOARDS);
  await new Reconciliation(collection, { ...run, target: undefined }).run(run.content.dashboards);
}

async function reconcileAlerts(run: Run): Promise<void> {
  const collection = new Collection(run.api, ALERTS);
  await new Reconciliation(collection, { target: undefined, ...run }).run(run.content.alerts);
}

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
