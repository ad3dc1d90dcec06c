/** What `provision` and `export` run with, read from the settings of Parseable, goals and alerts. */

import { type ParseableConfig, readCredentials, readParseable } from "./backend_config.ts";
import { type Goals, readGoals } from "./config.ts";
import type { Environment } from "./env_file.ts";
import type { Secret } from "./secret.ts";
import { type ConfigResult, SettingReader } from "./setting_reader.ts";
import type { Header } from "./values.ts";

/** Limits used in dashboards and alerts. */
export type Limits = {
  readonly goals: Goals;
  /** Share of the KV cache in use above which an alert fires, between 0 and 1. */
  readonly kvLimit: number;
};

/** Inputs of dashboards and alerts. */
export type ContentConfig = Limits & {
  readonly stream: string;
};

/** What `provision` runs with: complete and checked. */
export type ProvisionConfig = {
  readonly parseable: ParseableConfig;
  readonly credentials: Header;
  readonly content: ContentConfig;
  readonly retention: {
    /** In days. */
    readonly days: number;
    /** Whether it was set; otherwise it is the default. */
    readonly isChosen: boolean;
  };
  readonly webhook?: Secret | undefined;
};

/** The Parseable settings that are valid, for `check`, which can do with less than `provision`. */
export type LookConfig = {
  /** Parseable; undefined when PARSEABLE_URL is not set, and after some of the mistakes. */
  readonly parseable?: ParseableConfig | undefined;
  /** The header with the credentials; undefined when none are set, and after a mistake. */
  readonly credentials?: Header | undefined;
  /** What is wrong with all that `provision` reads, but for what is not set. */
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
};

/** Reads all settings of `provision`, in the order of the table. */
function readAll(
  reader: SettingReader,
  isRequired: boolean,
): Partial<ProvisionConfig> & Omit<ProvisionConfig, "parseable" | "credentials"> {
  const parseable = readParseable(reader);
  const credentials = readCredentials(reader, isRequired);
  const days = reader.get("PARSEABLE_RETENTION");
  return {
    ...parseable && { parseable },
    ...credentials && { credentials },
    content: { stream: parseable?.stream ?? "", ...readLimits(reader) },
    retention: { days, isChosen: reader.isSet("PARSEABLE_RETENTION") },
    webhook: reader.get("ALERT_WEBHOOK_URL"),
  };
}

function readLimits(reader: SettingReader): Limits {
  return { goals: readGoals(reader), kvLimit: reader.get("ALERT_KV_LIMIT") };
}

/** Turns the environment into what `provision` runs with. Pure: files come through `readFile`. */
export function parseProvision(
  env: Environment,
  readFile: (path: string) => string,
): ConfigResult<ProvisionConfig> {
  const reader = new SettingReader(env, readFile);
  if (!reader.isSet("PARSEABLE_URL")) {
    reader.refuse(
      "PARSEABLE_URL",
      'is not set. Write where Parseable is, such as "http://localhost:8080".',
    );
  }
  const { parseable, credentials, ...rest } = readAll(reader, true);
  const { mistakes, warnings } = reader;
  if (parseable === undefined || credentials === undefined) {
    return { ok: false, mistakes, warnings };
  }
  return reader.result({ parseable, credentials, ...rest });
}

/**
 * Turns the environment into what dashboards and alerts are made of, for their export: neither
 * an address nor credentials are needed.
 */
export function parseContent(
  env: Environment,
  readFile: (path: string) => string,
): ConfigResult<ContentConfig> {
  const reader = new SettingReader(env, readFile);
  const stream = reader.get("PARSEABLE_STREAM");
  return reader.result({ stream, ...readLimits(reader) });
}

/** Reads the settings of `provision` for `check`. */
export function parseLook(env: Environment, readFile: (path: string) => string): LookConfig {
  const reader = new SettingReader(env, readFile);
  const { parseable, credentials } = readAll(reader, false);
  return { parseable, credentials, mistakes: reader.mistakes, warnings: reader.warnings };
}
