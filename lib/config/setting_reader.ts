/** Reads settings one by one, and keeps what is wrong with them. */

import { type Environment, unknownNameWarnings } from "./env_file.ts";
import { REDACTED } from "./secret.ts";
import {
  type Reading,
  SECRET_NAMES,
  type Setting,
  type SettingName,
  SETTINGS,
  type SettingValues,
} from "./settings.ts";
import { maskUrl } from "./url.ts";

/** A configuration, or all that is wrong with the environment; no text holds a secret. */
export type ConfigResult<C> =
  & (
    | { readonly ok: true; readonly config: C }
    | { readonly ok: false; readonly mistakes: readonly string[] }
  )
  & { readonly warnings: readonly string[] };

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
  /** What works but is probably unintended, one sentence each. */
  readonly warnings: string[] = [];
  readonly #env: Environment;
  readonly #readFile: (path: string) => string;

  /** Begins to read. */
  constructor(env: Environment, readFile: (path: string) => string) {
    this.#env = env;
    this.#readFile = readFile;
  }

  /** The text of a variable; one of white space alone is not set. */
  text(name: string): string {
    const text = this.#env[name] ?? "";
    return text.trim() === "" ? "" : text;
  }

  /** Tells whether a setting has a value; a secret, whether its `NAME_FILE` form has one. */
  isSet(name: string): boolean {
    return this.text(name) !== "" ||
      (SECRET_NAMES.includes(name) && this.text(`${name}_FILE`) !== "");
  }

  /** Reads a setting; gives its default without a value, and after a mistake. */
  get<N extends SettingName>(name: N): SettingValues[N] {
    const setting: Setting<SettingValues[N]> = SETTINGS[name];
    const reading = this.isSet(name) ? this.#read(name, setting) : undefined;
    return reading?.ok ? reading.value : setting.fallback;
  }

  /** Adds a mistake if only one of two settings is set. */
  together(name: SettingName, other: SettingName): void {
    if (this.isSet(name) === this.isSet(other)) return;
    const [set, missing] = this.isSet(name) ? [name, other] : [other, name];
    this.refuse(set, `is set without ${missing}. Set both or neither.`);
  }

  /** Adds a mistake. */
  refuse(name: string, sentence: string): void {
    this.mistakes.push(`${name}: ${sentence}`);
  }

  /** Adds a warning. */
  warn(name: string, sentence: string): void {
    this.warnings.push(`${name}: ${sentence}`);
  }

  /** Warns of variables that look like settings and are none. */
  warnOfUnknownNames(): void {
    const names = Object.keys(this.#env).filter((name) => this.#env[name] !== undefined);
    this.warnings.push(...unknownNameWarnings(names));
  }

  /** Gives a configuration, or the mistakes in what it was made of. */
  result<C>(config: C): ConfigResult<C> {
    const { mistakes, warnings } = this;
    return mistakes.length === 0
      ? { ok: true, config, warnings }
      : { ok: false, mistakes, warnings };
  }

  #read<T>(name: SettingName, { kind, read }: Setting<T>): Reading<T> | undefined {
    const text = this.text(name);
    if (kind === "file") return this.#file(name, read);
    if (kind === "secret") return this.#secret(name, read);
    return this.#taken(name, readPlain(text.trim(), read));
  }

  #secret<T>(name: SettingName, read: (text: string) => Reading<T>): Reading<T> | undefined {
    const text = this.text(name);
    const fileName = `${name}_FILE`;
    if (text === "") return this.#file(fileName, (one) => read(one.replace(/\r?\n$/, "")));
    if (this.text(fileName) === "") return this.#taken(name, read(text), REDACTED);
    this.refuse(name, `is set together with ${fileName}. Set one of them only.`);
    return undefined;
  }

  #file<T>(name: string, read: (text: string) => Reading<T>): Reading<T> | undefined {
    const path = this.text(name);
    let text: string;
    try {
      text = this.#readFile(path);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const problem = FILE_PROBLEMS[error.name] ?? "it cannot be read";
      this.refuse(name, `cannot use ${quote(path)}: ${problem}. Write the path of a file.`);
      return undefined;
    }
    const empty = { ok: false, problems: [["", "it is empty."]] } as const;
    return this.#taken(name, text.trim() === "" ? empty : read(text), quote(path));
  }

  /** Adds what is wrong with a text: each part, or what is shown in its place. */
  #taken<T>(name: string, reading: Reading<T>, shown?: string): Reading<T> {
    for (const [part, problem] of reading.ok ? [] : reading.problems) {
      // Masked whatever the setting: a URL with a password may be in the wrong place.
      this.refuse(name, `cannot use ${shown ?? quote(maskUrl(part))}: ${problem}`);
    }
    return reading;
  }
}

function readPlain<T>(text: string, read: (text: string) => Reading<T>): Reading<T> {
  if (!/^(["']).*\1$/s.test(text)) return read(text);
  return { ok: false, problems: [[text, "it has quotes around it. Write it without them."]] };
}
