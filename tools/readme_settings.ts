/** Writes the table of settings into the README, between its two marks. */

import { markdownTable } from "../lib/config/settings_text.ts";

const README = new URL("../README.md", import.meta.url);
const BETWEEN_MARKS = /(<!-- settings -->\n)[\s\S]*(\n<!-- \/settings -->)/;

if (import.meta.main) {
  const text = Deno.readTextFileSync(README);
  const table = `\n${markdownTable()}\n`;
  Deno.writeTextFileSync(
    README,
    text.replace(BETWEEN_MARKS, (_, open: string, close: string) => open + table + close),
  );
}
