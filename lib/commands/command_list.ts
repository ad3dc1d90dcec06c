/**
 * The commands and their options, as data. Help, argument checks, the man page and shell completions
 * derive from it, so it imports nothing.
 */

/** An option of a command. */
export interface CommandOption {
  /** Its name without the dashes. */
  readonly name: string;
  /** What stands for its value in help, such as `DIR`, or `[NAME]` if it may be left out; none for a switch. */
  readonly value?: string;
  /** The value of an option that is given without one. */
  readonly whenBare?: string;
  /** What it does: a phrase without a full stop. */
  readonly meaning: string;
}

/** A command. */
export interface Command {
  /** Its name. */
  readonly name: string;
  /** What it does: a phrase without a full stop. */
  readonly summary: string;
  /** More about it, for its own help: full sentences; none without. */
  readonly details?: string;
  /** A word that may follow it, such as `[COMMAND]`; none without. */
  readonly operand?: string;
  /** Its options. */
  readonly options: readonly CommandOption[];
  /** What its exit codes mean; 2 is a wrong argument or setting for each of them. */
  readonly exit: string;
  /** The settings it reads, in the words of its help. */
  readonly settings: string;
}

const JSON_OUTPUT = "print JSON, one object a line";

/** All commands, in the order of the help. */
export const COMMANDS = [
  {
    name: "serve",
    summary: "run the service (default)",
    details: "Runs until SIGTERM, SIGINT, SIGHUP or SIGQUIT; a second signal does not wait.",
    options: [],
    exit: "0 stopped by a signal, 1 failed",
    settings: "all; see vllm-metrics help",
  },
  {
    name: "demo",
    summary: "run the service on a simulated vLLM",
    details:
      "Needs no setting and no GPU. Settings apply, except VLLM_METRICS_URL and HISTORY_FILE.",
    options: [
      {
        name: "scenario",
        value: "steady|busy|burst|outage|sleep",
        meaning: "the load and what goes wrong (default steady)",
      },
      { name: "servers", value: "N", meaning: "simulated servers, 1 to 8 (default 1)" },
      { name: "engines", value: "N", meaning: "engines of each server, 1 to 32 (default 1)" },
      { name: "openmetrics", meaning: "answer as vLLM's Rust front end does" },
      { name: "seed", value: "N", meaning: "equal seeds give equal numbers (default 1)" },
    ],
    exit: "0 stopped by a signal, 1 failed",
    settings: "all but VLLM_METRICS_URL and HISTORY_FILE; see vllm-metrics help",
  },
  {
    name: "top",
    summary: "show the live page in the terminal",
    details:
      "On a terminal: q quits, p pauses, w changes the window, s the server, h shows the keys.",
    options: [
      { name: "once", meaning: "print one view and exit" },
      { name: "json", meaning: JSON_OUTPUT },
      {
        name: "window",
        value: "DURATION",
        meaning: "5m, 15m, 1h, 3h, 6h, 24h or 30d (default 5m)",
      },
      { name: "model", value: "NAME", meaning: "only this model" },
      { name: "engine", value: "NUMBER", meaning: "only this engine" },
      { name: "instance", value: "NAME", meaning: "only this server" },
      {
        name: "url",
        value: "URL",
        meaning: "another service; put its credentials into the URL",
      },
    ],
    exit: "0, 1 the service cannot be reached",
    settings:
      "LISTEN_ADDRESS, METRICS_USERNAME, METRICS_PASSWORD, METRICS_BEARER_TOKEN, TLS_CERT_FILE",
  },
  {
    name: "check",
    summary: "check every hop from the settings to the stored rows",
    details: "Says for each hop whether it works, and what to do where it does not.",
    options: [
      { name: "json", meaning: "print one JSON object per check" },
      { name: "watch", meaning: "check again every 10 s" },
    ],
    exit: "0 nothing failed, 1 something failed",
    settings: "the same as the service's",
  },
  {
    name: "provision",
    summary: "put dashboards, alerts and retention into Parseable",
    details: "Repeating it changes nothing. What was edited by hand is kept.",
    options: [
      { name: "dry-run", meaning: "print what would change" },
      { name: "wait", value: "DURATION", meaning: "wait for Parseable to be ready, such as 60s" },
      { name: "force", meaning: "replace what was edited by hand" },
      { name: "export", value: "DIR", meaning: "write the JSON files to DIR and do nothing else" },
      {
        name: "shipper-user",
        value: "[NAME]",
        whenBare: "vllm-shipper",
        meaning: "create a user that may only write to the stream",
      },
    ],
    exit: "0, 1 something failed",
    settings: "PARSEABLE_URL, PARSEABLE_STREAM, P_USERNAME, P_PASSWORD, PARSEABLE_API_KEY, " +
      "PARSEABLE_RETENTION, SLO_TTFT, SLO_TPOT, ALERT_KV_LIMIT, ALERT_WEBHOOK_URL, " +
      "PARSEABLE_TIMEOUT, PARSEABLE_TLS_CA_FILE, PARSEABLE_TLS_INSECURE_SKIP_VERIFY",
  },
  {
    name: "export",
    summary: "write alerts and dashboards for other programs",
    details:
      "PROGRAM is prometheus (rules), grafana (dashboards), operator (both for Kubernetes) or parseable.",
    operand: "PROGRAM",
    options: [
      {
        name: "out",
        value: "FOLDER",
        meaning: "write files to FOLDER; without it they are printed",
      },
      {
        name: "names",
        value: "underscore|colon",
        meaning: "vllm_ or vllm: in queries, as METRICS_NAMES (default underscore)",
      },
      {
        name: "monitor",
        value: "service|pod",
        meaning: "the monitor of operator (default service)",
      },
      { name: "runbook", value: "URL", meaning: "your copy of docs/runbook.md, for alerts" },
    ],
    exit: "0, 1 cannot write",
    settings: "SLO_TTFT, SLO_TPOT, ALERT_KV_LIMIT, PARSEABLE_STREAM",
  },
  {
    name: "sanitize",
    summary: "sanitize standard input, as /metrics does",
    options: [{
      name: "openmetrics",
      meaning: "read OpenMetrics without its # EOF or a hint of it",
    }],
    exit: "0, 1 the input is no exposition",
    settings: "none",
  },
  {
    name: "healthcheck",
    summary: "ask the running service whether it is ready",
    details: "For containers without a shell.",
    options: [],
    exit: "0 ready, 1 not ready",
    settings: "LISTEN_ADDRESS, OTLP_LISTEN_ADDRESS, PARSEABLE_URL, TLS_CERT_FILE",
  },
  {
    name: "version",
    summary: "print the version",
    options: [{ name: "json", meaning: "print version, commit and tested versions as JSON" }],
    exit: "0",
    settings: "none",
  },
  {
    name: "help",
    summary: "print this help, or the help of a command",
    operand: "[COMMAND]",
    options: [],
    exit: "0",
    settings: "none",
  },
] as const satisfies readonly Command[];

/** The name of a command. */
export type CommandName = typeof COMMANDS[number]["name"];

/** The name of an option of a command. */
export type OptionName<C extends CommandName> = Extract<
  typeof COMMANDS[number],
  { name: C }
>["options"][number]["name"];

/** Finds a command. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}
