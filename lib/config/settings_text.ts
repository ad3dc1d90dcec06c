/** The table of settings as text: for `help` and for the documentation. */

import { SETTING_ROWS } from "./settings.ts";

/** Writes the table for a terminal, at most 80 columns wide. */
export function helpTable(): string {
  const width = Math.max(...SETTING_ROWS.map(([name]) => name.length));
  return SETTING_ROWS.map(([name, { defaultText, form, meaning }]) => {
    const standard = defaultText === "" ? "" : ` [${defaultText}]`;
    return `  ${name.padEnd(width)}  ${form}${standard}\n      ${meaning}\n`;
  }).join("");
}

/** Writes a Markdown table, laid out as `deno fmt` leaves it. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`;
  return [line(head, " "), line(head.map(() => ""), "-"), ...rows.map((row) => line(row, " "))]
    .join("\n");
}

/** The table of settings for the documentation. */
export function markdownTable(): string {
  const rows = SETTING_ROWS.map(([name, { defaultText, kind, form, meaning }]) => [
    kind === "secret" ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``,
    defaultText === "" ? "" : `\`${defaultText}\``,
    form,
    meaning.replaceAll("\\", "\\\\"),
  ]);
  return tableOf(["Variable", "Default", "Value", "Meaning"], rows);
}
