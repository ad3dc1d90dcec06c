/** Where Parseable keeps dashboards, or alerts. */

import type { ParseableApi } from "./api.ts";
import { type JsonObject, listOf, objectOf, textOf, textsOf } from "./json.ts";
import { type Mark, readMark } from "./mark.ts";
import { ParseableError } from "./parseable_error.ts";
import type { ShelfKind } from "./shelf_kind.ts";

/** The largest page of alerts that Parseable gives; dashboards come all at once. */
const PAGE = 1_000;

/** A dashboard or an alert as it is listed. */
export interface Listed {
  /** Its id, a ULID: the smaller of two is the older one. */
  readonly id: string;
  /** Its title. */
  readonly title: string;
  /** Our mark; undefined when it is not ours. */
  readonly mark: Mark | undefined;
}

/** Whether Parseable does not know an id: it answers 400 then. */
function isUnknown(error: unknown): boolean {
  return error instanceof ParseableError && error.answered === 400;
}

/** The dashboards or the alerts of a Parseable. */
export class Shelf {
  /** Which of them. */
  readonly kind: ShelfKind;
  readonly #api: ParseableApi;

  /**
   * Begins with nothing read.
   *
   * @param api The client.
   * @param kind Which of them.
   */
  constructor(api: ParseableApi, kind: ShelfKind) {
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
      const mark = readMark(textsOf(fields.tags));
      return { id: textOf(fields[idField]), title: textOf(fields.title), mark };
    }).sort((one, other) => one.id < other.id ? -1 : 1);
  }

  /** Gives one of them whole; undefined when it has gone in between. */
  async get(id: string): Promise<JsonObject | undefined> {
    try {
      return objectOf(await this.#api.call("GET", `${this.kind.path}/${id}`));
    } catch (error) {
      if (isUnknown(error)) return undefined;
      throw error;
    }
  }

  /** Makes one. */
  async create(body: JsonObject): Promise<void> {
    await this.#api.call("POST", this.kind.path, { body });
  }

  /** Replaces one; Parseable keeps its id, and whether an alert is disabled or muted. */
  async update(id: string, body: JsonObject): Promise<void> {
    await this.#api.call("PUT", `${this.kind.path}/${id}`, { body });
  }

  /** Removes one; another copy of us may have done it already. */
  async remove(id: string): Promise<void> {
    try {
      await this.#api.call("DELETE", `${this.kind.path}/${id}`);
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  }
}
