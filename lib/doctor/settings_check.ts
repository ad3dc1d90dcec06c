/** The first hop: the settings, and whether they can be used. */

import { type Config, parseConfig } from "../config/config.ts";
import type { Environment } from "../config/env_file.ts";
import { type LookConfig, parseLook } from "../config/provision_config.ts";
import { MetricsError } from "../errors.ts";
import { createExchange } from "../parseable/exchange.ts";
import { createUpstream } from "../scrape/upstream.ts";
import type { Hop, HopStatus } from "./walk.ts";

/** What can be used of the settings. */
export interface CheckedSettings {
  /** The configuration of the service; undefined after a mistake. */
  readonly config: Config | undefined;
  /** Where Parseable is, and as whom to ask it; whatever of it is right. */
  readonly look: Pick<LookConfig, "parseable" | "credentials">;
}

/** What is wrong with certificates and header fields: it is found only when they are used. */
function problemOf(use: () => Disposable): string[] {
  try {
    use()[Symbol.dispose]();
    return [];
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    return [error.sentence];
  }
}

function problemsIn({ servers }: Config): string[] {
  return servers.list.flatMap(({ upstream }) => problemOf(() => createUpstream(upstream)));
}

/**
 * Reads all settings.
 *
 * @param env The variables.
 * @param readFile Gives the text of a file.
 * @param report Takes a hop for each mistake and each warning.
 * @returns What can be used of them.
 */
export function checkSettings(
  env: Environment,
  readFile: (path: string) => string,
  report: (hop: Hop) => void,
): CheckedSettings {
  const result = parseConfig(env, readFile);
  const look = parseLook(env, readFile);
  const { parseable } = look;
  const unusable = result.ok ? problemsIn(result.config) : [];
  const unreachable = parseable === undefined
    ? []
    : problemOf(() => createExchange({ ...parseable, maxAnswerBytes: 1 }));
  const mistakes = new Set([
    ...result.ok ? [] : result.mistakes,
    ...look.mistakes,
    ...unusable,
    ...unreachable,
  ]);
  const { warnings } = result.ok ? result.config : result;
  const tell = (status: HopStatus, found: string): void =>
    report({ part: "settings", name: "settings", status, found, action: "" });
  if (mistakes.size === 0) tell("ok", "complete");
  for (const found of mistakes) tell("failed", found);
  for (const found of new Set([...warnings, ...look.warnings])) tell("warn", found);
  return {
    config: result.ok && unusable.length === 0 ? result.config : undefined,
    look: unreachable.length === 0 ? look : {},
  };
}
