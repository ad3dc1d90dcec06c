/** The commands by name. */

import { nearest } from "../nearest.ts";
import { VERSION } from "../version.ts";
import { check } from "./check.ts";
import { demo } from "./demo.ts";
import { healthcheck } from "./healthcheck.ts";
import { help } from "./help.ts";
import { EXIT, type Host } from "./host.ts";
import { provision } from "./provision.ts";
import { sanitize } from "./sanitize.ts";
import { serve } from "./serve.ts";
import { top } from "./top/top.ts";

export type { Host, Listener, ListenOptions, Terminal, TextFile } from "./host.ts";

/** A command: takes the process, gives the exit code. */
type Command = (host: Host) => number | Promise<number>;

function version(host: Host): number {
  host.print(`vllm-metrics ${VERSION}\n`);
  return EXIT.ok;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  serve,
  demo,
  sanitize,
  healthcheck,
  check,
  top,
  provision,
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
async function run(command: Command, host: Host): Promise<number> {
  try {
    return await command(host);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return EXIT.ok;
    throw error;
  }
}

/**
 * Runs the command that the first word names, `serve` without one.
 *
 * @param host The process, with all its words.
 * @returns The exit code: 0, 1 when the command failed, 2 on a wrong call or configuration.
 */
export async function runCommand(host: Host): Promise<number> {
  const [word = "serve", ...args] = host.args;
  const name = ALIASES[word] ?? word;
  const wantsHelp = args.some((arg) => ALIASES[arg] === "help");
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return await run(wantsHelp ? help : command, { ...host, args });
  const meant = nearest(word, Object.keys(COMMANDS));
  const hint = meant === undefined ? "See vllm-metrics help." : `Did you mean "${meant}"?`;
  host.printError(`vllm-metrics: there is no command "${word}". ${hint}\n`);
  return EXIT.badConfig;
}
