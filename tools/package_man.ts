/** The man page vllm-metrics(1). */

import { wrap } from "./package_program.ts";
import type { Command, CommandOption } from "../lib/commands/command.ts";
import type { SettingRow } from "./package_defaults.ts";

/** Longest line of the source, before hyphens are escaped. */
const WIDTH = 72;

/** Text for roff: no escape, no ligature of two hyphens, no request at the start of a line. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/gm, "\\&$1");
}

function entry(term: string, text: string): string {
  return `.TP\n${term}\n${escape(wrap(text, WIDTH).join("\n"))}\n`;
}

function commandSection({ name, summary, details, operand, options, exit }: Command): string {
  const term = operand === undefined ? "" : ` \\fI${escape(operand)}\\fR`;
  const text = details === undefined ? `${summary}.` : `${summary}. ${details}`;
  const lines = options.map(({ name, value, meaning }: CommandOption) =>
    entry(
      `.B \\-\\-${escape(name)}${value === undefined ? "" : ` \\fI${escape(value)}\\fR`}`,
      `${meaning}.`,
    )
  );
  const indented = lines.length === 0 ? "" : `.RS\n${lines.join("")}.RE\n`;
  return entry(`.B ${escape(name)}${term}`, `${text} Exit: ${exit}.`) + indented;
}

function settingSection([name, { kind, defaultText, form, meaning }]: SettingRow): string {
  const standard = defaultText === "" ? "" : ` Default: ${defaultText}.`;
  const file = kind === "secret" ? ` ${name}_FILE can name a file with the value.` : "";
  return entry(`.B ${escape(name)}`, `${meaning} Value: ${form}.${standard}${file}`);
}

/** Writes the man page. */
export function manPage(
  version: string,
  date: Date,
  commands: readonly Command[],
  settings: readonly SettingRow[],
): string {
  return `.TH VLLM\\-METRICS 1 ${
    date.toISOString().slice(0, 10)
  } "vllm\\-metrics ${version}" "User Commands"
.SH NAME
vllm\\-metrics \\- make vLLM's metrics arrive in Prometheus and elsewhere
.SH SYNOPSIS
.B vllm\\-metrics
.RI [ command ]
.RI [ option ...]
.SH DESCRIPTION
A proxy between vLLM and what reads its Prometheus metrics.
It serves sanitized metrics at
.IR /metrics ,
a live page at
.IR / ,
and relays OTLP metrics to Parseable.
.SH COMMANDS
${commands.map(commandSection).join("")}.SH ENVIRONMENT
Settings come from the environment or from a file
.I .env
in the working directory; the environment wins.
${settings.map(settingSection).join("")}.SH FILES
.TP
.I /etc/default/vllm\\-metrics
Settings of the systemd service.
.TP
.I /etc/vllm\\-metrics/secrets/
Secrets of the systemd service, one per file, readable by root only.
.TP
.I /var/lib/vllm\\-metrics/
The history of the systemd service.
.SH EXIT STATUS
0 on success, 1 on failure, 2 on an invalid argument or setting.
.SH EXAMPLES
.nf
vllm\\-metrics demo
VLLM_METRICS_URL=http://localhost:8000/metrics vllm\\-metrics
systemctl enable \\-\\-now vllm\\-metrics
.fi
`;
}
