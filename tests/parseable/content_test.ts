import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { init, validate } from "@guanmingchiu/sqlparser-ts";
import { alertList, alerts } from "../../lib/parseable/content/alerts.ts";
import { dashboardList, dashboards } from "../../lib/parseable/content/dashboards.ts";
import { type ContentSettings, queryText } from "../../lib/parseable/content/query.ts";
import { assertGoldenJson } from "../exposition/golden.ts";
import { listOf, objectOf } from "../../lib/parseable/json.ts";
import { recordedRequest } from "./answers.ts";

const SETTINGS: ContentSettings = {
  stream: "vLLMmetrics",
  goals: { ttftSeconds: 1, tpotSeconds: 0.1 },
  kvLimit: 0.9,
};
/** Parseable plans with DataFusion's generic dialect and looks for streams with PostgreSQL's. */
const DIALECTS = ["generic", "postgresql"] as const;
/** What a ULID is made of. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** A body with its SQL in lines, so that a change can be read. */
function inLines(body: unknown): unknown {
  return JSON.parse(
    JSON.stringify(body),
    (key, value) => key === "chartQuery" || key === "query" ? `${value}`.split("\n") : value,
  );
}

/** The kind of a JSON value. */
function kindOf(value: unknown): string {
  return Array.isArray(value) ? "array" : typeof value;
}

/** The names of a body that are not in a recorded one, or there with another type. */
function foreign(body: object, sample: unknown): string[] {
  const known = objectOf(sample);
  return Object.entries(body).filter(([key, value]) => kindOf(value) !== kindOf(known[key]))
    .map(([key]) => key);
}

const tiles = dashboards(SETTINGS).flatMap(({ tiles }) => tiles);

Deno.test("dashboards and alerts are the ones that were reviewed", () => {
  assertGoldenJson("parseable-dashboards.json", inLines(dashboards(SETTINGS)));
  assertGoldenJson("parseable-alerts.json", inLines(alerts(SETTINGS)));
});

Deno.test.each(DIALECTS)("all SQL is of the %s dialect", async (dialect) => {
  await init();
  for (
    const sql of [
      ...tiles.map((tile) => tile.chartQuery),
      ...alerts(SETTINGS).map(({ query }) => query),
    ]
  ) {
    validate(sql, dialect);
  }
  assertThrows(() => validate("SELECT value FROM (", dialect));
});

Deno.test("dashboards have the fields that Parseable took, of the same types", () => {
  const { request } = recordedRequest("dashboards", "create");
  const { sections, tiles } = objectOf(request);
  const [tile] = listOf(tiles);

  for (const dashboard of dashboards(SETTINGS)) {
    assertEquals(foreign(dashboard, request), []);
    for (const one of dashboard.sections) {
      assertEquals(foreign(one, listOf(sections)[0]), []);
    }
    for (const one of dashboard.tiles) {
      assertEquals(foreign(one, tile), []);
      // Parseable's own templates have these two.
      assertEquals(foreign(one.layout, objectOf(tile).layout), ["moved", "static"]);
    }
  }
});

Deno.test("alerts have the fields that Parseable took, of the same types", () => {
  const { request } = recordedRequest("alerts", "create-extra-fields");
  const { evalConfig, thresholdConfig, notificationConfig } = objectOf(request);
  const { rollingWindow } = objectOf(evalConfig);

  for (const alert of alerts(SETTINGS)) {
    assertEquals(foreign(alert, request), []);
    assertEquals(foreign(alert.thresholdConfig, thresholdConfig), []);
    assertEquals(foreign(alert.evalConfig.rollingWindow, rollingWindow), []);
    assertEquals(foreign(alert.notificationConfig, notificationConfig), []);
  }
});

Deno.test("every tile has a ULID of its own, a title, a section, and room on the grid", () => {
  assertEquals(new Set(tiles.map((tile) => tile.tile_id)).size, tiles.length);
  for (const { tiles, sections } of dashboards(SETTINGS)) {
    const cells = new Set<string>();
    for (const { tile_id: id, title, sectionId, layout: { i, x, y, w, h } } of tiles) {
      assert(ULID.test(id), id);
      assertEquals(i, id);
      assertNotEquals(title, "");
      assert(sections.some((section) => section.sectionId === sectionId), title);
      assert(x >= 0 && x + w <= 12, title);
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          const cell = `${sectionId} ${column} ${row}`;
          assert(!cells.has(cell), `${title} covers another tile`);
          cells.add(cell);
        }
      }
    }
  }
});

Deno.test("ids of tiles outlive a change of stream and goals", () => {
  const others = dashboards({
    stream: "other",
    goals: { ttftSeconds: 3, tpotSeconds: 1 },
    kvLimit: 0.5,
  });

  assertEquals(
    others.flatMap(({ tiles }) => tiles.map((tile) => tile.tile_id)),
    tiles.map((tile) => tile.tile_id),
  );
});

Deno.test("titles are unique, and those of alerts do not depend on the thresholds", () => {
  const titles = alerts(SETTINGS).map(({ title }) => title);
  const others = alerts({ ...SETTINGS, goals: { ttftSeconds: 3, tpotSeconds: 1 }, kvLimit: 0.5 });

  assertEquals(new Set(titles).size, titles.length);
  assertEquals(others.map(({ title }) => title), titles);
  assertEquals(new Set(dashboards(SETTINGS).map(({ title }) => title)).size, 3);
});

Deno.test("goals and limits of the settings become thresholds and words", () => {
  const others = alerts({
    ...SETTINGS,
    goals: { ttftSeconds: 2.5, tpotSeconds: 1 },
    kvLimit: 0.755,
  });
  const of = (title: string) => others.find((alert) => alert.title === title);

  assertEquals(of("vLLM: KV cache nearly full")?.thresholdConfig.value, 0.755);
  assert(of("vLLM: KV cache nearly full")?.runbook.includes("75.5 %"));
  assertEquals(of("vLLM: first token too late")?.thresholdConfig.value, 2.5);
  assert(of("vLLM: first token too late")?.query.includes("2.5 s"));
});

Deno.test("an alert tells again at most as often as it looks, and says what to do in its query", () => {
  for (const { query, runbook, evalConfig, notificationConfig } of alerts(SETTINGS)) {
    assert(notificationConfig.interval >= 1);
    assert(notificationConfig.interval <= evalConfig.rollingWindow.evalFrequency);
    assert(query.startsWith(`/* ${runbook} */`));
    assert(!runbook.includes("*/") && !runbook.includes("\n"));
  }
});

Deno.test("the value of an alert is a plain aggregate with a name, in the last SELECT", () => {
  for (const { title, query } of alertList(SETTINGS)) {
    const last = queryText(query, "s").split(/^SELECT /m).at(-1) ?? "";
    const aggregates = last.match(/\b(COUNT|SUM|AVG|MIN|MAX)\(/g) ?? [];
    assertEquals(aggregates.length, 1, title);
    assert(/(^|, )(COUNT|SUM|AVG|MIN|MAX)\([^()]+\) AS \w+/.test(last), title);
    assert(!last.includes("HAVING"), title);
  }
});

Deno.test("a stream's name is quoted, so that its capitals stay", () => {
  const [sql = ""] = dashboards({ ...SETTINGS, stream: "My-Stream" }).flatMap(({ tiles }) =>
    tiles.map((tile) => tile.chartQuery)
  );

  assert(sql.includes('FROM public."My-Stream"'));
});

Deno.test("every query looks for its metrics by name, and has no condition on the time", () => {
  for (const { key, sections } of dashboardList(SETTINGS)) {
    for (const { key: tile, query } of sections.flatMap(({ tiles }) => tiles)) {
      const sql = queryText(query, "s");
      assert(/WHERE metric_name IN \('/.test(sql), `${key}/${tile}`);
      assert(!sql.includes("p_timestamp"), `${key}/${tile}`);
      assert(!sql.includes("{{"), `${key}/${tile}`);
    }
  }
});
