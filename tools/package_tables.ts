/** What the man page and the completions are made from. Everything else here takes these types. */

import { SETTINGS } from "../lib/config/setting_list.ts";
import { SCENARIO_NAMES } from "../lib/demo/scenario.ts";

/** An option of a command. */
export interface CommandOption {
  /** Such as `--wait`. */
  readonly name: string;
  /** What its value is called, such as `DURATION`; a flag has none. */
  readonly value?: string;
  /** The values there are, if they can be listed. */
  readonly choices?: readonly string[];
  /** One phrase. */
  readonly meaning: string;
}

/** A command. */
export interface CommandEntry {
  readonly name: string;
  /** One phrase. */
  readonly summary: string;
  readonly options: readonly CommandOption[];
}

/** A setting. */
export interface SettingEntry {
  readonly name: string;
  /** Empty when there is none. */
  readonly defaultText: string;
  /** Whether `NAME_FILE` can name a file with the value. */
  readonly secret: boolean;
  /** How the value is written. */
  readonly form: string;
  /** One sentence. */
  readonly meaning: string;
}

/** All settings. */
export const SETTING_ENTRIES: readonly SettingEntry[] = SETTINGS;

/** All commands. */
export const COMMAND_ENTRIES: readonly CommandEntry[] = [
  { name: "serve", summary: "run the service; the default", options: [] },
  {
    name: "demo",
    summary: "run the service on a simulated vLLM, without any setting",
    options: [
      { name: "--scenario", value: "NAME", choices: SCENARIO_NAMES, meaning: "load over time" },
      { name: "--servers", value: "N", meaning: "number of servers" },
      { name: "--engines", value: "N", meaning: "engines per server" },
      { name: "--openmetrics", meaning: "answer as the Rust front end of vLLM does" },
      { name: "--seed", value: "N", meaning: "equal seeds give equal numbers" },
    ],
  },
  {
    name: "top",
    summary: "show the live page in the terminal",
    options: [
      { name: "--once", meaning: "print one view and exit" },
      { name: "--json", meaning: "print views as JSON, one per line" },
      { name: "--window", value: "DURATION", meaning: "time range, such as 5m" },
      { name: "--model", value: "NAME", meaning: "only this model" },
      { name: "--engine", value: "NAME", meaning: "only this engine" },
      { name: "--instance", value: "NAME", meaning: "only this server" },
      { name: "--url", value: "URL", meaning: "address of the service" },
    ],
  },
  {
    name: "check",
    summary: "check every hop from the settings to the stored rows",
    options: [
      { name: "--json", meaning: "print the result as JSON" },
      { name: "--watch", meaning: "repeat until stopped" },
    ],
  },
  {
    name: "provision",
    summary: "put dashboards, alerts and retention into Parseable",
    options: [
      { name: "--dry-run", meaning: "say what it would do" },
      { name: "--wait", value: "DURATION", meaning: "wait until Parseable is ready, such as 60s" },
      { name: "--force", meaning: "replace what was edited by hand" },
      { name: "--export", value: "DIR", meaning: "write the JSON to files, and do nothing else" },
      { name: "--shipper-user", value: "NAME", meaning: "make a user that may only write" },
    ],
  },
  {
    name: "sanitize",
    summary: "sanitize standard input to standard output, as /metrics does",
    options: [{ name: "--openmetrics", meaning: "the input is OpenMetrics" }],
  },
  { name: "healthcheck", summary: "ask the running service whether it is ready", options: [] },
  { name: "version", summary: "print the version", options: [] },
  { name: "help", summary: "print the commands and the settings", options: [] },
];
