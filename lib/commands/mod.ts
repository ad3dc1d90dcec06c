/** The commands by name. */

import { nearest } from "../nearest.ts";
import { check } from "./check.ts";
import { type CommandName, COMMANDS } from "./command_list.ts";
import { demo } from "./demo.ts";
import { healthcheck } from "./healthcheck.ts";
import { exportCommand } from "./export.ts";
import { commandHelp, help } from "./help.ts";
import { EXIT, type Host } from "./host.ts";
import { provision } from "./provision.ts";
import { sanitize } from "./sanitize.ts";
import { serve } from "./serve.ts";
import { top } from "./top/top.ts";
import { version } from "./version.ts";

export type { Host, Listener, ListenOptions, Terminal, TextFile } from "./host.ts";

/** Runs a command: takes the process, returns the exit code. */
type Run = (host: Host) => number | Promise<number>;

const RUN: Readonly<Record<CommandName, Run>> = {
  serve,
  demo,
  sanitize,
  healthcheck,
  check,
  top,
  provision,
  export: exportCommand,
  version,
  help,
};

/** Options that people try before they know the commands. */
const ALIASES: Readonly<Record<string, string>> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-V": "version",
};

/** Runs a command. A reader that has seen enough of its output, as `head` has, is no failure. */
async function run(command: Run, host: Host): Promise<number> {
  try {
    return await command(host);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return EXIT.ok;
    throw error;
  }
}

/** Runs the command that the first word names, `serve` without one. */
export async function runCommand(host: Host): Promise<number> {
  const [word = "serve", ...args] = host.args;
  const name = ALIASES[word] ?? word;
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    const meant = nearest(word, COMMANDS.map((each) => each.name));
    const hint = meant === undefined ? "See vllm-metrics help." : `Did you mean "${meant}"?`;
    host.printError(`vllm-metrics: there is no command "${word}". ${hint}\n`);
    return EXIT.badConfig;
  }
  if (args.some((arg) => ALIASES[arg] === "help")) {
    host.print(commandHelp(command));
    return EXIT.ok;
  }
  return await run(RUN[command.name], { ...host, args });
}
