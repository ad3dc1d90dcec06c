/** A text that must not show up anywhere by accident. */

/** What every accidental print of a secret shows. */
export const REDACTED = "[redacted]";

/**
 * Holds a secret. String conversion, JSON and `Deno.inspect` show
 * {@linkcode REDACTED}; only {@linkcode Secret.reveal} gives the text.
 */
export class Secret {
  readonly #text: string;

  /** Wraps a text. */
  constructor(text: string) {
    this.#text = text;
  }

  /** Gives the text, for the one place that sends it. */
  reveal(): string {
    return this.#text;
  }

  /** Hides the text in a template or a concatenation. */
  toString(): string {
    return REDACTED;
  }

  /** Hides the text in `JSON.stringify()`. */
  toJSON(): string {
    return REDACTED;
  }

  /** Hides the text in `Deno.inspect()` and the console. */
  [Symbol.for("Deno.customInspect")](): string {
    return REDACTED;
  }
}
