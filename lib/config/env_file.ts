/** The environment: the process's own over a `.env` file, and its misspelled settings. */

import { parse } from "@std/dotenv/parse";
import { nearest } from "../nearest.ts";
import { SECRET_NAMES, SETTING_NAMES } from "./settings.ts";

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

/** Prefixes that only this service uses: any unknown name with them is a mistake. */
const OWN_PREFIXES = [
  "VLLM_METRICS_",
  "VLLM_TLS_",
  "SLO_",
  "VLLM_BEARER",
  "VLLM_USERNAME",
  "VLLM_PASSWORD",
  "SCRAPE_",
  "LISTEN_",
  "PARSEABLE_",
  "OTLP_",
  "ALERT_",
];

/**
 * Names with our prefixes that others set: Kubernetes for services called
 * `vllm-metrics`, `parseable` or `otlp`, systemd for socket activation, and
 * and OpenTelemetry's, which are within two edits of `OTLP`.
 */
const FOREIGN_NAMES = [
  /^(?:VLLM_\w+|PARSEABLE\w*|OTLP(?!_LISTEN)\w*)_SERVICE_(?:HOST|PORT)(?:_|$)/,
  /^(?:VLLM_\w+|PARSEABLE\w*|OTLP(?!_LISTEN)\w*)_PORT(?:_\d+_\w+)?$/,
  /^LISTEN_(?:FDS|FDNAMES|PID)$/,
  /^OTEL_/,
];

/** Where people look for the credentials of Parseable. */
const PARSEABLE_CREDENTIALS = /^PARSEABLE_(?!TLS_)\w*(?:USER|PASS|TOKEN|KEY|AUTH|HEADER)/;

/** The setting that was probably meant; undefined for another program's variable. */
function meantName(name: string): string | undefined {
  if (FOREIGN_NAMES.some((foreign) => foreign.test(name))) return undefined;
  const prefix = OWN_PREFIXES.find((start) => name.startsWith(start));
  if (prefix === undefined) return nearest(name, SETTING_NAMES);
  const family = SETTING_NAMES.filter((known) => known.startsWith(prefix));
  const words = name.slice(prefix.length).split("_");
  return nearest(name, SETTING_NAMES) ??
    family.find((known) => words.every((word) => known.includes(word))) ??
    nearest(name, family, Infinity);
}

/** The warning about a variable; undefined for a setting or another program's variable. */
function warningAbout(name: string): string | undefined {
  if (SETTING_NAMES.includes(name)) return undefined;
  if (PARSEABLE_CREDENTIALS.test(name)) {
    return `${name}: there is no such setting. Fluent Bit sends the credentials of the relay, ` +
      "and provision takes P_USERNAME and P_PASSWORD.";
  }
  const meant = meantName(name);
  return meant && `${name}: there is no such setting. Did you mean "${meant}"?`;
}

/**
 * Warns of variables that look like settings and are none. vLLM has very many
 * `VLLM_*` variables of its own, so one of those is doubtful only when it is
 * within two edits of a setting.
 */
export function unknownNameWarnings(names: Iterable<string>): string[] {
  return Array.from(names, warningAbout).filter((warning) => warning !== undefined);
}
