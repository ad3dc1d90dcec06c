/** Reads settings one by one, and keeps what is wrong with them. */

import type { Environment } from "./env_file.ts";
import type { Parsed } from "./values.ts";
import { REDACTED } from "./secret.ts";
import {
  SECRET_NAMES,
  type Setting,
  type SettingName,
  SETTINGS,
  type SettingValues,
} from "./settings.ts";
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
  /** What works but is probably unintended, one sentence each. */
  readonly warnings: string[] = [];
  readonly #env: Environment;
  readonly #readFile: (path: string) => string;

  /** Begins to read. */
  constructor(env: Environment, readFile: (path: string) => string) {
    this.#env = env;
    this.#readFile = readFile;
  }

  /** Tells whether a setting has a value; a secret, whether its `NAME_FILE` form has one. */
  isSet(name: string): boolean {
    if (this.#text(name) !== "") return true;
    return SECRET_NAMES.includes(name) && this.#text(`${name}_FILE`) !== "";
  }

  /** Reads a setting; undefined without a value, and after a mistake. */
  get<N extends SettingName>(name: N): SettingValues[N] | undefined {
    const setting: Setting<SettingValues[N]> = SETTINGS[name];
    if (setting.kind === "secret") return this.#secret(name, setting);
    if (setting.kind === "file") {
      return this.#text(name) === "" ? undefined : this.#file(name, setting.read);
    }
    return this.#plain(name, setting);
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

  #plain<T>(name: SettingName, setting: Setting<T>): T | undefined {
    const text = this.#text(name).trim() || setting.defaultText;
    if (text === "") return undefined;
    if (/^(["']).*\1$/s.test(text)) {
      this.#refuseValue(name, text, "it has quotes around it. Write it without them.");
      return undefined;
    }
    let isRight = true;
    for (const part of setting.split(text)) {
      const checked = setting.check(part, "");
      if (checked.ok) continue;
      this.#refuseValue(name, part, checked.problem);
      isRight = false;
    }
    const parsed = isRight ? setting.read(text, "") : undefined;
    return parsed?.ok ? parsed.value : undefined;
  }

  /** Masked whatever the setting: a URL with a password may be in the wrong place. */
  #refuseValue(name: SettingName, text: string, problem: string): void {
    this.refuse(name, `cannot use ${quote(maskUrl(text))}: ${problem}`);
  }

  /** Reads a secret, from its variable or its file. */
  #secret<T>(name: SettingName, { read }: Setting<T>): T | undefined {
    const text = this.#text(name);
    const fileName = `${name}_FILE`;
    if (this.#text(fileName) === "") {
      if (text === "") return undefined;
      const parsed = read(text, "");
      if (parsed.ok) return parsed.value;
      this.refuse(name, `cannot use ${REDACTED}: ${parsed.problem}`);
      return undefined;
    }
    if (text === "") {
      return this.#file(fileName, (content, path) => read(content.replace(/\r?\n$/, ""), path));
    }
    this.refuse(name, `is set together with ${fileName}. Set one of them only.`);
    return undefined;
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
