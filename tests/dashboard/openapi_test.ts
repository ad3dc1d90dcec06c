import { assert, assertEquals } from "@std/assert";
import { Ajv2020, type ValidateFunction } from "ajv";
import { parse } from "yaml";
import { NOTES } from "../../lib/dashboard/availability.ts";
import { IncidentLog } from "../../lib/dashboard/incidents.ts";
import { windowsOf } from "../../lib/dashboard/query_range.ts";
import { SCENARIOS } from "../../lib/demo/scenario.ts";
import type { View } from "../../lib/dashboard/view.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { builtView } from "./built_view.ts";
import { startDashboard } from "./pages.ts";
import { letRun, look, OUTAGE, type Past, SLEEP, START_MS } from "./scenario.ts";

const DOCUMENT = parse(
  Deno.readTextFileSync(new URL("../../docs/openapi.yaml", import.meta.url).pathname),
);

/** Checks values against a schema of the document. */
function validatorOf(name: string): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: true, formats: { uri: isUri } });
  ajv.addVocabulary(["openapi", "info", "servers", "paths", "components"]);
  ajv.addSchema(DOCUMENT, "openapi");
  const validate = ajv.getSchema(`openapi#/components/schemas/${name}`);
  if (validate === undefined) throw new Error(`There is no schema "${name}"`);
  return validate;
}

function isUri(text: string): boolean {
  return URL.canParse(text);
}

function assertValid(validate: ValidateFunction, value: unknown, what: string): void {
  assert(validate(value), `${what}: ${JSON.stringify(validate.errors, null, 1)}`);
}

/** All names of properties in a value, by the path to them without indexes. */
function pathsIn(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => pathsIn(item, `${path}[]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    return [`${path}.${name}`, ...pathsIn(item, `${path}.${name}`)];
  });
}

/** All names of properties that a schema has, in the same form. */
function pathsOf(schema: Readonly<Record<string, unknown>>, path = ""): string[] {
  const { $ref, properties, items } = schema;
  if (typeof $ref === "string") {
    return pathsOf(DOCUMENT.components.schemas[$ref.split("/").at(-1) ?? ""], path);
  }
  if (isRecord(items)) return pathsOf(items, `${path}[]`);
  if (!isRecord(properties)) return [];
  return Object.entries(properties).flatMap(([name, part]) => {
    return [`${path}.${name}`, ...(isRecord(part) ? pathsOf(part, `${path}.${name}`) : [])];
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A server with more series than are kept. */
function cut(): Past {
  const history = new HistoryStore({ instances: ["vllm"], maxSeries: 1 });
  const text = "vllm_num_requests_running 1\nvllm_num_requests_waiting 1\n";
  history.add({ instance: "vllm", timeMs: START_MS, body: new TextEncoder().encode(text) });
  return { history, nowMs: START_MS };
}

/** A view with a list of the day's findings, and costs. */
function priced(): View {
  const past = letRun(100, { vllm: { scenario: OUTAGE } });
  const log = new IncidentLog();
  log.record(past.nowMs, look(past).findings);
  return builtView(past.history, { selection: {}, windowSeconds: 300 }, past.nowMs, {
    goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
    intervalMs: 2_000,
    windows: [300],
    priceOf: () => 2.5,
    log,
  });
}

/** Views that together have all that a view can have. */
function views(): Readonly<Record<string, unknown>>[] {
  const selection = { instance: "vllm", model: "m", engine: "0" };
  return [
    look(letRun(60, { vllm: { engines: 3, shares: [1, 1, 8] } })),
    look(letRun(100, { vllm: { scenario: OUTAGE } })),
    look(letRun(90, { vllm: { scenario: SLEEP } }), { selection }),
    look({ ...letRun(0, { vllm: {} }), nowMs: 0 }),
    look(cut()),
    priced(),
    look(letRun(130, { vllm: { scenario: SCENARIOS.busy } })),
  ].map((view) => JSON.parse(JSON.stringify(view)));
}

Deno.test("views have what the document says, no more and no less", () => {
  const validate = validatorOf("View");
  const all = views();
  for (const [index, view] of all.entries()) assertValid(validate, view, `view ${index}`);
  const found = new Set(all.flatMap((view) => pathsIn(view)));
  assertEquals([...found].sort(), pathsOf(DOCUMENT.components.schemas.View).sort());
});

Deno.test("a view with anything else in it is none to the document", () => {
  const validate = validatorOf("View");
  const [view = {}] = views();
  assert(!validate({ ...view, more: 1 }));
  const { version: _, ...less } = view;
  assert(!validate(less));
  assert(!validate({ ...view, tiles: [{ id: "x" }] }));
});

Deno.test("the notes in the document are those of the code", () => {
  for (const name of ["Tile", "Chart"]) {
    const { note } = DOCUMENT.components.schemas[name].properties;
    assertEquals(new Set(note.enum), new Set(["", ...Object.values(NOTES)]));
  }
});

Deno.test("the windows in the document are those of the code", () => {
  const { schema } = DOCUMENT.components.parameters.window;
  assertEquals(schema.enum, windowsOf(true));
  assert(windowsOf(false).includes(schema.default));
});

Deno.test("the routes answer as the document says", async () => {
  const { history } = letRun(4, { vllm: {} });
  await using service = startDashboard({ limits: { maxPages: 0 }, history });
  const validateExploration = validatorOf("Exploration");
  assertEquals(Object.keys(service.dashboard.routes).sort(), Object.keys(DOCUMENT.paths).sort());
  const schemas = {
    200: validatorOf("View"),
    400: validatorOf("Error"),
    503: validatorOf("Error"),
  };
  const asked = {
    "/api/v1/view": 200,
    "/api/v1/view?frobnicate=1": 400,
    "/api/v1/events?window=1": 400,
    "/api/v1/events": 503,
    "/api/v1/explore": 200,
    "/api/v1/explore?family=num_requests_running&by=engine": 200,
    "/api/v1/explore?family=x": 400,
  } as const;
  for (const [path, status] of Object.entries(asked)) {
    const response = await fetch(service.origin + path);
    assertEquals(response.status, status);
    const [route = ""] = path.split("?");
    const documented = DOCUMENT.paths[route].get.responses[status];
    assert(documented !== undefined, `${path} may answer ${status}`);
    assertEquals(response.headers.get("content-type"), "application/json");
    const isExploration = status === 200 && route === "/api/v1/explore";
    const validate = isExploration ? validateExploration : schemas[status];
    assertValid(validate, await response.json(), path);
  }
});

Deno.test("the parameters in the document are taken, and no others", async () => {
  const { history } = letRun(4, { vllm: {} });
  await using service = startDashboard({ history });
  for (const [route, { get }] of Object.entries<typeof DOCUMENT.paths[string]>(DOCUMENT.paths)) {
    const names = get.parameters.map(({ $ref }: { $ref: string }) => $ref.split("/").at(-1));
    const own = route === "/api/v1/explore" ? ["family", "show", "by"] : [];
    assertEquals(names, [...own, "window", "from", "to", "model", "engine", "instance"]);
    const to = Math.floor(Date.now() / 1_000);
    const values: Record<string, unknown> = {
      window: 900,
      from: to - 300,
      to,
      instance: "vllm",
      model: history.labelValues("model_name")[0],
      engine: 0,
      family: "num_requests_running",
      show: "value",
      by: "engine",
    };
    const query = names.map((name: string) => `${name}=${values[name] ?? "x"}`);
    const url = `${service.origin}${route}?${query.join("&")}`;
    const response = await fetch(url, { method: "HEAD" });
    assertEquals([route, response.status], [route, 200]);
  }
});
