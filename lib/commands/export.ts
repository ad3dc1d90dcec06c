/** `vllm-metrics export`: alerts and dashboards as files of other programs. */

import { type ContentConfig, parseContent } from "../config/provision_config.ts";
import {
  type ExportFile,
  grafanaFiles,
  type Monitor,
  operatorFiles,
  prometheusFiles,
  withColons,
  withRunbook,
} from "../export/files.ts";
import { nearest } from "../nearest.ts";
import { exportFiles } from "../parseable/collection.ts";
import { alerts } from "../parseable/content/alerts.ts";
import { dashboards } from "../parseable/content/dashboards.ts";
import { type Command, command } from "./command.ts";
import { configureWith } from "./configure.ts";
import { EXIT, type Host } from "./host.ts";

/** What is written for a program. */
type Files = (settings: ContentConfig, monitor: Monitor) => readonly ExportFile[];

/** The files of Parseable. */
export function parseableFiles(settings: ContentConfig): readonly ExportFile[] {
  return exportFiles(settings.stream, {
    dashboards: dashboards(settings),
    alerts: alerts(settings),
  });
}

const PROGRAMS: Readonly<Record<string, Files>> = {
  prometheus: prometheusFiles,
  grafana: grafanaFiles,
  operator: operatorFiles,
  parseable: parseableFiles,
};

/** Writes files into a folder and prints their names. */
export function writeFiles(
  host: Host,
  command: string,
  folder: string,
  files: readonly ExportFile[],
): number {
  try {
    host.writeFiles(folder, files);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason = error instanceof Deno.errors.NotCapable
      ? "this program has no write permission. On a terminal it prompts for it"
      : error.message;
    host.printError(`vllm-metrics ${command}: cannot write to "${folder}": ${reason}.\n`);
    return EXIT.failed;
  }
  host.print(files.map(({ path }) => `${folder}/${path}\n`).join(""));
  return EXIT.ok;
}

/** Writes what a program can import. */
export const exportCommand: Command = command({
  name: "export",
  summary: "write alerts and dashboards for other programs",
  details:
    "PROGRAM is prometheus (rules), grafana (dashboards), operator (both for Kubernetes) or parseable.",
  operand: "PROGRAM",
  options: [
    {
      name: "out",
      value: "FOLDER",
      meaning: "write files to FOLDER; without it they are printed",
    },
    {
      name: "names",
      value: "underscore|colon",
      meaning: "vllm_ or vllm: in queries, as METRICS_NAMES (default underscore)",
    },
    {
      name: "monitor",
      value: "service|pod",
      meaning: "the monitor of operator (default service)",
    },
    { name: "runbook", value: "URL", meaning: "your copy of docs/runbook.md, for alerts" },
  ],
  exit: "0, 1 cannot write",
  settings: "SLO_TTFT, SLO_TPOT, SLO_TARGET, ALERT_KV_LIMIT, PARSEABLE_STREAM",
}, (args) => {
  const folder = args.text("out");
  const names = args.choice("names", ["underscore", "colon"]);
  const monitor = args.choice("monitor", ["service", "pod"]);
  const runbook = args.text("runbook");
  if (runbook !== undefined && !URL.canParse(runbook)) {
    args.mistakes.push(
      `--runbook is no URL: "${runbook}". Write one such as https://example.com/runbook.`,
    );
  }
  const program = args.operand ?? "";
  const filesOf = Object.hasOwn(PROGRAMS, program) ? PROGRAMS[program] : undefined;
  if (filesOf === undefined && args.mistakes.length === 0) {
    const known = Object.keys(PROGRAMS);
    const meant = nearest(program, known);
    const hint = meant === undefined ? `Write one of ${known.join(", ")}.` : `Write "${meant}".`;
    const problem = program === "" ? "for which program?" : `there is no export for "${program}".`;
    args.mistakes.push(`${problem} ${hint}`);
  }
  return {
    folder,
    hasColons: names === "colon" && program !== "parseable",
    monitor,
    runbook,
    filesOf: filesOf ?? prometheusFiles,
  };
}, (host, { folder, hasColons, monitor, runbook, filesOf }) => {
  const settings = configureWith(host, parseContent);
  if (settings === undefined) return EXIT.badConfig;
  const files = filesOf(settings, monitor)
    .map((file) => hasColons ? withColons(file) : file)
    .map((file) => runbook === undefined ? file : withRunbook(file, runbook));
  if (folder !== undefined) return writeFiles(host, "export", folder, files);
  // Several documents of YAML need a line between them; JSON needs none.
  host.print(
    files.map(({ path, text }, index) =>
      index > 0 && path.endsWith(".yaml") ? `---\n${text}` : text
    ).join(""),
  );
  return EXIT.ok;
});
