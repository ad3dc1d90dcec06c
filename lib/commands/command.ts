/** A command: its words for help and documents, its options, and what it does. */

import { parseArgs } from "node:util";
import { nearest } from "../nearest.ts";
import { EXIT, type Host } from "./host.ts";

/** An option of a command. */
export interface CommandOption {
  /** Its name without the dashes. */
  readonly name: string;
  /** The placeholder of its value in help, such as `DIR`, or `[NAME]` if it may be left out; none for a switch. */
  readonly value?: string;
  /** The value of an option that is given without one. */
  readonly whenBare?: string;
  /** What it does: a phrase without a full stop. */
  readonly meaning: string;
}

/** What help, man page, shell completions and documents say of a command. */
export type CommandText = {
  readonly name: string;
  /** What it does: a phrase without a full stop. */
  readonly summary: string;
  /** More about it, for its own help: full sentences; none without. */
  readonly details?: string;
  /** A word that may follow it, such as `[COMMAND]`; none without. */
  readonly operand?: string;
  readonly options: readonly CommandOption[];
  /** What its exit codes mean; 2 is a wrong argument or setting for each of them. */
  readonly exit: string;
  /** The settings it reads, in the words of its help. */
  readonly settings: string;
};

/** A command. */
export interface Command extends CommandText {
  /** Takes the process with the arguments after the command's name; returns the exit code. */
  run(host: Host): number | Promise<number>;
}

/** Makes a command that reads its arguments, reports all that is wrong with them at once, and runs. */
export function command<O>(
  text: CommandText,
  read: (args: Arguments) => O,
  run: (host: Host, options: O) => number | Promise<number>,
): Command {
  return {
    ...text,
    run(host): number | Promise<number> {
      const args = new Arguments(text, host.args);
      const options = read(args);
      for (const mistake of args.mistakes) {
        host.printError(`vllm-metrics ${text.name}: ${mistake}\n`);
      }
      return args.mistakes.length > 0 ? EXIT.badConfig : run(host, options);
    },
  };
}

/** An option as `parseArgs` found it. */
interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

/** The arguments of a command. */
export class Arguments {
  /** What is wrong with them, one sentence each. */
  readonly mistakes: string[] = [];
  /** The word that is not an option; undefined without one. */
  readonly operand: string | undefined;
  readonly #text: CommandText;
  readonly #values = new Map<string, string>();

  /** Reads them. */
  constructor(text: CommandText, args: readonly string[]) {
    this.#text = text;
    const types = text.options.map(({ name, value }) =>
      [name, { type: value === undefined ? "boolean" : "string" }] as const
    );
    const { tokens } = parseArgs({
      args: this.#withBareValues(args),
      options: Object.fromEntries(types),
      strict: false,
      allowPositionals: true,
      tokens: true,
    });
    const words: string[] = [];
    let isAfterUnknown = false;
    for (const token of tokens) {
      if (token.kind === "option") isAfterUnknown = !this.#take(token);
      // Probably the value of an option that there is not.
      else if (token.kind === "positional" && !isAfterUnknown) words.push(token.value);
    }
    this.operand = text.operand === undefined ? undefined : words.shift();
    for (const word of words) this.#refuse("argument", word);
  }

  /** Whether an option is there. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value of an option, possibly empty; undefined without the option. */
  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** The value of an option; an empty one is a mistake. */
  text(name: string): string | undefined {
    const value = this.get(name);
    if (value === "") this.mistakes.push(`--${name} needs a value.`);
    return value;
  }

  /** The value of an option that has one of a few; the first without the option. */
  choice<T extends string>(name: string, values: readonly [T, ...T[]]): T {
    const value = this.get(name);
    const found = values.find((each) => each === value);
    if (value !== undefined && found === undefined) {
      const others = values.slice(0, -1).join(", ");
      this.mistakes.push(`--${name} must be ${others} or ${values.at(-1)}: "${value}".`);
    }
    return found ?? values[0];
  }

  /** Gives an option whose value may be left out its usual one; `parseArgs` has no such option. */
  #withBareValues(args: readonly string[]): string[] {
    return args.map((arg, index) => {
      const bare = this.#text.options.find(({ name }) => arg === `--${name}`)?.whenBare;
      const next = args[index + 1];
      return bare !== undefined && (next === undefined || next.startsWith("-"))
        ? `${arg}=${bare}`
        : arg;
    });
  }

  /** Takes an option; says whether there is one of that name. */
  #take({ name, rawName, value, inlineValue }: OptionToken): boolean {
    const option = this.#text.options.find((each) => each.name === name);
    if (option === undefined || rawName !== `--${name}`) {
      this.#refuse("option", rawName);
      return false;
    }
    if (option.value === undefined && value !== undefined) {
      this.mistakes.push(`--${name} takes no value: "${value}".`);
    } else if (inlineValue !== true && value?.startsWith("-")) {
      this.mistakes.push(`--${name} needs a value. Write --${name}=${value} if "${value}" is it.`);
    } else this.#values.set(name, value ?? "");
    return true;
  }

  #refuse(what: "option" | "argument", word: string): void {
    const names = this.#text.options.map(({ name }) => `--${name}`);
    const meant = nearest(word, names);
    const hint = meant === undefined ? this.#hint(names) : `Did you mean "${meant}"?`;
    this.mistakes.push(`there is no ${what} "${word}". ${hint}`);
  }

  #hint(names: readonly string[]): string {
    const { name } = this.#text;
    if (name === "serve") {
      return "Settings come from the environment or .env: see vllm-metrics help.";
    }
    if (names.length === 0) return `${name} takes none.`;
    return names.length === 1
      ? `There is ${names[0]}.`
      : `There are ${names.slice(0, -1).join(", ")} and ${names.at(-1)}.`;
  }
}
