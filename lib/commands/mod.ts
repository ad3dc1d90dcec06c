/** The commands by name, and their help. */

import { SETTING_ROWS } from "../config/settings.ts";
import { nearest } from "../nearest.ts";
import { COMMIT, TESTED, VERSION } from "../version.ts";
import { check } from "./check.ts";
import { type Command, command } from "./command.ts";
import { demo } from "./demo.ts";
import { exportCommand } from "./export.ts";
import { healthcheck } from "./healthcheck.ts";
import { EXIT, type Host } from "./host.ts";
import { provision } from "./provision.ts";
import { sanitize } from "./sanitize.ts";
import { serve } from "./serve.ts";
import { top } from "./top/top.ts";

export type { Host, Listener, ListenOptions, Terminal, TextFile } from "./host.ts";

const version = command(
  {
    name: "version",
    summary: "print the version",
    options: [{ name: "json", meaning: "print version, commit and tested versions as JSON" }],
    exit: "0",
    settings: "none",
  },
  (args) => args.has("json"),
  (host, isJson) => {
    const { runtime } = host;
    const all = { version: VERSION, commit: COMMIT ?? null, runtime, tested: TESTED };
    host.print(isJson ? `${JSON.stringify(all)}\n` : `vllm-metrics ${VERSION}\n`);
    return EXIT.ok;
  },
);

const help = command(
  {
    name: "help",
    summary: "print this help, or the help of a command",
    operand: "[COMMAND]",
    options: [],
    exit: "0",
    settings: "none",
  },
  (args) => {
    const { operand = "help" } = args;
    const found = find(operand);
    if (found === undefined) args.mistakes.push(noCommand(operand));
    return args.operand === undefined ? undefined : found;
  },
  (host, about) => {
    host.print(about === undefined ? helpText() : commandHelp(about));
    return EXIT.ok;
  },
);

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  serve,
  demo,
  top,
  check,
  provision,
  exportCommand,
  sanitize,
  healthcheck,
  version,
  help,
];

/** Options that people try before they know the commands. */
const ALIASES: Readonly<Record<string, string>> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-V": "version",
};

function find(name: string): Command | undefined {
  return COMMANDS.find((each) => each.name === name);
}

function noCommand(word: string): string {
  const meant = nearest(word, COMMANDS.map((each) => each.name));
  const hint = meant === undefined ? "See vllm-metrics help." : `Did you mean "${meant}"?`;
  return `there is no command "${word}". ${hint}`;
}

/** Runs the command that the first word names, `serve` without one. */
export async function runCommand(host: Host): Promise<number> {
  const [word = "serve", ...args] = host.args;
  const found = find(ALIASES[word] ?? word);
  if (found === undefined) {
    host.printError(`vllm-metrics: ${noCommand(word)}\n`);
    return EXIT.badConfig;
  }
  try {
    if (!args.some((arg) => ALIASES[arg] === "help")) return await found.run({ ...host, args });
    host.print(commandHelp(found));
  } catch (error) {
    // A reader that has seen enough of the output, as `head` has, is no failure.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return EXIT.ok;
}

/** Longest line, in characters. */
const COLUMNS = 80;

/** Breaks a text into lines; the first begins with `head`, the others with as many spaces. */
function wrap(head: string, text: string): string {
  const lines = [head];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    const isFirst = line.trim() === "" || line === head;
    if (!isFirst && line.length + 1 + word.length > COLUMNS) {
      lines.push(" ".repeat(head.length) + word);
    } else lines[lines.length - 1] = isFirst ? line + word : `${line} ${word}`;
  }
  return `${lines.join("\n")}\n`;
}

/** Two columns; a long left side gets a line of its own. */
function row(left: string, right: string, width: number): string {
  const head = left.length + 4 > width ? `  ${left}\n` : "";
  const first = head === "" ? `  ${left}`.padEnd(width) : " ".repeat(width);
  return head + wrap(first, right);
}

function settingsTable(): string {
  // Two names are longer; at 36 every line fits into 80 columns.
  const width = Math.min(36, Math.max(...SETTING_ROWS.map(([name]) => name.length)));
  return SETTING_ROWS.map(([name, { defaultText, form, meaning }]) => {
    const usual = defaultText === "" ? "" : ` [${defaultText}]`;
    return `  ${name.padEnd(width)}  ${form}${usual}\n      ${meaning}\n`;
  }).join("");
}

function helpText(): string {
  const commands = COMMANDS.map(({ name, summary }) => row(name, summary, 16)).join("");
  return `vllm-metrics makes vLLM's Prometheus metrics arrive in Prometheus, Fluent Bit
and Parseable, and shows them on a live page.

Usage: vllm-metrics [COMMAND] [OPTIONS]

Commands:
${commands}
vllm-metrics COMMAND --help prints the options of a command.

Settings, from the environment or a file .env; [...] is the default. Each
secret can come from a file: NAME_FILE names it.

${settingsTable()}`;
}

function commandHelp(
  { name, summary, details, operand, options, exit, settings }: Command,
): string {
  const words = [name, ...operand === undefined ? [] : [operand]];
  if (options.length > 0) words.push("[OPTIONS]");
  const rows = options.map(({ name, value, meaning }) =>
    row(value === undefined ? `--${name}` : `--${name} ${value}`, meaning, 28)
  );
  return `vllm-metrics ${name}: ${summary}

Usage: vllm-metrics ${words.join(" ")}
` + (details === undefined ? "" : `\n${wrap("", details)}`) +
    (rows.length === 0 ? "" : `\nOptions:\n${rows.join("")}`) +
    `\n${wrap("Settings: ", settings)}` +
    wrap("Exit code: ", `${exit}, 2 wrong argument or setting`);
}
