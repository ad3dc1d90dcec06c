/** The one table of settings: it drives the parser, `--help` and the README. */

import { LOG_FORMATS, LOG_LEVELS } from "../log.ts";
import { nearest } from "../nearest.ts";

/** What there is to know of one environment variable. */
export interface Setting {
  /** The variable's name. */
  readonly name: string;
  /** What holds when the variable is not set; empty when nothing does. */
  readonly defaultText: string;
  /** A secret is never shown, and can also come from the file that `NAME_FILE` names. */
  readonly secret: boolean;
  /** How the value is written. */
  readonly form: string;
  /** What it is for, in one plain sentence. */
  readonly meaning: string;
}

/** What `SCRAPE_TIMEOUT` allows: under 0.1 s no server answers, over 5 min no reader waits. */
export const SCRAPE_TIMEOUT_RANGE = { min: "100ms", max: "5m", example: "10s" } as const;

/** What `MAX_BODY_BYTES` allows: one engine's answer is 63 KB, a large one 22 MB. */
export const MAX_BODY_RANGE = { min: "1KiB", max: "4GiB", example: "64MiB" } as const;

/** All settings, in the order in which people meet them. */
export const SETTINGS = [
  {
    name: "VLLM_METRICS_URL",
    defaultText: "",
    secret: false,
    form: "URL, required",
    meaning: "Where vLLM serves its metrics; without a path, /metrics is asked.",
  },
  {
    name: "LISTEN_ADDRESS",
    defaultText: "0.0.0.0:9090",
    secret: false,
    form: "host:port",
    meaning: "Where to listen; [::]:9090 takes IPv6 as well.",
  },
  {
    name: "SCRAPE_TIMEOUT",
    defaultText: SCRAPE_TIMEOUT_RANGE.example,
    secret: false,
    form: `duration, ${SCRAPE_TIMEOUT_RANGE.min} to ${SCRAPE_TIMEOUT_RANGE.max}`,
    meaning: "Longest wait for a whole answer of vLLM.",
  },
  {
    name: "MAX_BODY_BYTES",
    defaultText: MAX_BODY_RANGE.example,
    secret: false,
    form: `size, ${MAX_BODY_RANGE.min} to ${MAX_BODY_RANGE.max}`,
    meaning: "Longest answer of vLLM that is passed on.",
  },
  {
    name: "VLLM_BEARER_TOKEN",
    defaultText: "",
    secret: true,
    form: "token",
    meaning: "Token that vLLM, or the gateway in front of it, asks for.",
  },
  {
    name: "VLLM_USERNAME",
    defaultText: "",
    secret: true,
    form: "text",
    meaning: "User name for Basic authentication, together with VLLM_PASSWORD.",
  },
  {
    name: "VLLM_PASSWORD",
    defaultText: "",
    secret: true,
    form: "text",
    meaning: "Password for Basic authentication, together with VLLM_USERNAME.",
  },
  {
    name: "VLLM_HEADERS",
    defaultText: "",
    secret: true,
    form: "Name: value, one a line",
    meaning: "More headers to send to vLLM; \\n also ends a line.",
  },
  {
    name: "VLLM_TLS_CA_FILE",
    defaultText: "",
    secret: false,
    form: "path of a PEM file",
    meaning: "Authorities to trust besides the usual ones.",
  },
  {
    name: "VLLM_TLS_CERT_FILE",
    defaultText: "",
    secret: false,
    form: "path of a PEM file",
    meaning: "Certificate to show to vLLM, together with VLLM_TLS_KEY_FILE.",
  },
  {
    name: "VLLM_TLS_KEY_FILE",
    defaultText: "",
    secret: false,
    form: "path of a PEM file",
    meaning: "Private key of that certificate, without a passphrase.",
  },
  {
    name: "VLLM_TLS_INSECURE_SKIP_VERIFY",
    defaultText: "false",
    secret: false,
    form: "true or false",
    meaning: "Takes any certificate of vLLM; whoever is on the way can then listen in.",
  },
  {
    name: "LOG_LEVEL",
    defaultText: "info",
    secret: false,
    form: LOG_LEVELS.join(", "),
    meaning: "Least important log lines to write.",
  },
  {
    name: "LOG_FORMAT",
    defaultText: "text",
    secret: false,
    form: LOG_FORMATS.join(", "),
    meaning: "Log lines as logfmt or as JSON.",
  },
] as const satisfies readonly Setting[];

/** The name of a setting. */
export type SettingName = typeof SETTINGS[number]["name"];

/** The names of the settings that are secret. */
export const SECRET_NAMES: readonly string[] = SETTINGS.filter(({ secret }) => secret)
  .map(({ name }) => name);

/** Every variable that the service reads, the `NAME_FILE` form of secrets among them. */
export const SETTING_NAMES: readonly string[] = SETTINGS.flatMap(({ name, secret }) =>
  secret ? [name, `${name}_FILE`] : [name]
);

/** Beginnings of names that are ours alone: any other name in them is a mistake. */
const OWN_PREFIXES = [
  "VLLM_METRICS_",
  "VLLM_TLS_",
  "VLLM_BEARER",
  "VLLM_USERNAME",
  "VLLM_PASSWORD",
  "SCRAPE_",
  "LISTEN_",
];

/**
 * Names that begin like ours and that others set: Kubernetes for a service called
 * `vllm-metrics`, systemd for socket activation.
 */
const FOREIGN_NAME =
  /^VLLM_\w+_SERVICE_(?:HOST|PORT)(?:_|$)|^VLLM_\w+_PORT(?:_\d+_\w+)?$|^LISTEN_(?:FDS|FDNAMES|PID)$/;

/** The known name that was meant; undefined for a variable of somebody else. */
function meantName(name: string): string | undefined {
  if (FOREIGN_NAME.test(name)) return undefined;
  const prefix = OWN_PREFIXES.find((start) => name.startsWith(start));
  if (prefix === undefined) return nearest(name, SETTING_NAMES);
  const family = SETTING_NAMES.filter((known) => known.startsWith(prefix));
  const words = name.slice(prefix.length).split("_");
  return nearest(name, SETTING_NAMES) ??
    family.find((known) => words.every((word) => known.includes(word))) ??
    nearest(name, family, { maxDistance: Infinity });
}

/**
 * Warns of variables that look like settings and are none. vLLM has very many
 * `VLLM_*` variables of its own, so one of those is doubtful only when it is
 * within two edits of a setting.
 *
 * @param names The names of the variables that are set.
 * @returns A warning for each doubtful name.
 */
export function unknownNameWarnings(names: Iterable<string>): string[] {
  const warnings: string[] = [];
  for (const name of names) {
    if (SETTING_NAMES.includes(name)) continue;
    const meant = meantName(name);
    if (meant !== undefined) {
      warnings.push(`${name}: there is no such setting. Did you mean "${meant}"?`);
    }
  }
  return warnings;
}

/**
 * Writes the table for a terminal, at most 80 columns wide.
 *
 * @returns Two lines a setting, each with its line end.
 */
export function helpTable(): string {
  const width = Math.max(...SETTINGS.map(({ name }) => name.length));
  return SETTINGS.map(({ name, defaultText, form, meaning }) => {
    const standard = defaultText === "" ? "" : ` [${defaultText}]`;
    return `  ${name.padEnd(width)}  ${form}${standard}\n      ${meaning}\n`;
  }).join("");
}

/**
 * Writes the table for the README, laid out as `deno fmt` leaves it.
 *
 * @returns The lines of a Markdown table, without a line end at its end.
 */
export function markdownTable(): string {
  const rows = SETTINGS.map(({ name, defaultText, secret, form, meaning }) => [
    secret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``,
    defaultText === "" ? "" : `\`${defaultText}\``,
    form,
    meaning.replaceAll("\\", "\\\\"),
  ]);
  const head = ["Variable", "Default", "Value", "Meaning"];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`;
  return [line(head, " "), line(head.map(() => ""), "-"), ...rows.map((row) => line(row, " "))]
    .join("\n");
}
