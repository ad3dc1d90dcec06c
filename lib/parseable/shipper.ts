/** A user for Fluent Bit that may only write to the stream. */

import type { ParseableApi } from "./api.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import { fingerprint } from "./mark.ts";
import { ParseableError } from "./parseable_error.ts";
import type { Outcome } from "./report.ts";

/** What {@linkcode ensureShipper} needs. */
export interface ShipperOptions {
  /** The name of the user, and of its role. */
  readonly name: string;
  /** The stream that it may write to. */
  readonly stream: string;
  /** Whether nothing is written. */
  readonly isDryRun: boolean;
}

/** What the user may do: `ingestor` is the one privilege of Parseable 2.9.5 that reads nothing. */
function privilegesOf(stream: string): unknown {
  return [{ privilege: "ingestor", resource: { stream } }];
}

/** What a role may do; undefined when there is no such role. */
async function roleOf(api: ParseableApi, name: string): Promise<unknown> {
  return objectOf(await api.call("GET", "/api/v1/roles"))[name];
}

/**
 * Makes a user that may only write to the stream, and its role. Its password comes from Parseable,
 * which tells it this once; so a user that is there is left alone.
 *
 * @param api The client.
 * @param options Name and stream.
 * @returns What became of it; and the password of a new user.
 * @throws {ParseableError} When Parseable does not let us.
 */
export async function ensureShipper(
  api: ParseableApi,
  { name, stream, isDryRun }: ShipperOptions,
): Promise<{ outcome: Outcome; password?: string }> {
  const what = `user "${name}"`;
  const users = listOf(await api.call("GET", "/api/v1/user"));
  if (users.some((user) => textOf(objectOf(user).id) === name)) {
    const why = "it is there, and its password cannot be shown again. " +
      "Delete it in Parseable for a new one, or name another";
    return { outcome: { word: "left alone", what, why } };
  }
  const role = await roleOf(api, name);
  const privileges = privilegesOf(stream);
  if (role !== undefined && fingerprint(role, 64) !== fingerprint(privileges, 64)) {
    const why = `a role "${name}" with other rights is there. Name another user`;
    return { outcome: { word: "failed", what, why } };
  }
  if (isDryRun) return { outcome: { word: "made", what } };
  await api.call("PUT", `/api/v1/role/${name}`, { body: privileges });
  const password = await api.call("POST", `/api/v1/user/${name}`, { body: [name] });
  if (typeof password === "string") return { outcome: { word: "made", what }, password };
  throw new ParseableError("PARSEABLE_REFUSED", {
    label: `/api/v1/user/${name}`,
    reason: "it told no password",
  });
}

/**
 * Writes the credentials of the user as an env file for Fluent Bit.
 *
 * @param name The name of the user.
 * @param password Its password.
 * @returns Lines of the form `NAME=value`.
 */
export function shipperEnv(name: string, password: string): string {
  return `P_USERNAME=${name}\nP_PASSWORD=${password}\n`;
}
