/** Reads the arguments of a command, strictly, and reports all that is wrong with them at once. */

import { parseArgs } from "node:util";
import { nearest } from "../nearest.ts";
import {
  type Command,
  type CommandName,
  type CommandOption,
  findCommand,
  type OptionName,
} from "./command_list.ts";
import type { Host } from "./host.ts";

/** An option as `parseArgs` found it. */
interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

/** The arguments of a command. */
export class Arguments<C extends CommandName> {
  readonly #command: C;
  readonly #spec: Command | undefined;
  readonly #values = new Map<string, string>();
  readonly #mistakes: string[] = [];
  /** The word that is not an option; undefined without one. */
  readonly operand: string | undefined;

  /** Reads them. */
  constructor(command: C, args: readonly string[]) {
    this.#command = command;
    this.#spec = findCommand(command);
    const types = this.#options.map(({ name, value }) =>
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
    this.operand = this.#spec?.operand === undefined ? undefined : words.shift();
    for (const word of words) this.#refuseWord(word);
  }

  /** Whether an option is there. */
  has(name: OptionName<C>): boolean {
    return this.#values.has(name);
  }

  /** The value of an option, possibly empty; undefined without the option. */
  get(name: OptionName<C>): string | undefined {
    return this.#values.get(name);
  }

  /** The value of an option; an empty one is a mistake. */
  text(name: OptionName<C>): string | undefined {
    const value = this.get(name);
    if (value === "") this.addMistake(`--${name} needs a value.`);
    return value;
  }

  /** The value of an option that has one of a few; the first without the option. */
  choice<T extends string>(name: OptionName<C>, values: readonly [T, ...T[]]): T {
    const value = this.get(name);
    const found = values.find((each) => each === value);
    if (value !== undefined && found === undefined) {
      this.addMistake(`--${name} must be ${values.join(" or ")}: "${value}".`);
    }
    return found ?? values[0];
  }

  /** Adds what is wrong with a value: a sentence. */
  addMistake(sentence: string): void {
    this.#mistakes.push(sentence);
  }

  /** Prints the mistakes. */
  refuse(host: Pick<Host, "printError">): boolean {
    for (const mistake of this.#mistakes) {
      host.printError(`vllm-metrics ${this.#command}: ${mistake}\n`);
    }
    return this.#mistakes.length > 0;
  }

  get #options(): readonly CommandOption[] {
    return this.#spec?.options ?? [];
  }

  /** Gives an option whose value may be left out its usual one; `parseArgs` has no such option. */
  #withBareValues(args: readonly string[]): string[] {
    return args.map((arg, index) => {
      const bare = this.#options.find(({ name }) => arg === `--${name}`)?.whenBare;
      const next = args[index + 1];
      return bare !== undefined && (next === undefined || next.startsWith("-"))
        ? `${arg}=${bare}`
        : arg;
    });
  }

  /** Takes an option; says whether there is one of that name. */
  #take({ name, rawName, value, inlineValue }: OptionToken): boolean {
    const option = this.#options.find((each) => each.name === name);
    if (option === undefined || rawName !== `--${name}`) {
      this.#refuseWord(rawName);
      return false;
    }
    if (option.value === undefined && value !== undefined) {
      this.addMistake(`--${name} takes no value: "${value}".`);
    } else if (inlineValue !== true && value?.startsWith("-")) {
      this.addMistake(`--${name} needs a value. Write --${name}=${value} if "${value}" is it.`);
    } else this.#values.set(name, value ?? "");
    return true;
  }

  #refuseWord(word: string): void {
    const names = this.#options.map(({ name }) => `--${name}`);
    const meant = nearest(word, names);
    this.addMistake(
      `there is no option "${word}". ` +
        (meant === undefined ? this.#all(names) : `Did you mean "${meant}"?`),
    );
  }

  #all(names: readonly string[]): string {
    if (names.length === 0) {
      return this.#command === "serve"
        ? "Settings come from the environment or .env: see vllm-metrics help."
        : `${this.#command} takes none.`;
    }
    return names.length === 1
      ? `There is ${names[0]}.`
      : `There are ${names.slice(0, -1).join(", ")} and ${names.at(-1)}.`;
  }
}
