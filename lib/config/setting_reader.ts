/** Reads settings one by one, and keeps what is wrong with them. */

import type { Environment } from "./env_file.ts";
import type { Parsed } from "./parsed.ts";
import { REDACTED } from "./secret.ts";
import { defaultOf, type SettingName } from "./setting_list.ts";
import { SECRET_NAMES } from "./settings.ts";
import { maskUrl } from "./url.ts";

/** Longest value that a message quotes, in characters. */
const MAX_QUOTED = 200;

/** What the names of file errors mean to an operator. */
const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  IsADirectory: "it is a directory",
  NotADirectory: "there is no such file",
  NotCapable: "the service may not read it (see --allow-read)",
  NotFound: "there is no such file",
  PermissionDenied: "the service may not read it",
};

function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

/** Reads settings one by one and keeps what is wrong with them. No text it keeps holds a secret. */
export class SettingReader {
  /** What is wrong so far, one sentence each. */
  readonly mistakes: string[] = [];
  /** What works but is probably not meant, one sentence each. */
  readonly warnings: string[] = [];
  readonly #env: Environment;
  readonly #readFile: (path: string) => string;

  /**
   * Begins to read.
   *
   * @param env The variables; an empty one counts as not set.
   * @param readFile Gives the text of a file; what it throws becomes a mistake.
   */
  constructor(env: Environment, readFile: (path: string) => string) {
    this.#env = env;
    this.#readFile = readFile;
  }

  /** Tells whether a setting has a value; a secret, whether its `NAME_FILE` form has one. */
  isSet(name: SettingName): boolean {
    if (this.#text(name) !== "") return true;
    return SECRET_NAMES.includes(name) && this.#text(`${name}_FILE`) !== "";
  }

  /** Reads a setting that is not secret; undefined after a mistake and without value. */
  plain<T>(name: SettingName, parse: (text: string) => Parsed<T>): T | undefined {
    return this.list(name, (text) => [text], parse)?.[0];
  }

  /**
   * Reads a setting that is a list, and tells what is wrong with each part of it.
   *
   * @param name The setting.
   * @param split Takes the text apart.
   * @param parse Reads a part.
   * @returns What the parts are; undefined after a mistake and without value.
   */
  list<T>(
    name: SettingName,
    split: (text: string) => readonly string[],
    parse: (part: string) => Parsed<T>,
  ): readonly T[] | undefined {
    const text = this.#text(name).trim() || defaultOf(name);
    if (text === "") return undefined;
    const isQuoted = /^(["']).*\1$/s.test(text);
    const values: T[] = [];
    const parts = isQuoted ? [text] : split(text);
    for (const part of parts) {
      const parsed: Parsed<T> = isQuoted
        ? { ok: false, problem: "it has quotes around it. Write it without them." }
        : parse(part);
      if (parsed.ok) values.push(parsed.value);
      // Masked whatever the setting: a URL with a password may be in the wrong place.
      else this.refuse(name, `cannot use ${quote(maskUrl(part))}: ${parsed.problem}`);
    }
    return values.length === parts.length ? values : undefined;
  }

  /** Reads a secret, from its variable or its file. */
  secret<T>(name: SettingName, parse: (text: string) => Parsed<T>): T | undefined {
    const text = this.#text(name);
    const fileName = `${name}_FILE`;
    if (this.#text(fileName) === "") {
      if (text === "") return undefined;
      const parsed = parse(text);
      if (parsed.ok) return parsed.value;
      this.refuse(name, `cannot use ${REDACTED}: ${parsed.problem}`);
      return undefined;
    }
    if (text === "") return this.#file(fileName, (content) => parse(content.replace(/\r?\n$/, "")));
    this.refuse(name, `is set together with ${fileName}. Set one of them only.`);
    return undefined;
  }

  /** Reads the file that a setting names; the parser is also told its path. */
  file<T>(name: SettingName, parse: (text: string, path: string) => Parsed<T>): T | undefined {
    return this.#text(name) === "" ? undefined : this.#file(name, parse);
  }

  /** Notes a mistake when only one of two settings is set. */
  together(name: SettingName, other: SettingName): void {
    if (this.isSet(name) === this.isSet(other)) return;
    const [set, missing] = this.isSet(name) ? [name, other] : [other, name];
    this.refuse(set, `is set without ${missing}. Set both or neither.`);
  }

  /** Notes a mistake. */
  refuse(name: string, sentence: string): void {
    this.mistakes.push(`${name}: ${sentence}`);
  }

  /** Notes a warning. */
  warn(name: string, sentence: string): void {
    this.warnings.push(`${name}: ${sentence}`);
  }

  /** A variable without value is one that is not set. */
  #text(name: string): string {
    const text = this.#env[name] ?? "";
    return text.trim() === "" ? "" : text;
  }

  #file<T>(name: string, parse: (text: string, path: string) => Parsed<T>): T | undefined {
    const path = this.#text(name);
    const content = this.#content(path);
    const parsed = content.ok ? parse(content.value, path) : content;
    if (parsed.ok) return parsed.value;
    this.refuse(name, `cannot use ${quote(path)}: ${parsed.problem}`);
    return undefined;
  }

  #content(path: string): Parsed<string> {
    try {
      const value = this.#readFile(path);
      return value.trim() === "" ? { ok: false, problem: "it is empty." } : { ok: true, value };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const problem = FILE_PROBLEMS[error.name] ?? "it cannot be read";
      return { ok: false, problem: `${problem}. Write the path of a file.` };
    }
  }
}
