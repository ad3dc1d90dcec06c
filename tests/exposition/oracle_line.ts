/** One line of an exposition, read character by character. */

import type { OracleFormat, OracleSample } from "./oracle.ts";

const DECIMAL = /^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)(e[+-]?[0-9]+)?$/i;

/** Reads a line from left to right. */
export class LineReader {
  readonly #line: string;
  readonly #format: OracleFormat;
  #at = 0;

  /**
   * @param line The line without its line feed.
   * @param format What it is in.
   */
  constructor(line: string, format: OracleFormat) {
    this.#line = line;
    this.#format = format;
  }

  /** Skips blanks, where the format has them. */
  blanks(): void {
    while (this.#line[this.#at] === " " || this.#line[this.#at] === "\t") this.#at++;
  }

  /** Reads what stands between two words: one space, or blanks. */
  separator(): void {
    const start = this.#at;
    this.blanks();
    const width = this.#at - start;
    if (this.#at === this.#line.length && width === 0) return;
    if (width === 0 || (this.#format === "openmetrics" && width > 1)) this.#fail("separator");
  }

  /** Reads the character if it stands here. */
  take(character: string): boolean {
    if (this.#line[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** Everything that is left. */
  rest(): string {
    const rest = this.#line.slice(this.#at);
    this.#at = this.#line.length;
    return rest;
  }

  /** `HELP`, `TYPE` or `UNIT` behind a `#`; undefined for a comment. */
  keyword(): "HELP" | "TYPE" | "UNIT" | undefined {
    const start = this.#at;
    this.blanks();
    const isSeparate = this.#at > start;
    for (const word of ["HELP", "TYPE", "UNIT"] as const) {
      const after = this.#line[this.#at + word.length];
      if (!isSeparate || !this.#line.startsWith(word, this.#at)) continue;
      if (after !== " " && after !== "\t") continue;
      if (word === "UNIT" && this.#format !== "openmetrics") continue;
      this.#at += word.length;
      this.separator();
      return word;
    }
    return undefined;
  }

  /** The name in a HELP or TYPE line. */
  familyName(): string {
    if (this.#line[this.#at] !== '"') return this.#bare(true);
    if (this.#format !== "1.0.0") this.#fail("quoted name");
    return this.#quoted();
  }

  /** A help text, to the end of the line. */
  help(): string {
    const quotes = this.#format === "openmetrics";
    let text = "";
    while (this.#at < this.#line.length) text += this.#character(quotes);
    return text;
  }

  /** A whole sample. */
  sample(): OracleSample {
    const labels = new Map<string, string>();
    let name = this.#line[this.#at] === "{" ? "" : this.#bare(true);
    const nameEnd = this.#at;
    this.#loose();
    const isOpenMetrics = this.#format === "openmetrics";
    if (this.take("{")) {
      name = this.#labels(labels, name);
      if (isOpenMetrics) this.separator();
      else this.blanks();
    } else if (isOpenMetrics) this.separator();
    else if (this.#at === nameEnd) this.#fail("separator");
    if (name === "") this.#fail("name");
    const value = this.#number(this.#word());
    this.separator();
    let timestamp: number | undefined;
    if (this.#at < this.#line.length && this.#line[this.#at] !== "#") {
      timestamp = this.#time(this.#word());
      this.separator();
    }
    if (isOpenMetrics && this.#line[this.#at] === "#") this.#exemplar();
    if (this.#at < this.#line.length) this.#fail("end of line");
    return { name, labels, value, ...timestamp === undefined ? {} : { timestamp } };
  }

  #exemplar(): void {
    this.take("#");
    this.separator();
    if (!this.take("{")) this.#fail("exemplar");
    this.#labels(new Map(), "exemplar");
    this.separator();
    this.#number(this.#word());
    this.separator();
    if (this.#at < this.#line.length) this.#time(this.#word());
  }

  /** Reads to the closing brace; gives the metric name, which may stand among the labels. */
  #labels(labels: Map<string, string>, nameBefore: string): string {
    let metricName = nameBefore;
    this.#loose();
    while (!this.take("}")) {
      const isQuoted = this.#line[this.#at] === '"';
      if (isQuoted && this.#format !== "1.0.0") this.#fail("quoted name");
      const name = isQuoted ? this.#quoted() : this.#bare(false);
      this.#loose();
      if (this.take("=")) {
        this.#loose();
        if (labels.has(name)) this.#fail(`label ${name}, twice`);
        labels.set(name, this.#quoted());
      } else if (isQuoted && metricName === "" && labels.size === 0) metricName = name;
      else this.#fail("label value");
      this.#loose();
      if (this.take(",")) this.#loose();
      else if (this.#line[this.#at] !== "}") this.#fail("comma or brace");
    }
    return metricName;
  }

  /** Skips blanks where OpenMetrics has none. */
  #loose(): void {
    if (this.#format !== "openmetrics") this.blanks();
  }

  #bare(colons: boolean): string {
    const start = this.#at;
    for (; this.#at < this.#line.length; this.#at++) {
      const character = this.#line.charCodeAt(this.#at);
      const lower = character | 0x20;
      const isLetter = (lower >= 0x61 && lower <= 0x7a) || character === 0x5f;
      const isDigit = character >= 0x30 && character <= 0x39 && this.#at > start;
      if (!isLetter && !isDigit && !(colons && character === 0x3a)) break;
    }
    if (this.#at === start) this.#fail("name");
    return this.#line.slice(start, this.#at);
  }

  #quoted(): string {
    if (!this.take('"')) this.#fail("quote");
    let text = "";
    while (!this.take('"')) text += this.#character(true);
    return text;
  }

  /** One character, escapes read. */
  #character(quotes: boolean): string {
    const character = this.#line[this.#at++];
    if (character === undefined) return this.#fail("closing quote");
    if (character !== "\\") return character;
    const escaped = this.#line[this.#at++];
    if (escaped === "n") return "\n";
    if (escaped === "\\" || (quotes && escaped === '"')) return escaped;
    return this.#fail("escape");
  }

  #word(): string {
    const start = this.#at;
    while (this.#at < this.#line.length && !" \t".includes(this.#line[this.#at] ?? "")) this.#at++;
    return this.#line.slice(start, this.#at);
  }

  #number(word: string): number {
    if (DECIMAL.test(word)) return Number(word);
    switch (word.toLowerCase().replace(/^\+/, "")) {
      case "inf":
      case "infinity":
        return Infinity;
      case "-inf":
      case "-infinity":
        return -Infinity;
      case "nan":
        return NaN;
      default:
        return this.#fail(`number, not ${word}`);
    }
  }

  #time(word: string): number {
    if (this.#format === "openmetrics") return Math.round(this.#number(word) * 1_000);
    if (!/^-?[0-9]+$/.test(word)) this.#fail(`timestamp, not ${word}`);
    return Number(word);
  }

  #fail(wanted: string): never {
    throw new SyntaxError(`Expected ${wanted} at ${this.#at} of ${JSON.stringify(this.#line)}`);
  }
}
