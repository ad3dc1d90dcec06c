/** `deno task docs`: writes what the code knows about settings, metrics and commands into docs/. */

import type { Command } from "../lib/commands/command.ts";
import { COMMANDS } from "../lib/commands/mod.ts";
import { createService } from "../lib/commands/service.ts";
import { parseConfig } from "../lib/config/config.ts";
import { SETTING_ROWS } from "../lib/config/settings.ts";
import { createLogger } from "../lib/log.ts";

const DOCS = new URL("../docs/", import.meta.url);

/** Writes a Markdown table, laid out as `deno fmt` leaves it. */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`;
  return [line(head, " "), line(head.map(() => ""), "-"), ...rows.map((row) => line(row, " "))]
    .join("\n");
}

/** The table of settings for the documentation. */
function markdownTable(): string {
  const rows = SETTING_ROWS.map(([name, { defaultText, kind, form, meaning }]) => [
    kind === "secret" ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``,
    defaultText === "" ? "" : `\`${defaultText}\``,
    form,
    meaning.replaceAll("\\", "\\\\"),
  ]);
  return tableOf(["Variable", "Default", "Value", "Meaning"], rows);
}

/** One metric of the service. */
interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/** The metrics of a service that has everything turned on. */
async function ownMetrics(): Promise<Metric[]> {
  const folder = await Deno.makeTempDir();
  const result = parseConfig({
    VLLM_METRICS_URL: "http://vllm:8000",
    PARSEABLE_URL: "http://parseable:8000",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
    METRICS_BEARER_TOKEN: "token-of-readers",
    HISTORY_FILE: `${folder}/history.db`,
  }, () => "");
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  const log = createLogger({ level: "error", format: "text", write: () => {}, now: Date.now });
  const host = {
    now: Date.now,
    startedMs: 0,
    cpuSeconds: () => 0,
    residentBytes: () => 0,
    runtime: Deno.version.deno,
  };
  try {
    using service = createService({ ...result.config, log, host });
    const headers = { authorization: "Bearer token-of-readers" };
    const response = await service.handler(new Request("http://x/-/metrics", { headers }));
    const families = /^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm;
    return Array.from(
      (await response.text()).matchAll(families),
      ([, name = "", help = "", type = ""]) => ({ name, type, help }),
    ).toSorted((one, other) => one.name < other.name ? -1 : 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A section for each command. */
function commandSections(): string {
  return COMMANDS.map((command: Command) => {
    const { name, summary, details, operand, options, exit } = command;
    const usage = [`vllm-metrics ${name}`, operand, options.length > 0 ? "[OPTIONS]" : undefined];
    const rows = options.map(({ name, value, meaning }) => [
      `\`--${name}${value === undefined ? "" : ` ${value}`}\``.replaceAll("|", "\\|"),
      meaning,
    ]);
    return [
      `## ${name}`,
      `\`${usage.filter((word) => word !== undefined).join(" ")}\`: ${summary}.` +
      (details === undefined ? "" : ` ${details}`),
      ...rows.length === 0 ? [] : [tableOf(["Option", "Meaning"], rows)],
      `Exit code: ${exit}, 2 wrong argument or setting.`,
    ].join("\n\n");
  }).join("\n\n");
}

/** The tables by the name of their file and of their marks. */
export async function tables(): Promise<Readonly<Record<string, string>>> {
  const metrics = (await ownMetrics()).map(({ name, type, help }) => [`\`${name}\``, type, help]);
  return {
    commands: commandSections(),
    settings: markdownTable(),
    metrics: tableOf(["Name", "Type", "Meaning"], metrics),
  };
}

if (import.meta.main) {
  for (const [name, table] of Object.entries(await tables())) {
    const file = new URL(`${name}.md`, DOCS);
    const between = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*(<!-- /${name} -->)`);
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(
      file,
      text.replace(between, (_, open: string, close: string) => `${open}\n${table}\n\n${close}`),
    );
  }
}
