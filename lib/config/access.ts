/** The credentials of clients, read from the `METRICS_*` settings. */

import { Secret } from "./secret.ts";
import type { SettingReader } from "./setting_reader.ts";

/** Shorter secrets can be guessed within hours or days. */
const MIN_SECRET_LENGTH = 12;

/** The credentials that clients must send; either is enough if both are set. */
export interface Access {
  /** User name and password with a colon between them, as Basic sends them (RFC 7617). */
  readonly basic?: Secret;
  /** The bearer token (RFC 6750). */
  readonly bearer?: Secret;
}

/** Reads the credentials of clients. */
export function readAccess(reader: SettingReader): Access | undefined {
  const username = reader.get("METRICS_USERNAME");
  const password = reader.get("METRICS_PASSWORD");
  reader.together("METRICS_USERNAME", "METRICS_PASSWORD");
  const bearer = reader.get("METRICS_BEARER_TOKEN");
  const secrets = { METRICS_PASSWORD: password, METRICS_BEARER_TOKEN: bearer } as const;
  for (const name of ["METRICS_PASSWORD", "METRICS_BEARER_TOKEN"] as const) {
    const length = secrets[name]?.reveal().length ?? Infinity;
    if (length >= MIN_SECRET_LENGTH) continue;
    reader.warn(name, `has fewer than ${MIN_SECRET_LENGTH} characters, so it can be guessed.`);
  }
  const basic = username && password && new Secret(`${username.reveal()}:${password.reveal()}`);
  if (basic === undefined && bearer === undefined) return undefined;
  return Object.freeze({
    ...(basic === undefined ? {} : { basic }),
    ...(bearer === undefined ? {} : { bearer }),
  });
}
