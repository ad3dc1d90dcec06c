/** A user for Fluent Bit that may only write to the stream. */

import { ParseableError } from "./api.ts";
import { listOf, objectOf, textOf } from "./json.ts";
import { fingerprint } from "./ownership_tag.ts";
import type { Run } from "./run.ts";

/**
 * Creates the user and its role. Parseable generates the password and returns it this once; so a
 * user that exists is left alone.
 */
export async function createShipper(run: Run): Promise<void> {
  const { api, shipper: name, stream, report } = run;
  if (name === undefined) return;
  const what = `user "${name}"`;
  const users = listOf(await api.call("GET", "/api/v1/user"));
  if (users.some((user) => textOf(objectOf(user).id) === name)) {
    const why = "it is there, and its password cannot be shown again. " +
      "Delete it in Parseable for a new one, or name another";
    return report.add({ outcome: "left alone", what, why });
  }
  const role = objectOf(await api.call("GET", "/api/v1/roles"))[name];
  // `ingestor` is the one privilege of Parseable 2.9.5 that cannot read.
  const privileges = [{ privilege: "ingestor", resource: { stream } }];
  if (role !== undefined && fingerprint(role, 64) !== fingerprint(privileges, 64)) {
    const why = `a role "${name}" with other rights is there. Name another user`;
    return report.add({ outcome: "failed", what, why });
  }
  if (!report.isDryRun) {
    await api.call("PUT", `/api/v1/role/${name}`, { body: privileges });
    const path = `/api/v1/user/${name}`;
    const password = await api.call("POST", path, { body: [name] });
    if (typeof password !== "string") {
      const reason = "its response has no password";
      throw new ParseableError("PARSEABLE_REFUSED", { label: path, reason });
    }
    run.password = password;
  }
  report.add({ outcome: "made", what });
}

/** The credentials of the user as an env file for Fluent Bit. */
export function shipperEnv(name: string, password: string): string {
  return `P_USERNAME=${name}\nP_PASSWORD=${password}\n`;
}
