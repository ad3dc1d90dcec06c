/** Finds misspelled settings. */

import { nearest } from "../nearest.ts";
import { SETTING_NAMES } from "./settings.ts";

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
    nearest(name, family, { maxDistance: Infinity });
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
