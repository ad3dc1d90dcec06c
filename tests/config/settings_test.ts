import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SETTING_NAMES, SETTING_ROWS } from "../../lib/config/settings.ts";
import { helpTable, markdownTable } from "../../lib/config/settings_text.ts";

Deno.test("SETTING_NAMES has every setting, and the file form of secrets alone", () => {
  for (const [name, { kind }] of SETTING_ROWS) {
    assert(SETTING_NAMES.includes(name), name);
    assertEquals(SETTING_NAMES.includes(`${name}_FILE`), kind === "secret", name);
  }
});

Deno.test("SETTINGS says in one sentence what each is for", () => {
  for (const [name, { meaning }] of SETTING_ROWS) assert(/^[A-Z][^.]*\.$/.test(meaning), name);
});

Deno.test("helpTable() has every setting with its default in at most 80 columns", () => {
  const table = helpTable();
  for (const [name, { defaultText, meaning }] of SETTING_ROWS) {
    const row = table.split("\n").find((line) => line.startsWith(`  ${name} `)) ?? "";
    assertStringIncludes(row, defaultText === "" ? name : `[${defaultText}]`);
    assertStringIncludes(table, `\n      ${meaning}\n`);
  }
  assertEquals(table.split("\n").filter((line) => line.length > 80), []);
});

Deno.test("markdownTable() has a row for every setting, with its columns in line", () => {
  const lines = markdownTable().split("\n");
  assertEquals(lines.length, SETTING_ROWS.length + 2);
  assertEquals(new Set(lines.map((line) => line.length)).size, 1);
  const row = lines.find((line) => line.includes("`SCRAPE_TIMEOUT`"));
  assertEquals(
    row?.split("|").map((cell) => cell.trim()),
    [
      "",
      "`SCRAPE_TIMEOUT`",
      "`10s`",
      "duration, 100ms to 5m",
      "Timeout of a scrape of vLLM, to its last byte.",
      "",
    ],
  );
});
