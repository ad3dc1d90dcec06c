/**
 * The dashboards, or the alerts, of a Parseable: reconciled with what they should be. What is missing
 * is created, what we created is updated, and what somebody else created or changed is left alone.
 *
 * A tag says what is ours, because it is the one field of ours that Parseable 2.9.5 stores, lists and
 * updates: fields that it does not know keep their first value when an alert is updated.
 */

import { type ParseableApi, ParseableError } from "./api.ts";
import { fingerprint, type JsonObject, listOf, objectOf, textOf, textsOf } from "./json.ts";
import type { Outcome, Run, Wanted } from "./run.ts";

/** What the tag says. */
export type OwnershipTag = {
  readonly stream: string;
  /** Which one it is: a hash of the title with which it was created. */
  readonly key: string;
  /** Hashes of its content and of its targets as written. */
  readonly content: string;
  readonly targets: string;
};

const TAG = /^vllm-metrics:([\w-]+):([0-9a-f]{8})-([0-9a-f]{12})-([0-9a-f]{8})$/;
/** The key of a dashboard or alert; a later change of its title in Parseable does not change it. */
function keyOf(title: string): string {
  return fingerprint(title, 8);
}

/** The hash of target ids in a tag. */
function targetsHash(targets: readonly string[]): string {
  return fingerprint(targets, 8);
}

/** Writes a tag, such as `vllm-metrics:vLLMmetrics:0a1b2c3d-0a1b2c3d4e5f-0a1b2c3d`. */
export function writeTag({ stream, key, content, targets }: OwnershipTag): string {
  return `vllm-metrics:${stream}:${key}-${content}-${targets}`;
}

/** Finds our tag; undefined when somebody else created the dashboard or alert. */
export function readTag(tags: readonly string[]): OwnershipTag | undefined {
  for (const tag of tags) {
    const [, stream, key, content, targets] = TAG.exec(tag) ?? [];
    if (
      stream !== undefined && key !== undefined && content !== undefined && targets !== undefined
    ) return { stream, key, content, targets };
  }
  return undefined;
}

/** The tags that are not ours. */
export function otherTags(tags: readonly string[]): readonly string[] {
  return tags.filter((tag) => !TAG.test(tag));
}

/** What differs between dashboards and alerts. */
export type CollectionKind = {
  readonly noun: "dashboard" | "alert";
  readonly path: string;
  readonly idField: string;
  /** The fields that count as content: Parseable returns them as they were written. */
  readonly fields: readonly string[];
};

/** Dashboards. */
export const DASHBOARDS: CollectionKind = {
  noun: "dashboard",
  path: "/api/v1/dashboards",
  idField: "dashboardId",
  fields: ["title", "dashboardType", "sections", "variables", "tiles"],
};

/** Alerts. An update ignores fields that Parseable does not know, such as the runbook. */
export const ALERTS: CollectionKind = {
  noun: "alert",
  path: "/api/v1/alerts",
  idField: "id",
  fields: [
    "severity",
    "title",
    "alertType",
    "query",
    "thresholdConfig",
    "evalConfig",
    "notificationConfig",
  ],
};

/** The largest page of alerts that Parseable returns; dashboards come all at once. */
const PAGE = 1_000;

/** An entry of the list. */
export type Listed = {
  /** Its id, a ULID: the smaller of two is the older one. */
  readonly id: string;
  readonly title: string;
  /** Undefined when it is not ours. */
  readonly tag: OwnershipTag | undefined;
};

/** Lists all dashboards, or all alerts, the oldest first. */
export async function listAll(
  api: ParseableApi,
  { path, noun, idField }: CollectionKind,
): Promise<readonly Listed[]> {
  const entries: unknown[] = [];
  for (let offset = 0;; offset += PAGE) {
    const query = noun === "alert" ? `?limit=${PAGE}&offset=${offset}` : "";
    const page = listOf(await api.call("GET", `${path}${query}`));
    entries.push(...page);
    if (noun === "dashboard" || page.length < PAGE) break;
  }
  return entries.map((entry) => {
    const fields = objectOf(entry);
    const tag = readTag(textsOf(fields.tags));
    return { id: textOf(fields[idField]), title: textOf(fields.title), tag };
  }).sort((one, other) => one.id < other.id ? -1 : 1);
}

/** The hash of what counts as content, as it is in the tag. */
function contentHash({ fields }: CollectionKind, body: JsonObject): string {
  const content = fields.filter((name) => body[name] !== undefined)
    .map((name) => [name, body[name]]);
  return fingerprint(Object.fromEntries(content), 12);
}

/**
 * The body of a POST or PUT. Tags that somebody added stay, and so does the star of a dashboard.
 * `taggedTargets` is the hash for the tag, unless it is that of the targets.
 */
function bodyOf(
  kind: CollectionKind,
  wanted: Wanted,
  options: {
    stream: string;
    targets: readonly string[];
    taggedTargets?: string;
    current?: JsonObject;
  },
): JsonObject {
  const { stream, targets, taggedTargets = targetsHash(targets), current = {} } = options;
  const tag = writeTag({
    stream,
    key: keyOf(wanted.title),
    content: contentHash(kind, { ...wanted }),
    targets: taggedTargets,
  });
  const tags = [...new Set([...otherTags(textsOf(current.tags)), ...wanted.tags, tag])];
  if (kind.noun === "alert") return { ...wanted, tags, targets };
  return { ...wanted, tags, isFavorite: current.isFavorite === true };
}

/** Reconciles the dashboards or the alerts. */
export class Reconciliation {
  readonly #kind: CollectionKind;
  readonly #run: Run;
  #hasCreated = false;

  /** Nothing is sent yet. */
  constructor(kind: CollectionKind, run: Run) {
    this.#kind = kind;
    this.#run = run;
  }

  /**
   * Reconciles each; one that Parseable refuses is reported as failed.
   *
   * @throws {ParseableError} When Parseable does not list them, or does not answer any more.
   */
  async run(wanted: readonly Wanted[]): Promise<void> {
    const before = await this.#list();
    for (const one of wanted) await this.#guarded(one.title, () => this.#reconcile(one, before));
    const listed = this.#hasCreated ? await this.#list() : before;
    const keys = wanted.map(({ title }) => keyOf(title));
    const duplicates = keys.flatMap((key) => this.#ours(listed, key).slice(1));
    const obsolete = listed.filter(({ tag }) =>
      tag?.stream === this.#run.stream && !keys.includes(tag.key)
    );
    for (const one of duplicates) await this.#discard(one, "it was there twice");
    for (const one of obsolete) await this.#discard(one, "it is no longer part of this version");
  }

  #list(): Promise<readonly Listed[]> {
    return listAll(this.#run.api, this.#kind);
  }

  /** Gets or deletes one; undefined when somebody deleted it meanwhile: Parseable answers 400. */
  async #ask(method: "GET" | "DELETE", id: string): Promise<JsonObject | undefined> {
    try {
      return objectOf(await this.#run.api.call(method, `${this.#kind.path}/${id}`));
    } catch (error) {
      if (error instanceof ParseableError && error.answered === 400) return undefined;
      throw error;
    }
  }

  /** Where new alerts are sent; a dashboard is sent nowhere. */
  get #target(): string | undefined {
    return this.#kind.noun === "alert" ? this.#run.target : undefined;
  }

  #ours(listed: readonly Listed[], key: string): readonly Listed[] {
    const { stream } = this.#run;
    return listed.filter(({ tag }) => tag?.stream === stream && tag.key === key);
  }

  #report(outcome: Outcome, title: string, why = ""): void {
    this.#run.report.add({ outcome, what: `${this.#kind.noun} "${title}"`, why });
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
    if (this.#run.isForced) return await this.#update(wanted, namesake.id, namesake.tag);
    this.#report("left alone", title, `it is for the stream "${namesake.tag.stream}"`);
  }

  /** Creates one, unless a concurrent `provision` did so meanwhile, and Parseable refuses the title. */
  async #create(wanted: Wanted): Promise<void> {
    const { api, stream, report } = this.#run;
    const targets = this.#target === undefined ? [] : [this.#target];
    try {
      const body = bodyOf(this.#kind, wanted, { stream, targets });
      if (!report.isDryRun) await api.call("POST", this.#kind.path, { body });
    } catch (error) {
      if (!(error instanceof ParseableError) || error.answered !== 400) throw error;
      const listed = await this.#list();
      if (!listed.some(({ title }) => title === wanted.title)) throw error;
      return await this.#reconcile(wanted, listed);
    }
    this.#hasCreated ||= !report.isDryRun;
    this.#report("made", wanted.title);
  }

  /** Updates one of ours, unless somebody changed it or nothing differs. */
  async #update(wanted: Wanted, id: string, tag: OwnershipTag): Promise<void> {
    const kind = this.#kind;
    const { api, stream, isForced, report } = this.#run;
    const current = await this.#ask("GET", id);
    if (current === undefined) return await this.#create(wanted);
    const hash = contentHash(kind, current);
    const isAsWanted = hash === contentHash(kind, { ...wanted });
    if (hash !== tag.content && !isAsWanted && !isForced) {
      return this.#report("left alone", wanted.title, "edited by hand");
    }

    // Targets that somebody chose stay, and do not count as an edit of the alert.
    const before = textsOf(current.targets);
    const areOurs = isForced || targetsHash(before) === tag.targets;
    const targets = areOurs && this.#target !== undefined ? [this.#target] : before;
    const isSame = isAsWanted && targetsHash(targets) === targetsHash(before);
    if (isSame && tag.stream === stream) return this.#report("unchanged", wanted.title);
    const tagged = areOurs ? {} : { taggedTargets: tag.targets };
    const body = bodyOf(kind, wanted, { stream, targets, current, ...tagged });
    // Parseable keeps the id, and whether an alert is disabled or muted.
    if (!report.isDryRun) await api.call("PUT", `${kind.path}/${id}`, { body });
    this.#report("updated", wanted.title);
  }

  /** Deletes one that should not be there, unless somebody changed it. */
  async #discard({ id, title, tag }: Listed, why: string): Promise<void> {
    await this.#guarded(title, async () => {
      const current = await this.#ask("GET", id);
      if (current === undefined) return;
      if (contentHash(this.#kind, current) !== tag?.content) {
        return this.#report("left alone", title, `edited by hand; ${why}`);
      }
      if (!this.#run.report.isDryRun) await this.#ask("DELETE", id);
      this.#report("removed", title, why);
    });
  }
}

/** A title as a file name. */
function slugOf(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/**
 * Dashboards and alerts as files for an import by hand: the body of a POST each. They carry our tag,
 * so that a later `provision` recognizes them.
 */
export function exportFiles(
  stream: string,
  content: { readonly dashboards: readonly Wanted[]; readonly alerts: readonly Wanted[] },
): readonly { readonly path: string; readonly text: string }[] {
  const fileOf = (kind: CollectionKind, wanted: Wanted) => ({
    path: `${kind.noun}s/${slugOf(wanted.title)}.json`,
    text: `${JSON.stringify(bodyOf(kind, wanted, { stream, targets: [] }), null, 2)}\n`,
  });
  return [
    ...content.dashboards.map((wanted) => fileOf(DASHBOARDS, wanted)),
    ...content.alerts.map((wanted) => fileOf(ALERTS, wanted)),
  ];
}
