import { assert, assertEquals } from "@std/assert";
import { alertList } from "../../lib/parseable/content/alerts.ts";
import { COLUMNS } from "../../lib/parseable/content/query.ts";
import type { ContentSettings } from "../../lib/parseable/content/query.ts";
import { dashboardList } from "../../lib/parseable/content/dashboards.ts";

/** The settings when none are set. */
const DEFAULTS: ContentSettings = {
  stream: "vLLMmetrics",
  goals: { ttftSeconds: 1, tpotSeconds: 0.1 },
  kvLimit: 0.9,
};

const guide = Deno.readTextFileSync(new URL("../../docs/dashboards.md", import.meta.url));

/** The cells of all rows of tables below a heading. */
function rowsBelow(heading: string): string[][] {
  const [, section = ""] = guide.split(`\n## ${heading}\n`);
  return (section.split("\n## ")[0] ?? "").split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[-| ]+$/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("the guide lists every tile with its question, section by section", () => {
  const expected = dashboardList(DEFAULTS).flatMap(({ title, sections }) =>
    sections.flatMap((section) => [
      ["Tile", "Unit", "Question"],
      ...section.tiles.map((tile) => [tile.title, tile.unit, tile.question]),
    ]).map((row) => [title, ...row])
  );

  const actual = dashboardList(DEFAULTS).flatMap(({ title }) =>
    rowsBelow(title).map((row) => [title, ...row])
  );

  assertEquals(actual, expected);
});

Deno.test("the guide lists every alert with what it does", () => {
  const expected = alertList(DEFAULTS).map((alert) => [
    alert.title,
    alert.severity,
    `${alert.operator} ${alert.threshold}`,
    `${alert.windowMinutes} min`,
    alert.text,
  ]);

  assertEquals(rowsBelow("Alerts").slice(1), expected);
});

Deno.test("the guide explains the columns that every metric of vLLM has", () => {
  const named = rowsBelow("Your own queries").map(([column = ""]) => column);
  const explained = [...COLUMNS.keys()].filter((name) =>
    /^(data_point|time|metric|model|engine|instance)/.test(name)
  );

  for (const column of explained) {
    assert(named.some((cell) => cell.includes(`\`${column}\``)), column);
  }
});
