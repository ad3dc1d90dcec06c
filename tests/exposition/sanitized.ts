/** What the sanitiser makes of a text, in one call. */

import { withoutNumbers } from "../../lib/exposition/memo.ts";
import { detectFormat } from "../../lib/exposition/format.ts";
import type { Format } from "../../lib/exposition/types.ts";
import { Sanitizer, type SanitizerMemo } from "../../lib/exposition/sanitizer.ts";

/** Bytes as the sanitiser takes and gives them. */
export type Bytes = Uint8Array<ArrayBuffer>;

const TESTDATA = new URL("../testdata/", import.meta.url);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text as UTF-8. */
export function encode(text: string): Bytes {
  return encoder.encode(text);
}

/** UTF-8 as text, a byte order mark included. */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Whether two arrays hold the same bytes; much faster than `assertEquals`. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** The address of a file below `tests/testdata/`. */
export function testdata(path: string): URL {
  return new URL(path, TESTDATA);
}

/** What came out. */
export interface Sanitized {
  /** The bytes handed out. */
  readonly bytes: Bytes;
  /** The same as text. */
  readonly text: string;
  /** Samples handed out. */
  readonly samples: number;
  /** Lines left out, by reason. */
  readonly dropped: Record<string, number>;
}

/** How a text is pushed. */
export interface SanitizeOptions {
  /** The format; found out unless given. */
  readonly format?: Format;
  /** What is remembered. */
  readonly memo?: SanitizerMemo;
  /** Where the text is cut into chunks. */
  readonly cuts?: readonly number[];
  /** Longest line. */
  readonly maxLineBytes?: number;
}

/** Sanitises a text; the input is not changed. */
export function sanitized(input: string | Uint8Array, options: SanitizeOptions = {}): Sanitized {
  const { cuts = [], memo, maxLineBytes } = options;
  const source = typeof input === "string" ? encode(input) : input;
  const sanitizer = new Sanitizer({
    format: options.format ?? detectFormat("", source),
    ...memo === undefined ? {} : { memo },
    ...maxLineBytes === undefined ? {} : { maxLineBytes },
  });
  let text = "";
  let start = 0;
  for (const cut of [...cuts, source.length]) {
    text += sanitizer.push(source.slice(start, cut), false);
    start = cut;
  }
  text += sanitizer.push(new Uint8Array(0), true);
  return {
    bytes: encode(text),
    text,
    samples: sanitizer.samples,
    dropped: Object.fromEntries([...sanitizer.dropped.entries()].toSorted()),
  };
}

/** Paths of all captures of vLLM, those of a server that was down included. */
export function allCaptures(): string[] {
  const root = testdata("vllm/");
  const paths: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(root)) {
    const inside = isDirectory
      ? [...Deno.readDirSync(new URL(`${name}/`, root))].map((file) => `${name}/${file.name}`)
      : [name];
    paths.push(...inside.filter((path) => path.endsWith(".txt") && !path.endsWith("-times.txt")));
  }
  return paths.toSorted();
}

/** Paths of all captures of vLLM that are not empty. */
export function captures(): string[] {
  return allCaptures().filter((path) => readCapture(path).length > 0);
}

/** The bytes of a capture. */
export function readCapture(path: string): Bytes {
  return Deno.readFileSync(testdata(`vllm/${path}`));
}

/** The format of a capture, as its Content-Type said. */
export function formatOf(path: string): Format {
  return /^(rust|mounted)/.test(path) ? "openmetrics" : "text";
}

/** The families of a text, each with its HELP and TYPE. */
export function familiesOf(text: string): string[] {
  const families: string[] = [];
  let name: string | undefined;
  for (const line of text.split(/(?<=\n)/)) {
    const own = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1];
    if (own !== undefined && own !== name) families.push("");
    name = own ?? name;
    families[families.length - 1] += line;
  }
  return families;
}

/** How many families of a text are not parsed when they come again. */
export function remembered(memo: SanitizerMemo, text: string, format: Format = "text"): number {
  return familiesOf(text).filter((each) => memo.get(withoutNumbers(each, format).key)).length;
}
