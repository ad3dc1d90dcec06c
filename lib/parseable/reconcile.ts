/**
 * Reconciles the dashboards, or the alerts, with what they should be: creates what is missing,
 * updates what we created, and leaves alone what somebody else created or changed.
 */

import { ParseableError } from "./api.ts";
import { bodyOf, type Collection, contentHash, type Listed, type Wanted } from "./collection.ts";
import { textsOf } from "./json.ts";
import { keyOf, type OwnershipTag, targetsHash } from "./ownership_tag.ts";
import type { Outcome, Run } from "./run.ts";

/** What a reconciliation needs of a run; the target is undefined for dashboards. */
export type ReconcileOptions = Pick<Run, "stream" | "isForced" | "report"> & {
  readonly target: string | undefined;
};

/** Reconciles one collection. */
export class Reconciliation {
  readonly #collection: Collection;
  readonly #options: ReconcileOptions;
  #hasCreated = false;

  /** Nothing is sent yet. */
  constructor(collection: Collection, options: ReconcileOptions) {
    this.#collection = collection;
    this.#options = options;
  }

  /**
   * Reconciles each; one that Parseable refuses is reported as failed.
   *
   * @throws {ParseableError} When Parseable does not list them, or does not answer any more.
   */
  async run(wanted: readonly Wanted[]): Promise<void> {
    const before = await this.#collection.list();
    for (const one of wanted) await this.#guarded(one.title, () => this.#reconcile(one, before));
    const listed = this.#hasCreated ? await this.#collection.list() : before;
    const keys = wanted.map(({ title }) => keyOf(title));
    const duplicates = keys.flatMap((key) => this.#ours(listed, key).slice(1));
    const obsolete = listed.filter(({ tag }) =>
      tag?.stream === this.#options.stream && !keys.includes(tag.key)
    );
    for (const one of duplicates) await this.#discard(one, "it was there twice");
    for (const one of obsolete) await this.#discard(one, "it is no longer part of this version");
  }

  #ours(listed: readonly Listed[], key: string): readonly Listed[] {
    const { stream } = this.#options;
    return listed.filter(({ tag }) => tag?.stream === stream && tag.key === key);
  }

  #report(outcome: Outcome, title: string, why = ""): void {
    this.#options.report.add({ outcome, what: `${this.#collection.kind.noun} "${title}"`, why });
  }

  /** Continues with the others when Parseable refuses one, but not when it does not answer. */
  async #guarded(title: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ParseableError) || error.answered === undefined) throw error;
      this.#report("failed", title, error.reason);
    }
  }

  async #reconcile(wanted: Wanted, listed: readonly Listed[]): Promise<void> {
    const { title } = wanted;
    const [ours] = this.#ours(listed, keyOf(title));
    if (ours?.tag !== undefined) return await this.#update(wanted, ours.id, ours.tag);
    const namesake = listed.find((other) => other.title === title);
    if (namesake === undefined) return await this.#create(wanted);
    if (namesake.tag === undefined) {
      return this.#report("left alone", title, "somebody else's has this title");
    }
    if (this.#options.isForced) return await this.#update(wanted, namesake.id, namesake.tag);
    this.#report("left alone", title, `it is for the stream "${namesake.tag.stream}"`);
  }

  /** Creates one, unless a concurrent `provision` did so meanwhile, and Parseable refuses the title. */
  async #create(wanted: Wanted): Promise<void> {
    const { stream, target, report } = this.#options;
    const targets = target === undefined ? [] : [target];
    try {
      const body = bodyOf(this.#collection.kind, wanted, { stream, targets });
      if (!report.isDryRun) await this.#collection.create(body);
    } catch (error) {
      if (!(error instanceof ParseableError) || error.answered !== 400) throw error;
      const listed = await this.#collection.list();
      if (!listed.some(({ title }) => title === wanted.title)) throw error;
      return await this.#reconcile(wanted, listed);
    }
    this.#hasCreated ||= !report.isDryRun;
    this.#report("made", wanted.title);
  }

  /** Updates one of ours, unless somebody changed it or nothing differs. */
  async #update(wanted: Wanted, id: string, tag: OwnershipTag): Promise<void> {
    const { kind } = this.#collection;
    const { stream, target, isForced, report } = this.#options;
    const current = await this.#collection.get(id);
    if (current === undefined) return await this.#create(wanted);
    const hash = contentHash(kind, current);
    const isAsWanted = hash === contentHash(kind, { ...wanted });
    if (hash !== tag.content && !isAsWanted && !isForced) {
      return this.#report("left alone", wanted.title, "edited by hand");
    }

    // Targets that somebody chose stay, and do not count as an edit of the alert.
    const before = textsOf(current.targets);
    const areOurs = isForced || targetsHash(before) === tag.targets;
    const targets = areOurs && target !== undefined ? [target] : before;
    const isSame = isAsWanted && targetsHash(targets) === targetsHash(before);
    if (isSame && tag.stream === stream) return this.#report("unchanged", wanted.title);
    const tagged = areOurs ? {} : { taggedTargets: tag.targets };
    const body = bodyOf(kind, wanted, { stream, targets, current, ...tagged });
    if (!report.isDryRun) await this.#collection.update(id, body);
    this.#report("updated", wanted.title);
  }

  /** Deletes one that should not be there, unless somebody changed it. */
  async #discard({ id, title, tag }: Listed, why: string): Promise<void> {
    await this.#guarded(title, async () => {
      const current = await this.#collection.get(id);
      if (current === undefined) return;
      if (contentHash(this.#collection.kind, current) !== tag?.content) {
        return this.#report("left alone", title, `edited by hand; ${why}`);
      }
      if (!this.#options.report.isDryRun) await this.#collection.remove(id);
      this.#report("removed", title, why);
    });
  }
}
