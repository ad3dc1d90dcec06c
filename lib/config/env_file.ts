/** Puts the process environment over the text of a `.env` file. */

import { parseEnv } from "node:util";
import { SECRET_NAMES } from "./settings.ts";

/** Variables by name; undefined where one is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Merges the environment over a `.env` file. A variable of the environment wins,
 * also when it is empty, and a secret of the environment wins over both forms
 * (`NAME`, `NAME_FILE`) in the file. `$` has no meaning. A value with `#` or with
 * white space at its ends needs quotes.
 *
 * The parser is the runtime's own, so that a file reads the same wherever the
 * standard library comes from.
 *
 * @param env The process environment.
 * @param text The text of the `.env` file.
 * @returns The variables of both.
 */
export function mergeEnvFile(env: Environment, text: string): Record<string, string | undefined> {
  // Editors on Windows write a byte order mark, which is not part of the first name.
  const merged = new Map<string, string | undefined>(
    Object.entries(parseEnv(text.replace(/^\uFEFF/, ""))),
  );
  for (const name of SECRET_NAMES) {
    const forms = [name, `${name}_FILE`];
    if (forms.some((form) => (env[form] ?? "") !== "")) {
      forms.forEach((form) => merged.delete(form));
    }
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined) merged.set(name, value);
  }
  return Object.fromEntries(merged);
}
