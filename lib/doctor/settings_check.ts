/** The check of the settings. */

import { type Config, parseConfig } from "../config/config.ts";
import type { Environment } from "../config/env_file.ts";
import { type LookConfig, parseLook } from "../config/provision_config.ts";
import { MetricsError } from "../errors.ts";
import { createExchange } from "../parseable/exchange.ts";
import { createUpstream } from "../scrape/upstream.ts";
import type { CheckResult, CheckStatus } from "./check_run.ts";

/** The valid part of the settings. */
export type CheckedSettings = {
  /** The configuration of the service; undefined when it has errors. */
  readonly config: Config | undefined;
  readonly look: Pick<LookConfig, "parseable" | "credentials">;
};

/** Reads all settings. */
export function checkSettings(
  env: Environment,
  readFile: (path: string) => string,
  report: (result: CheckResult) => void,
): CheckedSettings {
  const result = parseConfig(env, readFile);
  const look = parseLook(env, readFile);
  const { parseable } = look;
  const servers = result.ok ? result.config.servers.list : [];
  const unusable = servers.flatMap(({ upstream }) => problemOf(() => createUpstream(upstream)));
  const unreachable = parseable === undefined
    ? []
    : problemOf(() => createExchange({ ...parseable, maxAnswerBytes: 1 }));
  const mistakes = new Set([
    ...result.ok ? [] : result.mistakes,
    ...look.mistakes,
    ...unusable,
    ...unreachable,
  ]);
  const add = (status: CheckStatus, found: string): void =>
    report({ part: "settings", name: "settings", status, found, action: "" });
  if (mistakes.size === 0) add("ok", "complete");
  for (const found of mistakes) add("failed", found);
  for (const found of new Set([...result.warnings, ...look.warnings])) add("warn", found);
  return {
    config: result.ok && unusable.length === 0 ? result.config : undefined,
    look: unreachable.length === 0 ? look : {},
  };
}

/** Errors in certificates and header fields, which are found only when they are used. */
function problemOf(use: () => Disposable): string[] {
  try {
    use()[Symbol.dispose]();
    return [];
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    return [error.sentence];
  }
}
