/** `vllm-metrics sanitize`: standard input to standard output, the way `/metrics` does it. */

import { SettingReader } from "../config/setting_reader.ts";
import { MetricsError } from "../errors.ts";
import { explain, type FamilyReport } from "../exposition/explain.ts";
import { FamilyFilter } from "../exposition/filter.ts";
import { describeForeign, detectFormat, isMarkup } from "../exposition/format.ts";
import { MAX_LINE_BYTES, SanitizerStream } from "../exposition/sanitizer.ts";
import type { Format } from "../exposition/types.ts";
import { type Command, command } from "./command.ts";
import { readEnvironment } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";

/** Columns of the names in a report. */
const NAME_WIDTH = 48;

/** Sanitizes one exposition and prints dropped lines to standard error. */
export const sanitize: Command = command(
  {
    name: "sanitize",
    summary: "sanitize standard input, as /metrics does",
    options: [{
      name: "openmetrics",
      meaning: "read OpenMetrics without its # EOF or a hint of it",
    }, {
      name: "explain",
      meaning: "print what is renamed, repaired, filtered or dropped, family by family, and why",
    }],
    exit: "0, 1 the input is no exposition",
    settings: "none; with --explain METRICS_DROP, METRICS_KEEP, BACKEND_COMPLETE",
  },
  (args) => ({
    format: args.has("openmetrics") ? "openmetrics" as const : undefined,
    isExplained: args.has("explain"),
  }),
  (host, { format, isExplained }) => isExplained ? report(host, format) : pass(host, format),
);

async function pass(host: Host, format: Format | undefined): Promise<number> {
  const stream = new SanitizerStream({ format, source: { mayQuote: true } });
  try {
    await host.stdin.pipeThrough(stream).pipeTo(host.stdout, { preventClose: true });
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error;
    return refuse(host, error.message);
  }
  for (const [reason, lines] of stream.dropped.entries()) {
    host.printError(`vllm-metrics sanitize: left out ${lines} line(s): ${reason}\n`);
  }
  return EXIT.ok;
}

function refuse(host: Host, message: string): number {
  host.printError(`vllm-metrics sanitize: ${message}\n`);
  return EXIT.failed;
}

/** Prints what becomes of each family. */
async function report(host: Host, format: Format | undefined): Promise<number> {
  const bytes = await new Response(host.stdin).bytes();
  const text = new TextDecoder().decode(bytes);
  const reader = new SettingReader(readEnvironment(host) ?? {}, (path) => host.readTextFile(path));
  const filter = {
    drop: reader.get("METRICS_DROP"),
    keep: reader.get("METRICS_KEEP"),
    isBackendComplete: reader.get("BACKEND_COMPLETE"),
  };
  for (const mistake of reader.mistakes) host.printError(`vllm-metrics sanitize: ${mistake}\n`);
  if (reader.mistakes.length > 0) return EXIT.badConfig;
  const filters = {
    metrics: new FamilyFilter(filter, false),
    backend: new FamilyFilter(filter, true),
  };
  const families = explain(text, format ?? detectFormat("", bytes), filters, MAX_LINE_BYTES);
  if (isMarkup(text) || families.every(({ read }) => read === 0)) {
    return refuse(host, `the input is ${describeForeign(bytes, true)}`);
  }
  host.print(reportText(families));
  return EXIT.ok;
}

function reportText(families: readonly FamilyReport[]): string {
  const row = (name: string, read: string, written: string, notes: string): string =>
    `${name.padEnd(NAME_WIDTH)} ${read.padStart(7)} ${written.padStart(7)}  ${notes}`.trimEnd();
  const rows = families.map(({ family = "(no family)", read, written, notes }) =>
    row(family, String(read), String(written), notes.join("; ") || "as it is")
  );
  const sum = (of: (one: FamilyReport) => number): number =>
    families.reduce((total, one) => total + of(one), 0);
  const changed = families.filter(({ notes }) => notes.length > 0).length;
  return [
    row("FAMILY", "READ", "WRITTEN", "WHAT BECOMES OF IT"),
    ...rows,
    "",
    `${families.length} families, ${changed} of them changed; ${sum(({ read }) => read)} samples ` +
    `read, ${sum(({ written }) => written)} written.`,
    "",
  ].join("\n");
}
