/** `vllm-metrics sanitize`: standard input to standard output, the way `/metrics` does it. */

import { Buffer } from "node:buffer";
import { describeForeign, detectFormat, isMarkup } from "../exposition/format.ts";
import type { DroppedLines } from "../exposition/dropped.ts";
import { Sanitizer } from "../exposition/sanitizer.ts";
import { command } from "./command.ts";
import { EXIT, type Host } from "./host.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const EMPTY: Bytes = new Uint8Array(0);
/** Bytes used to detect the format; nothing is written before. */
const HEAD_BYTES = 65_536;
/** Bytes of a foreign text that are kept to describe it. */
const FOREIGN_BYTES = 1_024;

/** Reads enough to detect the format, whatever the chunks. */
async function readHead(reader: ReadableStreamDefaultReader<Bytes>): Promise<Bytes> {
  let head: Bytes = EMPTY;
  while (head.length < HEAD_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

/** Sanitizes standard input; returns the dropped lines, or a description of what is no exposition. */
async function pass(host: Host, openmetrics: boolean): Promise<DroppedLines | string> {
  const reader = host.stdin.getReader();
  const writer = host.stdout.getWriter();
  try {
    const head = await readHead(reader);
    const beginning = head.subarray(0, FOREIGN_BYTES);
    if (isMarkup(new TextDecoder().decode(beginning))) return describeForeign(beginning, true);
    const format = openmetrics ? "openmetrics" : detectFormat("", head);
    const sanitizer = new Sanitizer({ format });
    let input = { done: head.length < HEAD_BYTES, value: head };
    for (;;) {
      const bytes = sanitizer.push(input.value, input.done);
      if (input.done && sanitizer.samples === 0) return describeForeign(beginning, true);
      await writer.write(new TextEncoder().encode(bytes));
      if (input.done) return sanitizer.dropped;
      const { done, value = EMPTY } = await reader.read();
      input = { done, value };
    }
  } finally {
    reader.releaseLock();
    writer.releaseLock();
  }
}

/** Sanitizes one exposition and prints dropped lines to standard error. */
export const sanitize = command(
  {
    name: "sanitize",
    summary: "sanitize standard input, as /metrics does",
    options: [{
      name: "openmetrics",
      meaning: "read OpenMetrics without its # EOF or a hint of it",
    }],
    exit: "0, 1 the input is no exposition",
    settings: "none",
  },
  (args) => args.has("openmetrics"),
  async (host, openmetrics) => {
    const outcome = await pass(host, openmetrics);
    if (typeof outcome === "string") {
      host.printError(`vllm-metrics sanitize: the input is ${outcome}\n`);
      return EXIT.failed;
    }
    for (const [reason, lines] of outcome.entries()) {
      host.printError(`vllm-metrics sanitize: left out ${lines} line(s): ${reason}\n`);
    }
    return EXIT.ok;
  },
);
