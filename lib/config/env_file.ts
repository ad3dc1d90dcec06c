/** Puts the process environment over the text of a `.env` file. */

import { parse } from "@std/dotenv/parse";
import { SECRET_NAMES } from "./settings.ts";

/** Variables by name; undefined where one is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Characters that the parsers behind `@std/dotenv/parse` treat differently, with noncharacters of
 * Unicode that replace them while a file is parsed: `$` (variable expansion), a backslash that does
 * not begin `\n` (other escapes), and a backtick (a third kind of quote).
 */
const LITERALS: readonly (readonly [pattern: RegExp, literal: string, placeholder: string])[] = [
  [/\$/g, "$", "\uFDD0"],
  [/\\(?!n)/g, "\\", "\uFDD1"],
  [/`/g, "`", "\uFDD2"],
];

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Reads a `.env` file in the one way on which all parsers agree. */
function parseFile(text: string): [name: string, value: string][] {
  // Editors on Windows write a byte order mark, which is not part of the first name.
  let prepared = text.replace(/^\uFEFF/, "");
  for (const [pattern, , placeholder] of LITERALS) {
    prepared = prepared.replace(pattern, placeholder);
  }
  return Object.entries(parse(prepared)).flatMap(([name, parsed]) => {
    if (!NAME.test(name)) return [];
    let value = (parsed ?? "").replace(/^[\r\n]+|[\r\n]+$/g, "");
    for (const [, literal, placeholder] of LITERALS) value = value.replaceAll(placeholder, literal);
    return [[name, value]];
  });
}

/**
 * Merges the environment over a `.env` file. A variable of the environment wins,
 * also when it is empty, and a secret of the environment wins over both forms
 * (`NAME`, `NAME_FILE`) in the file. Values are literal, except that `\n` in double quotes is a
 * line feed. A value with `#` or with white space at its ends needs quotes.
 */
export function mergeEnvFile(env: Environment, text: string): Record<string, string | undefined> {
  const merged = new Map<string, string | undefined>(parseFile(text));
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
