/**
 * Brings the dashboards, or the alerts, of a Parseable to what they should be: makes what is
 * missing, updates what we made, and leaves alone what somebody else made or changed.
 */

import { type Additions, bodyOf, contentHash, type Wanted } from "./body.ts";
import { type JsonObject, textsOf } from "./json.ts";
import { fingerprint, keyOf, type Mark } from "./mark.ts";
import { ParseableError } from "./parseable_error.ts";
import type { Report, Word } from "./report.ts";
import type { Listed, Shelf } from "./shelf.ts";

/** How to bring them there. */
export interface ReconcileOptions {
  /** The stream that they read. */
  readonly stream: string;
  /** The target of alerts; undefined when they are not sent, and for dashboards. */
  readonly target: string | undefined;
  /** Whether to replace what somebody changed. */
  readonly isForced: boolean;
  /** Takes what became of each. */
  readonly report: Report;
}

/** Brings a shelf to what it should hold. */
class Reconciliation {
  readonly #shelf: Shelf;
  readonly #options: ReconcileOptions;
  #hasMade = false;

  constructor(shelf: Shelf, options: ReconcileOptions) {
    this.#shelf = shelf;
    this.#options = options;
  }

  async run(wanted: readonly Wanted[]): Promise<void> {
    const listed = await this.#shelf.list();
    for (const one of wanted) await this.#guarded(one.title, () => this.#bring(one, listed));
    const now = this.#hasMade ? await this.#shelf.list() : listed;
    const keys = wanted.map(({ title }) => keyOf(title));
    for (const key of keys) {
      for (const extra of this.#ours(now, key).slice(1)) {
        await this.#guarded(extra.title, () => this.#discard(extra, "it was there twice"));
      }
    }
    for (const old of now) {
      if (old.mark?.stream !== this.#options.stream || keys.includes(old.mark.key)) continue;
      await this.#guarded(
        old.title,
        () => this.#discard(old, "it is no longer part of this version"),
      );
    }
  }

  #ours(listed: readonly Listed[], key: string): readonly Listed[] {
    const { stream } = this.#options;
    return listed.filter(({ mark }) => mark?.stream === stream && mark.key === key);
  }

  #tell(word: Word, title: string, why = ""): void {
    this.#options.report.add({ word, what: `${this.#shelf.kind.noun} "${title}"`, why });
  }

  /** Goes on with the others when Parseable refuses one; not when there is no Parseable any more. */
  async #guarded(title: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ParseableError) || error.answered === undefined) throw error;
      this.#tell("failed", title, error.reason);
    }
  }

  async #bring(wanted: Wanted, listed: readonly Listed[]): Promise<void> {
    const { title } = wanted;
    const [ours] = this.#ours(listed, keyOf(title));
    if (ours?.mark !== undefined) return await this.#refresh(wanted, ours.id, ours.mark);
    const namesake = listed.find((other) => other.title === title);
    if (namesake === undefined) return await this.#make(wanted);
    if (namesake.mark === undefined) {
      return this.#tell("left alone", title, "somebody else's has this title");
    }
    if (this.#options.isForced) return await this.#refresh(wanted, namesake.id, namesake.mark);
    this.#tell("left alone", title, `it is for the stream "${namesake.mark.stream}"`);
  }

  /** Makes one, unless another copy of us did so in between, and Parseable refuses the title. */
  async #make(wanted: Wanted): Promise<void> {
    const { target, report } = this.#options;
    const targets = target === undefined ? [] : [target];
    try {
      if (!report.isDryRun) await this.#shelf.create(this.#bodyOf(wanted, { targets }));
    } catch (error) {
      if (!(error instanceof ParseableError) || error.answered !== 400) throw error;
      const listed = await this.#shelf.list();
      if (!listed.some(({ title }) => title === wanted.title)) throw error;
      return await this.#bring(wanted, listed);
    }
    this.#hasMade ||= !report.isDryRun;
    this.#tell("made", wanted.title);
  }

  /** Updates one of ours, unless somebody changed it or nothing is new. */
  async #refresh(wanted: Wanted, id: string, mark: Mark): Promise<void> {
    const { stream, target, isForced, report } = this.#options;
    const current = await this.#shelf.get(id);
    if (current === undefined) return await this.#make(wanted);
    const hash = this.#hashOf(current);
    const isAsWanted = hash === this.#hashOf({ ...wanted });
    if (hash !== mark.content && !isAsWanted && !isForced) {
      return this.#tell("left alone", wanted.title, "edited by hand");
    }

    // Targets that somebody chose stay, and do not make the alert theirs.
    const before = textsOf(current.targets);
    const areOurs = isForced || fingerprint(before, 8) === mark.targets;
    const targets = areOurs && target !== undefined ? [target] : before;
    const isSame = isAsWanted && fingerprint(targets, 8) === fingerprint(before, 8);
    if (isSame && mark.stream === stream) return this.#tell("unchanged", wanted.title);
    const additions = areOurs ? {} : { targetsMark: mark.targets };
    const body = this.#bodyOf(wanted, { targets, current, ...additions });
    if (!report.isDryRun) await this.#shelf.update(id, body);
    this.#tell("updated", wanted.title);
  }

  /** Removes one that is too much, unless somebody changed it. */
  async #discard({ id, title, mark }: Listed, why: string): Promise<void> {
    const current = await this.#shelf.get(id);
    if (current === undefined) return;
    if (this.#hashOf(current) !== mark?.content) {
      return this.#tell("left alone", title, `edited by hand; ${why}`);
    }
    if (!this.#options.report.isDryRun) await this.#shelf.remove(id);
    this.#tell("removed", title, why);
  }

  #hashOf(body: JsonObject): string {
    return contentHash(this.#shelf.kind, body);
  }

  #bodyOf(wanted: Wanted, additions: Omit<Additions, "stream">): JsonObject {
    return bodyOf(this.#shelf.kind, wanted, { ...additions, stream: this.#options.stream });
  }
}

/**
 * Brings the dashboards, or the alerts, to what they should be. What Parseable refuses is told as
 * failed, and the others go on.
 *
 * @param shelf Where they are.
 * @param wanted What they should be.
 * @param options The stream, the target, and where to tell of it.
 * @throws {ParseableError} When Parseable does not list them, or is gone.
 */
export async function reconcile(
  shelf: Shelf,
  wanted: readonly Wanted[],
  options: ReconcileOptions,
): Promise<void> {
  await new Reconciliation(shelf, options).run(wanted);
}
