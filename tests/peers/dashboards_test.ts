import { assert, assertEquals } from "@std/assert";
import { alertList } from "../../lib/parseable/content/alerts.ts";
import { dashboardList } from "../../lib/parseable/content/dashboards.ts";
import { type ContentSettings, queryText } from "../../lib/parseable/content/query.ts";
import { firstRow } from "../../lib/parseable/stream.ts";
import { relayed } from "../otlp/relay.ts";
import { fluentBitRequest } from "../parseable/fluent_bit_request.ts";
import { type Row, streamRows } from "../parseable/stream_rows.ts";
import { type Scrape, worldScrapes } from "../parseable/world.ts";
import { sanitized } from "../exposition/sanitized.ts";
import { ask } from "./dashboards.ts";

/** The goals lie between two bounds of some buckets, and on a bound of others. */
const GOALS = { ttftSeconds: 0.75, tpotSeconds: 0.09, target: 0.99 };
/** How far the recorded numbers may be off, as a share: versions of the engine add up differently. */
const TOLERANCE = 1e-9;
/** The recorded answers, all of which agreed with a calculation by loops over the scrapes. */
const ANSWERS = new URL("../testdata/golden/parseable-answers.jsonl", import.meta.url);
/** The one tile whose answer depends on the clock. */
const AGE = "overview/data-age";

/** A statement with the name of its tile or alert. */
interface Statement {
  readonly name: string;
  readonly sql: string;
}

/** All statements, as they read a stream. */
function statements(stream: string): Statement[] {
  const settings: ContentSettings = { stream, goals: GOALS, kvLimit: 0.9 };
  const tiles = dashboardList(settings).flatMap(({ key, sections }) =>
    sections.flatMap(({ tiles }) =>
      tiles.map((tile) => ({ name: `${key}/${tile.key}`, sql: queryText(tile.query, stream) }))
    )
  );
  const alerts = alertList(settings).map(({ title, query }) => ({
    name: title,
    sql: queryText(query, stream),
  }));
  return [...tiles, ...alerts];
}

/** The rows that scrapes become on their way through Fluent Bit and the relay. */
function rowsOf(scrapes: readonly Scrape[]): Row[] {
  return scrapes.flatMap(({ text, timeMs }) =>
    relayed(fluentBitRequest(text, timeMs)).bodies.flatMap((body) => streamRows(body, timeMs + 300))
  );
}

/** A series of captures of one server, one every two seconds. */
function capturedSeries(name: string, count: number): Scrape[] {
  return Array.from({ length: count }, (_, index) => {
    const number = `${index + 1}`.padStart(2, "0");
    const file = new URL(`../testdata/vllm/${name}/${name}-${number}.txt`, import.meta.url);
    const bytes = Deno.readFileSync(file);
    const timeMs = 1_795_492_800_000 + index * 2_000;
    return { timeMs, text: bytes.length === 0 ? "" : sanitized(bytes).text };
  }).filter(({ text }) => text !== "");
}

/** A server, and another in its place from the next quarter of an hour on. */
function oneAfterTheOther(): Scrape[] {
  const second = worldScrapes("b:8000").map(({ timeMs, text }) => ({
    timeMs: timeMs + 15 * 60_000,
    text,
  }));
  return [...worldScrapes("a:8000"), ...second];
}

const SCENARIOS: Readonly<Record<string, () => Scrape[]>> = {
  "two models, a restart, a gap, other buckets, vLLM away": () => worldScrapes(),
  "one server in the place of another": () => oneAfterTheOther(),
  "two servers": () => [...worldScrapes("a:8000"), ...worldScrapes("b:8000")],
  "a full KV cache (captured)": () => capturedSeries("pressure-series", 15),
  "a restart (captured)": () => capturedSeries("restart", 50),
  "two engines (captured)": () => capturedSeries("dp2-series", 5),
};

/** Rows in an order of their own, without what is null: Parseable leaves it out. */
function normal(rows: readonly Row[]): [string, Map<string, number>][] {
  return rows.map((row): [string, Map<string, number>] => {
    const columns = Object.entries(row).toSorted();
    const texts = columns.filter(([, value]) => typeof value === "string");
    const numbers = columns.filter((entry): entry is [string, number] =>
      typeof entry[1] === "number"
    );
    return [JSON.stringify(texts.map(([name, text]) => [name, trimTime(text)])), new Map(numbers)];
  }).toSorted(([a], [b]) => a < b ? -1 : 1);
}

/** A time without zeros behind its fraction. */
function trimTime(text: unknown): string {
  return `${text}`.replace(/(T[\d:]+\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

function assertSame(actual: readonly Row[], expected: readonly Row[], name: string): void {
  const [got, wanted] = [normal(actual), normal(expected)];
  assertEquals(got.map(([key]) => key), wanted.map(([key]) => key), name);
  for (const [index, [key, numbers]] of got.entries()) {
    const others = wanted[index]?.[1] ?? new Map<string, number>();
    assertEquals([...numbers.keys()], [...others.keys()], `${name}: ${key}`);
    for (const [column, number] of numbers) {
      const other = others.get(column) ?? NaN;
      const isClose = Math.abs(number - other) <= TOLERANCE * Math.max(1, Math.abs(other));
      assert(isClose, `${name}: ${key}: ${column} is ${number}, expected ${other}`);
    }
  }
}

/** Asks all statements of one stream. */
async function askAll(rows: readonly Row[]): Promise<Map<string, readonly Row[]>> {
  const all = statements("vLLMmetrics");
  const answers = await ask({ vLLMmetrics: rows }, all.map(({ sql }) => sql));
  return new Map(all.map(({ name }, index) => {
    const answer = answers[index];
    assertEquals(answer?.error, undefined, name);
    return [name, answer?.rows ?? []];
  }));
}

/** A number with the digits that are recorded. */
function rounded(value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(12)) : value;
}

/** Answers as lines of the file: the columns, then a list of values per row. */
function recordedLines(name: string, answers: ReadonlyMap<string, readonly Row[]>): string[] {
  return [...answers].filter(([statement]) => statement !== AGE).map(([statement, rows]) => {
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const values = rows.map((row) => columns.map((column) => rounded(row[column] ?? null)));
    return JSON.stringify([name, statement, columns, values]);
  });
}

/** The recorded answers of one scenario, by statement. */
async function recordedAnswers(name: string): Promise<Map<string, Row[]>> {
  const lines: [string, string, string[], unknown[][]][] = (await Deno.readTextFile(ANSWERS))
    .trim().split("\n").map((line) => JSON.parse(line));
  return new Map(
    lines.filter(([scenario]) => scenario === name).map(([, statement, columns, values]) => [
      statement,
      values.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]]))),
    ]),
  );
}

function assertAnswers(
  answers: ReadonlyMap<string, readonly Row[]>,
  expected: ReadonlyMap<string, readonly Row[]>,
): void {
  for (const [statement, rows] of answers) {
    if (statement !== AGE) assertSame(rows, expected.get(statement) ?? [], statement);
  }
  assertEquals(expected.size, answers.size - 1);
}

if (Deno.env.get("UPDATE_GOLDEN") !== undefined) {
  const lines: string[] = [];
  for (const [name, scrapesOf] of Object.entries(SCENARIOS)) {
    lines.push(...recordedLines(name, await askAll(rowsOf(scrapesOf()))));
  }
  await Deno.writeTextFile(ANSWERS, `${lines.join("\n")}\n`);
}

for (const [name, scrapesOf] of Object.entries(SCENARIOS)) {
  Deno.test(`every statement gives the recorded answer, also on doubled rows: ${name}`, async () => {
    const rows = rowsOf(scrapesOf());
    const expected = await recordedAnswers(name);
    // Those of a file are there twice around a sync, one row or another first.
    const some = rows.filter((_, index) => index % 3 === 0);

    assertAnswers(await askAll(rows), expected);
    assertAnswers(await askAll([...some, ...rows]), expected);
  });
}

Deno.test("a fleet with a pipeline gives every tile and alert something to show", async () => {
  const answers = await askAll(rowsOf(worldScrapes()));

  assertEquals([...answers].filter(([, rows]) => rows.length === 0).map(([name]) => name), []);
});

Deno.test("the age of the newest sample is counted from now", async () => {
  const scrapes = worldScrapes();
  const newestMs = Math.max(
    ...scrapes.filter(({ text }) => text.includes("vllm_num_requests_running")).map(({ timeMs }) =>
      timeMs
    ),
  );
  const before = Date.now();

  const [row] = (await askAll(rowsOf(scrapes))).get(AGE) ?? [];

  const nowMs = Number(row?.["value"]) * 1_000 + newestMs;
  assert(nowMs >= before - 1 && nowMs <= Date.now() + 1, `${nowMs}`);
});

Deno.test("vLLM is down when no scrape of minutes went well, and not when one did or rows just began", async () => {
  const rowsWith = (values: readonly number[]): Row[] =>
    rowsOf(values.map((value, index) => ({
      timeMs: 1_795_492_800_000 + index * 60_000,
      text: `# TYPE vllm_metrics_upstream_up gauge\nvllm_metrics_upstream_up ${value}\n`,
    })));

  const away = await askAll(rowsWith([0, 0, 0]));
  const back = await askAll(rowsWith([0, 0, 1]));
  const loading = await askAll(rowsWith([0, 0]));

  assertEquals(away.get("vLLM: down"), [{ server: "vLLM", down: 1 }]);
  assertEquals(back.get("vLLM: down"), [{ server: "vLLM", down: 0 }]);
  assertEquals(loading.get("vLLM: down"), []);
});

/** What an alert on nothing says: it alone fires then. */
const NO_DATA = "vLLM metrics: no data";

Deno.test("a stream without rows shows nothing and fails nowhere", async () => {
  const answers = await askAll([]);

  for (const [name, rows] of answers) {
    assertEquals(rows, name === NO_DATA ? [{ samples_seen: 0 }] : []);
  }
});

Deno.test("a stream without the columns of vLLM shows nothing and fails nowhere", async () => {
  const rows = rowsOf([{ timeMs: 1_795_492_800_000, text: "# TYPE up gauge\nup 1\n" }]);

  const answers = await askAll(rows);

  for (const [name, rows] of answers) {
    assertEquals(rows, name === NO_DATA ? [{ samples_seen: 0 }] : []);
  }
});

Deno.test("no alert fires on a stream that provision has just made", async () => {
  const rows = streamRows(JSON.stringify(firstRow(1_795_492_800_000)), 1_795_492_800_300);

  const answers = await askAll(rows);

  for (const [name, rows] of answers) {
    assertEquals(rows, name === NO_DATA ? [{ samples_seen: 1 }] : []);
  }
});

Deno.test("a Parseable that names the series' hash anew gives the same answers", async () => {
  const [[name, scrapesOf] = ["", (): Scrape[] => []]] = Object.entries(SCENARIOS);
  const rows = rowsOf(scrapesOf()).map(({ __series_hash: hash, ...row }) => ({
    ...row,
    __series_hash_u64: hash,
  }));

  const answers = await askAll(rows);

  assertAnswers(answers, await recordedAnswers(name));
});

Deno.test("the queries in the guide run", async () => {
  const guide = await Deno.readTextFile(new URL("../../docs/dashboards.md", import.meta.url));
  const queries = [...guide.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = ""]) => sql);

  const answers = await ask({ vLLMmetrics: rowsOf(worldScrapes()) }, queries);

  assertEquals(
    answers.map(({ rows = [], error }) => error ?? (rows.length > 0)),
    queries.map(() => true),
  );
  assertEquals(queries.length, 3);
});
