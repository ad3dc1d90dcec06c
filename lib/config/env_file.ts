/** Puts the process environment over the text of a `.env` file. */

import { parse } from "@std/dotenv/parse";
import { SECRET_NAMES } from "./settings.ts";

/** Variables by name; undefined where one is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Stands for `$` while the file is parsed: the parser would put another variable
 * in the place of the `$word` in an unquoted password, and read the process
 * environment for it. U+FFFF is no character, so it stands in no file.
 */
const DOLLAR = "\uFFFF";

/**
 * Merges the environment over a `.env` file. A variable of the environment wins,
 * also when it is empty, and a secret of the environment wins over both forms
 * (`NAME`, `NAME_FILE`) in the file. Values are taken as they stand: `$` has no
 * meaning. A value with `#` or with white space at its ends needs quotes.
 *
 * @param env The process environment.
 * @param text The text of the `.env` file.
 * @returns The variables of both.
 */
export function mergeEnvFile(env: Environment, text: string): Record<string, string | undefined> {
  const merged = new Map<string, string | undefined>();
  for (const [name, value] of Object.entries(parse(text.replaceAll("$", DOLLAR)))) {
    merged.set(name, value.replaceAll(DOLLAR, "$"));
  }
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
