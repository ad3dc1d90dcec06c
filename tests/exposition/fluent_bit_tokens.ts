/**
 * The words that Fluent Bit 5.1.1 cuts a text into, rule by rule as its scanner
 * does it: the longest match wins, of equal ones the first, and a byte that no
 * rule takes ends the process.
 */

/** What ends the process: no rule of the scanner takes the next byte, or memory is overrun. */
export class ProcessExit extends Error {}

/** What makes Fluent Bit throw the whole scrape away. */
export class ScrapeLost extends Error {}

/** A word of the text; the bytes of `text` are its characters. */
export interface Token {
  /** `word`, `number`, `quoted`, `help`, `type`, `doc`, `metric type`, `end` or a single character. */
  readonly kind: string;
  /** The word, without quotes and escapes. */
  readonly text: string;
}

type State = "initial" | "quote" | "help" | "help text" | "type" | "type word" | "hash" | "comment";

interface Rule {
  readonly pattern: RegExp;
  /** Whether it holds at the start of a line only. */
  readonly atLineStart?: true;
  readonly to?: State;
  /** The kind of token to hand out, if any. */
  readonly token?: string;
  /** Text to collect for the token that follows; `$&` is the match itself. */
  readonly collect?: string;
}

const END_OF_LINE: Rule = { pattern: /\r\n|\n/y, to: "initial" };
const BLANKS: Rule = { pattern: /[ \t]+/y };
const ESCAPED_LINE_FEED: Rule = { pattern: /\\n/y, collect: "\n" };
const ESCAPED_BACKSLASH: Rule = { pattern: /\\\\/y, collect: "\\" };

const RULES: Record<State, readonly Rule[]> = {
  "initial": [
    END_OF_LINE,
    { pattern: /[ ]*#[ ]*/y, atLineStart: true, to: "hash" },
    BLANKS,
    { pattern: /"/y, to: "quote" },
    { pattern: /[+-]?(?:inf|nan)/iy, token: "number" },
    { pattern: /[a-zA-Z_][a-zA-Z_0-9]*/y, token: "word" },
    { pattern: /[0-9.eE+-]+/y, token: "number" },
    { pattern: /[^\n]/y, token: "character" },
  ],
  "hash": [
    END_OF_LINE,
    { pattern: /HELP[ \t]+/y, to: "help" },
    { pattern: /TYPE[ \t]+/y, to: "type" },
    { pattern: /[^\n]/y, to: "comment" },
  ],
  "comment": [END_OF_LINE, { pattern: /[^\n]+/y }],
  "help": [
    END_OF_LINE,
    { pattern: /[^ \t]+/y, token: "help" },
    { pattern: /[ \t]*/y, to: "help text" },
  ],
  "type": [
    END_OF_LINE,
    { pattern: /[^ \t]+/y, token: "type" },
    { pattern: /[ \t]*/y, to: "type word" },
  ],
  "help text": [
    { ...END_OF_LINE, token: "doc" },
    ESCAPED_LINE_FEED,
    ESCAPED_BACKSLASH,
    { pattern: /[^\r\n\\]+/y, collect: "$&" },
  ],
  "type word": [
    END_OF_LINE,
    { pattern: /counter|gauge|summary|untyped|histogram/y, token: "metric type" },
    BLANKS,
  ],
  "quote": [
    END_OF_LINE,
    { pattern: /\\"/y, collect: '"' },
    ESCAPED_LINE_FEED,
    ESCAPED_BACKSLASH,
    { pattern: /[^\r\n\\"]+/y, collect: "$&" },
    { pattern: /"/y, to: "initial", token: "quoted" },
  ],
};

/** A text in C ends at its first NUL. */
function cutAtNul(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

/** Hands out the words of a text one after the other. */
export class Scanner {
  readonly #text: string;
  #at = 0;
  #state: State = "initial";
  #collected = "";

  /** @param bytes The exposition. */
  constructor(bytes: Uint8Array) {
    let text = "";
    for (let at = 0; at < bytes.length; at += 8_192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
    }
    this.#text = text;
  }

  /** Whether everything was read. */
  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /**
   * Reads the next word.
   *
   * @throws {ProcessExit} When no rule takes the next byte.
   */
  next(): Token {
    for (;;) {
      if (this.atEnd) return this.#end();
      const state = this.#state;
      const [rule, match] = this.#longest(RULES[state]);
      this.#at += match.length;
      if (rule.to !== undefined) this.#enter(rule.to);
      if (rule.collect !== undefined) {
        this.#collected += rule.collect === "$&" ? match : rule.collect;
      }
      const token = this.#tokenOf(rule, match);
      if (token !== undefined) return token;
    }
  }

  /** The end of the text; a help text ends with it. */
  #end(): Token {
    if (this.#state !== "help text") return { kind: "end", text: "" };
    this.#state = "initial";
    return { kind: "doc", text: cutAtNul(this.#collected) };
  }

  #enter(state: State): void {
    if (state === "quote" || state === "help text") this.#collected = "";
    this.#state = state;
  }

  #longest(rules: readonly Rule[]): [Rule, string] {
    let best: [Rule, string] | undefined;
    for (const rule of rules) {
      if (rule.atLineStart && this.#at > 0 && this.#text[this.#at - 1] !== "\n") continue;
      rule.pattern.lastIndex = this.#at;
      const match = rule.pattern.exec(this.#text)?.[0];
      if (match === undefined || (best !== undefined && match.length <= best[1].length)) continue;
      best = [rule, match];
    }
    if (best !== undefined) return best;
    const rest = JSON.stringify(this.#text.slice(this.#at, this.#at + 20));
    throw new ProcessExit(`no rule for ${rest} in a ${this.#state}`);
  }

  #tokenOf({ token }: Rule, match: string): Token | undefined {
    switch (token) {
      case undefined:
        return undefined;
      case "character":
        // NUL and bytes over 0x7f are negative or zero, which the grammar takes for the end.
        return match === "\0" || match > "\x7f"
          ? { kind: "end", text: match }
          : { kind: match, text: match };
      case "doc":
      case "quoted":
        return { kind: token, text: cutAtNul(this.#collected) };
      default:
        return { kind: token, text: cutAtNul(match) };
    }
  }
}
