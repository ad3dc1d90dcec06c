/** The settings for people and for the environment: their names, `help` and the README. */

import { SETTINGS } from "./setting_list.ts";

/** The names of the settings that are secret. */
export const SECRET_NAMES: readonly string[] = SETTINGS.filter(({ secret }) => secret)
  .map(({ name }) => name);

/** Every variable that the service reads, the `NAME_FILE` form of secrets among them. */
export const SETTING_NAMES: readonly string[] = SETTINGS.flatMap(({ name, secret }) =>
  secret ? [name, `${name}_FILE`] : [name]
);

/**
 * Writes the table for a terminal, at most 80 columns wide.
 *
 * @returns Two lines a setting, each with its line end.
 */
export function helpTable(): string {
  const width = Math.max(...SETTINGS.map(({ name }) => name.length));
  return SETTINGS.map(({ name, defaultText, form, meaning }) => {
    const standard = defaultText === "" ? "" : ` [${defaultText}]`;
    return `  ${name.padEnd(width)}  ${form}${standard}\n      ${meaning}\n`;
  }).join("");
}

/**
 * Writes the table for the README, laid out as `deno fmt` leaves it.
 *
 * @returns The lines of a Markdown table, without a line end at its end.
 */
export function markdownTable(): string {
  const rows = SETTINGS.map(({ name, defaultText, secret, form, meaning }) => [
    secret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``,
    defaultText === "" ? "" : `\`${defaultText}\``,
    form,
    meaning.replaceAll("\\", "\\\\"),
  ]);
  const head = ["Variable", "Default", "Value", "Meaning"];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`;
  return [line(head, " "), line(head.map(() => ""), "-"), ...rows.map((row) => line(row, " "))]
    .join("\n");
}
