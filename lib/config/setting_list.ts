/** The one table of settings: it drives the parser, `help` and the README. */

import { LOG_FORMATS, LOG_LEVELS } from "../log.ts";
import {
  GOAL_RANGE,
  HISTORY_RANGE,
  MAX_BODY_RANGE,
  PARSEABLE_TIMEOUT_RANGE,
  RETENTION_RANGE,
  SCRAPE_INTERVAL_RANGE,
  SCRAPE_TIMEOUT_RANGE,
} from "./ranges.ts";

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

/** All settings, in the order in which people meet them. */
export const SETTINGS = [
  {
    name: "VLLM_METRICS_URL",
    defaultText: "",
    secret: false,
    form: "URL or URLs, required",
    meaning: "Where vLLM serves its metrics; NAME=URL and dns+URL are taken as well.",
  },
  {
    name: "LISTEN_ADDRESS",
    defaultText: "0.0.0.0:9090",
    secret: false,
    form: "host:port",
    meaning: "Where to listen; [::]:9090 takes IPv6 as well.",
  },
  {
    name: "ALLOWED_HOSTS",
    defaultText: "",
    secret: false,
    form: "host names, comma-separated",
    meaning: "Names clients may call it by, besides localhost and IP addresses.",
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
    name: "METRICS_USERNAME",
    defaultText: "",
    secret: true,
    form: "text",
    meaning: "User name that readers must show, together with METRICS_PASSWORD.",
  },
  {
    name: "METRICS_PASSWORD",
    defaultText: "",
    secret: true,
    form: "text",
    meaning: "Password that they must show, on all but the health routes.",
  },
  {
    name: "METRICS_BEARER_TOKEN",
    defaultText: "",
    secret: true,
    form: "token",
    meaning: "Token that readers may show in place of both.",
  },
  {
    name: "TLS_CERT_FILE",
    defaultText: "",
    secret: false,
    form: "path of a PEM file",
    meaning: "Certificate of both listeners; a renewed file is picked up.",
  },
  {
    name: "TLS_KEY_FILE",
    defaultText: "",
    secret: false,
    form: "path of a PEM file",
    meaning: "Private key of TLS_CERT_FILE, without a passphrase.",
  },
  {
    name: "PARSEABLE_URL",
    defaultText: "",
    secret: false,
    form: "URL",
    meaning: "Where Parseable is (http://parseable:8000); the relay is off without it.",
  },
  {
    name: "OTLP_LISTEN_ADDRESS",
    defaultText: "0.0.0.0:4318",
    secret: false,
    form: "host:port",
    meaning: "Where the relay listens for OTLP metrics.",
  },
  {
    name: "PARSEABLE_STREAM",
    defaultText: "vLLMmetrics",
    secret: false,
    form: "letters, digits, - and _",
    meaning: "Stream of Parseable for senders that name none.",
  },
  {
    name: "PARSEABLE_TIMEOUT",
    defaultText: PARSEABLE_TIMEOUT_RANGE.example,
    secret: false,
    form: `duration, ${PARSEABLE_TIMEOUT_RANGE.min} to ${PARSEABLE_TIMEOUT_RANGE.max}`,
    meaning: "Longest wait for an answer of Parseable.",
  },
  {
    name: "PARSEABLE_TLS_CA_FILE",
    defaultText: "",
    secret: false,
    form: "path of a PEM file",
    meaning: "Authorities to trust for Parseable besides the usual ones.",
  },
  {
    name: "PARSEABLE_TLS_INSECURE_SKIP_VERIFY",
    defaultText: "false",
    secret: false,
    form: "true or false",
    meaning: "Takes any certificate of Parseable; others can then listen in.",
  },
  {
    name: "P_USERNAME",
    defaultText: "",
    secret: true,
    form: "text",
    meaning: "User of Parseable for provision, together with P_PASSWORD.",
  },
  {
    name: "P_PASSWORD",
    defaultText: "",
    secret: true,
    form: "text",
    meaning: "Password of that user.",
  },
  {
    name: "PARSEABLE_API_KEY",
    defaultText: "",
    secret: true,
    form: "token",
    meaning: "Key of Parseable for provision, in the place of user and password.",
  },
  {
    name: "PARSEABLE_RETENTION",
    defaultText: RETENTION_RANGE.example,
    secret: false,
    form: `days, ${RETENTION_RANGE.min}d to ${RETENTION_RANGE.max}d`,
    meaning: "How long Parseable keeps rows; provision sets it.",
  },
  {
    name: "SLO_TTFT",
    defaultText: GOAL_RANGE.example,
    secret: false,
    form: `duration, ${GOAL_RANGE.min} to ${GOAL_RANGE.max}`,
    meaning: "Goal for the time to the first token of an answer.",
  },
  {
    name: "SLO_TPOT",
    defaultText: "100ms",
    secret: false,
    form: `duration, ${GOAL_RANGE.min} to ${GOAL_RANGE.max}`,
    meaning: "Goal for the mean time of each further token of an answer.",
  },
  {
    name: "SCRAPE_INTERVAL",
    defaultText: SCRAPE_INTERVAL_RANGE.example,
    secret: false,
    form: `duration, ${SCRAPE_INTERVAL_RANGE.min} to ${SCRAPE_INTERVAL_RANGE.max}`,
    meaning: "Time from one scrape of the history to the next.",
  },
  {
    name: "HISTORY_FILE",
    defaultText: "",
    secret: false,
    form: "path of a file",
    meaning: "SQLite file that keeps the history; without it a day is kept in memory.",
  },
  {
    name: "HISTORY_RETENTION",
    defaultText: HISTORY_RANGE.example,
    secret: false,
    form: `duration, ${HISTORY_RANGE.min} to ${HISTORY_RANGE.max}`,
    meaning: "How long that file keeps the history.",
  },
  {
    name: "ALERT_KV_LIMIT",
    defaultText: "0.9",
    secret: false,
    form: "share, above 0 and below 1",
    meaning: "Share of the KV cache in use above which provision's alert fires.",
  },
  {
    name: "ALERT_WEBHOOK_URL",
    defaultText: "",
    secret: true,
    form: "URL",
    meaning: "Where provision's alerts are sent; without it they show in Parseable only.",
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

/**
 * Tells what holds when a setting is not set.
 *
 * @param name The setting.
 * @returns Its default as one would write it; empty when there is none.
 */
export function defaultOf(name: SettingName): string {
  return SETTINGS.find((setting) => setting.name === name)?.defaultText ?? "";
}
