/** `vllm-metrics help`: the commands, the settings, and each command's own help. */

import { SETTING_ROWS } from "../config/settings.ts";
import { nearest } from "../nearest.ts";
import { Arguments } from "./arguments.ts";
import { type Command, COMMANDS, findCommand } from "./command_list.ts";
import { EXIT, type Host } from "./host.ts";

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

/** The text of `help`. */
export function helpText(): string {
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

/** The help of one command. */
export function commandHelp(command: Command): string {
  const { name, summary, details, operand, options, exit, settings } = command;
  const words = [name, ...operand === undefined ? [] : [operand]];
  if (options.length > 0) words.push("[OPTIONS]");
  const rows = options.map(({ name, value, meaning }) =>
    row(value === undefined ? `--${name}` : `--${name} ${value}`, meaning, 28)
  );
  return `vllm-metrics ${name}: ${summary}

Usage: vllm-metrics ${words.join(" ")}
` + (details === undefined ? "" : `\n${wrap("", details)}`) +
    (rows.length === 0 ? "" : `\nOptions:\n${rows.join("")}`) +
    `\n${wrap("Settings: ", settings)}${
      wrap("Exit code: ", `${exit}, 2 wrong argument or setting`)
    }`;
}

/** Prints the text. */
export function help(host: Host): number {
  const args = new Arguments("help", host.args);
  const { operand } = args;
  const command = operand === undefined ? undefined : findCommand(operand);
  if (operand !== undefined && command === undefined) {
    const meant = nearest(operand, COMMANDS.map(({ name }) => name));
    const hint = meant === undefined ? "See vllm-metrics help." : `Did you mean "${meant}"?`;
    args.addMistake(`there is no command "${operand}". ${hint}`);
  }
  if (args.refuse(host)) return EXIT.badConfig;
  host.print(command === undefined ? helpText() : commandHelp(command));
  return EXIT.ok;
}
