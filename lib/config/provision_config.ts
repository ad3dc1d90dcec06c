/** What `provision` runs with, read from the settings of Parseable, the goals and the alerts. */

import type { ConfigResult } from "./config.ts";
import type { Environment } from "./env_file.ts";
import { type Goals, readGoals } from "./goals.ts";
import type { Header } from "./headers.ts";
import { type ParseableConfig, readCredentials, readParseable } from "./parseable_config.ts";
import type { Secret } from "./secret.ts";
import { SettingReader } from "./setting_reader.ts";

/** Limits used in dashboards and alerts. */
export interface Limits {
  /** Latency goals. */
  readonly goals: Goals;
  /** Share of the KV cache in use above which an alert fires, between 0 and 1. */
  readonly kvLimit: number;
}

/** Inputs of dashboards and alerts. */
export interface ContentConfig extends Limits {
  /** The stream that they read. */
  readonly stream: string;
}

/** What `provision` runs with: complete, checked and frozen. */
export interface ProvisionConfig {
  /** Parseable and how to reach it. */
  readonly parseable: ParseableConfig;
  /** The header with the credentials. */
  readonly credentials: Header;
  /** Inputs of dashboards and alerts. */
  readonly content: ContentConfig;
  /** How long rows are kept. */
  readonly retention: {
    /** In days. */
    readonly days: number;
    /** Whether it was set; otherwise it is the default. */
    readonly isChosen: boolean;
  };
  /** Where alerts are sent; absent when they are not sent. */
  readonly webhook?: Secret;
  /** What works but is probably unintended, one sentence each. */
  readonly warnings: readonly string[];
}

function readLimits(reader: SettingReader): Limits | undefined {
  const goals = readGoals(reader);
  const kvLimit = reader.get("ALERT_KV_LIMIT");
  return goals === undefined || kvLimit === undefined ? undefined : { goals, kvLimit };
}

interface AllSettings {
  readonly parseable: ParseableConfig | undefined;
  readonly credentials: Header | undefined;
  readonly days: number | undefined;
  readonly limits: Limits | undefined;
  readonly webhook: Secret | undefined;
}

/** Reads all settings of `provision`, in the order of the table. */
function readAll(reader: SettingReader, isRequired: boolean): AllSettings {
  return {
    parseable: readParseable(reader),
    credentials: readCredentials(reader, isRequired),
    days: reader.get("PARSEABLE_RETENTION"),
    limits: readLimits(reader),
    webhook: reader.get("ALERT_WEBHOOK_URL"),
  };
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
  const { parseable, credentials, days, limits, webhook } = readAll(reader, true);
  const { mistakes, warnings } = reader;
  if (
    mistakes.length > 0 || parseable === undefined || credentials === undefined ||
    days === undefined || limits === undefined
  ) return { ok: false, mistakes, warnings };
  const config = {
    parseable,
    credentials,
    content: Object.freeze({ stream: parseable.stream, ...limits }),
    retention: Object.freeze({ days, isChosen: reader.isSet("PARSEABLE_RETENTION") }),
    ...(webhook === undefined ? {} : { webhook }),
    warnings: Object.freeze(warnings),
  };
  return { ok: true, config: Object.freeze(config) };
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
  const limits = readLimits(reader);
  const { mistakes, warnings } = reader;
  if (stream === undefined || limits === undefined) return { ok: false, mistakes, warnings };
  return { ok: true, config: Object.freeze({ stream, ...limits }) };
}

/** The Parseable settings that are valid, for `check`. */
export interface LookConfig {
  /** Parseable; undefined when PARSEABLE_URL is not set, and after some of the mistakes. */
  readonly parseable?: ParseableConfig;
  /** The header with the credentials; undefined when none are set, and after a mistake. */
  readonly credentials?: Header;
  /** What is wrong with all that `provision` reads, but for what is not set. */
  readonly mistakes: readonly string[];
  /** What works but is probably unintended, one sentence each. */
  readonly warnings: readonly string[];
}

/** Reads the settings of `provision` for `check`, which can do with less. */
export function parseLook(env: Environment, readFile: (path: string) => string): LookConfig {
  const reader = new SettingReader(env, readFile);
  const { parseable, credentials } = readAll(reader, false);
  return {
    ...(parseable === undefined ? {} : { parseable }),
    ...(credentials === undefined ? {} : { credentials }),
    mistakes: reader.mistakes,
    warnings: reader.warnings,
  };
}
