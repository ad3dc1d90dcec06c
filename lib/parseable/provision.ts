/** Puts dashboards, alerts, retention and a user for Fluent Bit into Parseable. */

import type { ProvisionConfig } from "../config/provision_config.ts";
import type { ParseableApi } from "./api.ts";
import type { Wanted } from "./body.ts";
import { ParseableError } from "./parseable_error.ts";
import { reconcile } from "./reconcile.ts";
import type { Outcome, Report } from "./report.ts";
import { ensureRetention } from "./retention.ts";
import { Shelf } from "./shelf.ts";
import { ALERTS, DASHBOARDS } from "./shelf_kind.ts";
import { ensureShipper } from "./shipper.ts";
import { ensureStream, type StreamState } from "./stream.ts";
import { ensureTarget, removeOldTargets, targetId } from "./target.ts";

/** What is to be in Parseable. */
export interface Content {
  /** The dashboards. */
  readonly dashboards: readonly Wanted[];
  /** The alerts. */
  readonly alerts: readonly Wanted[];
}

/** What {@linkcode provision} needs. */
export interface ProvisionOptions {
  /** The settings. */
  readonly config: ProvisionConfig;
  /** What is to be there. */
  readonly content: Content;
  /** Whether to replace what somebody changed. */
  readonly isForced: boolean;
  /** The name of the user for Fluent Bit; undefined when none is wanted. */
  readonly shipper: string | undefined;
  /** Takes what became of each thing. */
  readonly report: Report;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Does one part after the other; a part that Parseable refuses does not stop the others. */
class Provisioning {
  readonly #api: ParseableApi;
  readonly #options: ProvisionOptions;

  constructor(api: ParseableApi, options: ProvisionOptions) {
    this.#api = api;
    this.#options = options;
  }

  async run(): Promise<string | undefined> {
    await this.#api.version();
    const state = await this.#stream();
    if (state === undefined) return undefined;
    await this.#retention(state);
    const target = await this.#target();
    await this.#shelves(target);
    if (target !== undefined) await this.#oldTargets(target);
    return await this.#shipper();
  }

  /** Tells of a refusal in the place of the outcome; without an answer nothing can go on. */
  async #part<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ParseableError) || error.answered === undefined) throw error;
      this.#tell({ word: "failed", what, why: error.reason });
      return undefined;
    }
  }

  #tell(outcome: Outcome): void {
    this.#options.report.add(outcome);
  }

  async #stream(): Promise<StreamState | undefined> {
    const { config, report, nowMs } = this.#options;
    const { stream } = config.parseable;
    return await this.#part(`stream "${stream}"`, async () => {
      const options = { stream, isDryRun: report.isDryRun, nowMs };
      const { outcome, state } = await ensureStream(this.#api, options);
      this.#tell(outcome);
      return outcome.word === "failed" ? undefined : state;
    });
  }

  async #retention(state: StreamState): Promise<void> {
    const { config: { parseable: { stream }, retention }, isForced, report, nowMs } = this.#options;
    const { isDryRun } = report;
    await this.#part("retention", async () => {
      const options = { stream, state, retention, isForced, isDryRun, nowMs };
      this.#tell(await ensureRetention(this.#api, options));
    });
  }

  /** The id of the target; undefined when there is none. */
  async #target(): Promise<string | undefined> {
    const { config: { webhook }, report } = this.#options;
    if (webhook === undefined) return undefined;
    return await this.#part("target", async () => {
      this.#tell(await ensureTarget(this.#api, webhook, report));
      return targetId(webhook);
    });
  }

  async #shelves(target: string | undefined): Promise<void> {
    const { config, content, isForced, report } = this.#options;
    const common = { stream: config.parseable.stream, isForced, report };
    await this.#part(
      "dashboards",
      () =>
        reconcile(new Shelf(this.#api, DASHBOARDS), content.dashboards, {
          ...common,
          target: undefined,
        }),
    );
    await this.#part(
      "alerts",
      () => reconcile(new Shelf(this.#api, ALERTS), content.alerts, { ...common, target }),
    );
  }

  async #oldTargets(target: string): Promise<void> {
    await this.#part("targets", async () => {
      const outcomes = await removeOldTargets(this.#api, target, this.#options.report);
      for (const outcome of outcomes) this.#tell(outcome);
    });
  }

  async #shipper(): Promise<string | undefined> {
    const { config, shipper: name, report } = this.#options;
    if (name === undefined) return undefined;
    const { stream } = config.parseable;
    return await this.#part(`user "${name}"`, async () => {
      const made = await ensureShipper(this.#api, { name, stream, isDryRun: report.isDryRun });
      this.#tell(made.outcome);
      return made.password;
    });
  }
}

/**
 * Brings Parseable to what it should hold. It can be run again at any time, also after a run that
 * died half-way and beside another copy of itself.
 *
 * @param api The client.
 * @param options What to bring there.
 * @returns The password of the user for Fluent Bit, when it was made in this run.
 * @throws {ParseableError} When there is no Parseable, or it does not know the credentials.
 */
export async function provision(
  api: ParseableApi,
  options: ProvisionOptions,
): Promise<string | undefined> {
  return await new Provisioning(api, options).run();
}
