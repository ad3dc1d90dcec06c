/** A user for Fluent Bit that may only write to the stream. */

import { type ParseableApi, ParseableError } from "./api.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import { fingerprint } from "./ownership_tag.ts";
import type { ReportLine } from "./report.ts";

/**
 * Creates the user and its role. Parseable generates the password and returns it this once; so a
 * user that exists is left alone.
 *
 * @returns The line of the report; and the password of a new user.
 */
export async function ensureShipper(
  { api, name, stream, isDryRun }: {
    readonly api: ParseableApi;
    /** The name of the user, and of its role. */
    readonly name: string;
    readonly stream: string;
    readonly isDryRun: boolean;
  },
): Promise<{ readonly line: ReportLine; readonly password?: string }> {
  const what = `user "${name}"`;
  const users = listOf(await api.call("GET", "/api/v1/user"));
  if (users.some((user) => textOf(objectOf(user).id) === name)) {
    const why = "it is there, and its password cannot be shown again. " +
      "Delete it in Parseable for a new one, or name another";
    return { line: { outcome: "left alone", what, why } };
  }
  const role = objectOf(await api.call("GET", "/api/v1/roles"))[name];
  // `ingestor` is the one privilege of Parseable 2.9.5 that cannot read.
  const privileges = [{ privilege: "ingestor", resource: { stream } }];
  if (role !== undefined && fingerprint(role, 64) !== fingerprint(privileges, 64)) {
    const why = `a role "${name}" with other rights is there. Name another user`;
    return { line: { outcome: "failed", what, why } };
  }
  if (isDryRun) return { line: { outcome: "made", what } };
  await api.call("PUT", `/api/v1/role/${name}`, { body: privileges });
  const path = `/api/v1/user/${name}`;
  const password = await api.call("POST", path, { body: [name] });
  if (typeof password === "string") return { line: { outcome: "made", what }, password };
  throw new ParseableError("PARSEABLE_REFUSED", {
    label: path,
    reason: "its response has no password",
  });
}

/** The credentials of the user as an env file for Fluent Bit. */
export function shipperEnv(name: string, password: string): string {
  return `P_USERNAME=${name}\nP_PASSWORD=${password}\n`;
}
