import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { init, validate } from "@guanmingchiu/sqlparser-ts";
import { alertList, alerts } from "../../lib/parseable/content/alerts.ts";
import { dashboardList, dashboards } from "../../lib/parseable/content/dashboards.ts";
import { COLUMNS, type ContentSettings, queryText } from "../../lib/parseable/content/query.ts";
import { type JsonObject, listOf, objectOf, textOf } from "../../lib/parseable/json.ts";
import { dashboardsReference } from "../../tools/content_reference.ts";
import { assertGoldenJson } from "../exposition/golden.ts";
import { recordedRequest } from "./answers.ts";

const SETTINGS: ContentSettings = {
  stream: "vLLMmetrics",
  goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
  kvLimit: 0.9,
};
const OTHERS: ContentSettings = {
  stream: "My-Stream",
  goals: { ttftSeconds: 2.5, tpotSeconds: 1, target: 0.99 },
  kvLimit: 0.755,
};
/** Parseable plans with DataFusion's generic dialect and looks for streams with PostgreSQL's. */
const DIALECTS = ["generic", "postgresql"] as const;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

const tiles = dashboards(SETTINGS).flatMap(({ tiles }) => tiles);

/** A body with its SQL in lines, so that a change can be read. */
function inLines(body: unknown): unknown {
  return JSON.parse(
    JSON.stringify(body),
    (key, value) => key === "chartQuery" || key === "query" ? `${value}`.split("\n") : value,
  );
}

/** The names of a body that are not in a recorded one, or there with another type. */
function foreign(body: unknown, sample: unknown): string[] {
  const kindOf = (value: unknown): string => Array.isArray(value) ? "array" : typeof value;
  const known = objectOf(sample);
  return Object.entries(objectOf(body))
    .filter(([key, value]) => kindOf(value) !== kindOf(known[key]))
    .map(([key]) => key);
}

Deno.test("dashboards and alerts are the ones that were reviewed", () => {
  assertGoldenJson("parseable-dashboards.json", inLines(dashboards(SETTINGS)));
  assertGoldenJson("parseable-alerts.json", inLines(alerts(SETTINGS)));
});

Deno.test.each(DIALECTS)("all SQL is of the %s dialect", async (dialect) => {
  await init();
  const queries = alerts(SETTINGS).map(({ query }) => query);
  for (const sql of [...tiles.map(({ chartQuery }) => chartQuery), ...queries]) {
    validate(sql, dialect);
  }
  assertThrows(() => validate("SELECT value FROM (", dialect));
});

Deno.test("dashboards have the fields that Parseable took, of the same types", () => {
  const { request } = recordedRequest("dashboards", "create");
  const [section] = listOf(objectOf(request).sections);
  const [tile] = listOf(objectOf(request).tiles);
  for (const dashboard of dashboards(SETTINGS)) {
    assertEquals(foreign(dashboard, request), []);
    for (const one of listOf(dashboard.sections)) assertEquals(foreign(one, section), []);
    for (const one of dashboard.tiles) {
      assertEquals(foreign(one, tile), []);
      // Parseable's own templates have these two.
      assertEquals(foreign(one.layout, objectOf(tile).layout), ["moved", "static"]);
    }
  }
});

Deno.test("alerts have the fields that Parseable took, of the same types", () => {
  const sample = objectOf(recordedRequest("alerts", "create-extra-fields").request);
  for (const alert of alerts(SETTINGS)) {
    assertEquals(foreign(alert, sample), []);
    for (const part of ["thresholdConfig", "notificationConfig"]) {
      assertEquals(foreign(alert[part], sample[part]), []);
    }
    const window = (body: JsonObject): unknown => objectOf(body.evalConfig).rollingWindow;
    assertEquals(foreign(window(alert), window(sample)), []);
  }
});

Deno.test("every tile has a ULID of its own, a section, and room on the grid", () => {
  assertEquals(new Set(tiles.map((tile) => tile.tile_id)).size, tiles.length);
  const cells = new Set<string>();
  for (const { tile_id: id, title, sectionId, layout } of tiles) {
    assertMatch(textOf(id), ULID);
    assertMatch(textOf(sectionId), ULID);
    const [x = NaN, y = NaN, w = NaN, h = NaN] = ["x", "y", "w", "h"]
      .map((side) => Number(objectOf(layout)[side]));
    assert(x >= 0 && x + w <= 12, title);
    for (let cell = 0; cell < w * h; cell++) {
      const place = `${sectionId} ${x + cell % w} ${y + Math.floor(cell / w)}`;
      assert(!cells.has(place), `${title} covers another tile`);
      cells.add(place);
    }
  }
});

Deno.test("ids and titles are unique, and outlive a change of stream, goals and limits", () => {
  const ids = (settings: ContentSettings): unknown[] =>
    dashboards(settings).flatMap(({ tiles }) => tiles.map((tile) => tile.tile_id));
  assertEquals(ids(OTHERS), ids(SETTINGS));
  const titles = (settings: ContentSettings): string[] =>
    [...alerts(settings), ...dashboards(settings)].map(({ title }) => title);
  assertEquals(titles(OTHERS), titles(SETTINGS));
  assertEquals(new Set(titles(SETTINGS)).size, titles(SETTINGS).length);
});

Deno.test("goals and limits of the settings become thresholds and words", () => {
  const of = (wanted: string): JsonObject =>
    alerts(OTHERS).find(({ title }) => title === wanted) ?? {};
  const cache = of("vLLM: KV cache nearly full");
  assertEquals(objectOf(cache.thresholdConfig).value, 0.755);
  assertMatch(textOf(cache.runbook), /75\.5 %/);
  const ttft = of("vLLM: first token too late");
  assertEquals(objectOf(ttft.thresholdConfig).value, 2.5);
  assertMatch(textOf(ttft.query), /2\.5 s/);
});

Deno.test("an alert says what to do in its query, and tells again at most as often as it looks", () => {
  for (const { query, runbook, evalConfig, notificationConfig } of alerts(SETTINGS)) {
    const { evalFrequency } = objectOf(objectOf(evalConfig).rollingWindow);
    assert(Number(objectOf(notificationConfig).interval) <= Number(evalFrequency));
    assert(query.startsWith(`/* ${runbook} */`));
    assert(!/\*\/|\n/.test(textOf(runbook)));
  }
});

Deno.test("the value of an alert is a plain aggregate with a name, in the last SELECT", () => {
  for (const { title, query } of alertList(SETTINGS)) {
    const last = queryText(query, "s").split(/^SELECT /m).at(-1) ?? "";
    assertEquals(last.match(/\b(COUNT|SUM|AVG|MIN|MAX)\(/g)?.length, 1, title);
    assert(/(^|, )(COUNT|SUM|AVG|MIN|MAX)\([^()]+\) AS \w+/.test(last), title);
    assert(!last.includes("HAVING"), title);
  }
});

Deno.test("every query looks for its metrics by name in the quoted stream, without a time", () => {
  for (const { key, sections } of dashboardList(OTHERS)) {
    for (const { key: tile, query } of sections.flatMap(({ tiles }) => tiles)) {
      const sql = queryText(query, "My-Stream");
      assert(sql.includes('FROM public."My-Stream"'), `${key}/${tile}`);
      assert(/WHERE metric_name IN \('/.test(sql), `${key}/${tile}`);
      assert(!/p_timestamp|\{\{/.test(sql), `${key}/${tile}`);
    }
  }
});

Deno.test("docs/dashboards.md has the reference of tiles and alerts, and explains the columns", () => {
  const guide = Deno.readTextFileSync(new URL("../../docs/dashboards.md", import.meta.url));
  // Words alone: the formatter wraps lines and aligns tables.
  const words = (text: string): string =>
    text.replace(/[`*_\\]/g, "").replace(/-{3,}/g, "---").replace(/\s+/g, " ").trim();
  const reference = /<!-- reference -->\n([\s\S]*)\n<!-- \/reference -->/.exec(guide)?.[1] ?? "";
  assertEquals(words(reference), words(dashboardsReference()), "run deno task reference");
  const [, queries = ""] = guide.split("\n## Your own queries\n");
  for (const column of COLUMNS.keys()) {
    if (!/^(data_point|time|metric|model|engine|instance)/.test(column)) continue;
    assert(queries.includes(`\`${column}\``), column);
  }
});
