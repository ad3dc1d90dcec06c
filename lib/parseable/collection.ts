/** The dashboards, or the alerts, of a Parseable, and the JSON of one of them. */

import { type ParseableApi, ParseableError } from "./api.ts";
import { type JsonObject, listOf, objectOf, textOf, textsOf } from "./json.ts";
import {
  fingerprint,
  keyOf,
  otherTags,
  type OwnershipTag,
  readTag,
  targetsHash,
  writeTag,
} from "./ownership_tag.ts";

/** What differs between dashboards and alerts. */
export type CollectionKind = {
  /** One of them, for people. */
  readonly noun: "dashboard" | "alert";
  /** Their route. */
  readonly path: string;
  /** The field with the id. */
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

/** A dashboard or an alert as it should be: its JSON without ids and targets. */
export type Wanted = {
  /** Its title, unique among ours. */
  readonly title: string;
  /** Its own tags. */
  readonly tags: readonly string[];
};

/** An entry of the list. */
export type Listed = {
  /** Its id, a ULID: the smaller of two is the older one. */
  readonly id: string;
  /** Its title. */
  readonly title: string;
  /** Our tag; undefined when it is not ours. */
  readonly tag: OwnershipTag | undefined;
};

/** Whether Parseable does not know an id: it answers 400. */
function isUnknown(error: unknown): boolean {
  return error instanceof ParseableError && error.answered === 400;
}

/** The dashboards or the alerts of a Parseable. */
export class Collection {
  /** Which of them. */
  readonly kind: CollectionKind;
  readonly #api: ParseableApi;

  /** Nothing is read yet. */
  constructor(api: ParseableApi, kind: CollectionKind) {
    this.#api = api;
    this.kind = kind;
  }

  /** Lists all of them, the oldest first. */
  async list(): Promise<readonly Listed[]> {
    const { path, noun, idField } = this.kind;
    const entries: unknown[] = [];
    for (let offset = 0;; offset += PAGE) {
      const query = noun === "alert" ? `?limit=${PAGE}&offset=${offset}` : "";
      const page = listOf(await this.#api.call("GET", `${path}${query}`));
      entries.push(...page);
      if (noun === "dashboard" || page.length < PAGE) break;
    }
    return entries.map((entry) => {
      const fields = objectOf(entry);
      const tag = readTag(textsOf(fields.tags));
      return { id: textOf(fields[idField]), title: textOf(fields.title), tag };
    }).sort((one, other) => one.id < other.id ? -1 : 1);
  }

  /** Gets one in full; undefined when it was deleted meanwhile. */
  async get(id: string): Promise<JsonObject | undefined> {
    try {
      return objectOf(await this.#api.call("GET", `${this.kind.path}/${id}`));
    } catch (error) {
      if (isUnknown(error)) return undefined;
      throw error;
    }
  }

  /** Creates one. */
  async create(body: JsonObject): Promise<void> {
    await this.#api.call("POST", this.kind.path, { body });
  }

  /** Replaces one; Parseable keeps its id, and whether an alert is disabled or muted. */
  async update(id: string, body: JsonObject): Promise<void> {
    await this.#api.call("PUT", `${this.kind.path}/${id}`, { body });
  }

  /** Deletes one; a concurrent `provision` may have deleted it already. */
  async remove(id: string): Promise<void> {
    try {
      await this.#api.call("DELETE", `${this.kind.path}/${id}`);
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  }
}

/** The hash of what counts as content, as it is in the tag. */
export function contentHash({ fields }: CollectionKind, body: JsonObject): string {
  const content = fields.filter((name) => body[name] !== undefined)
    .map((name) => [name, body[name]]);
  return fingerprint(Object.fromEntries(content), 12);
}

/**
 * The body of a POST or PUT. Tags that somebody added stay, and so does the star of a dashboard.
 * `taggedTargets` is the hash for the tag, unless it is that of the targets.
 */
export function bodyOf(
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
