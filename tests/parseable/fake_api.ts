/** The API of Parseable 2.9.5, as far as `provision` asks it: a server that keeps what it is given. */

import { type JsonObject, listOf, objectOf, textOf, textsOf } from "../../lib/parseable/json.ts";
import { listenFor } from "../fakes.ts";
import { answer, recorded } from "./answers.ts";

/** Who may do all, who may only read, and a key. */
export const ADMIN = { P_USERNAME: "admin", P_PASSWORD: "secret-admin" };
export const READER = { P_USERNAME: "reader", P_PASSWORD: "secret-reader" };
export const KEY = { PARSEABLE_API_KEY: "secret-key" };

/** When each stream was created: a few seconds before the tests' time. */
const CREATED_AT = "2026-11-24T04:04:58.814725914+00:00";

/** A stream. */
export interface FakeStream {
  /** Its columns; none before the first row. */
  columns: string[];
  /** Its source; only one of metrics takes metrics. */
  readonly source: "otel-metrics" | "json";
  /** When its first row came. */
  firstEventAt: string | undefined;
  /** The tasks of its retention. */
  retention: readonly unknown[];
  /** Whether its rows have not reached the query node yet. */
  isSyncing?: boolean;
  /** What a query gives, whatever it asks: a list of rows. */
  rows?: unknown;
  /** How many rows it has; one without. */
  count?: number;
}

/** The tables of a fake Parseable. */
export interface FakeState {
  readonly streams: Map<string, FakeStream>;
  readonly dashboards: Map<string, JsonObject>;
  readonly alerts: Map<string, JsonObject>;
  readonly targets: Map<string, JsonObject>;
  readonly roles: Map<string, unknown>;
  readonly users: Map<string, unknown>;
  /** What `about` says of the query node. */
  mode: "Standalone" | "Distributed (Query)";
  ids: number;
}

/** Makes one with nothing in it. */
export function emptyState(): FakeState {
  return {
    streams: new Map(),
    dashboards: new Map(),
    alerts: new Map(),
    targets: new Map(),
    roles: new Map(),
    users: new Map([["admin", []]]),
    mode: "Standalone",
    ids: 0,
  };
}

/** Gives the next id: a ULID, later ones larger. */
export function nextId(state: FakeState): string {
  return `01M85V${String(state.ids++).padStart(20, "0")}`;
}

/** A request that has been read. */
interface Call {
  readonly method: string;
  readonly path: readonly string[];
  readonly headers: Headers;
  readonly body: unknown;
  readonly search: URLSearchParams;
}

/** The server. */
export interface FakeApi extends AsyncDisposable {
  readonly origin: string;
  readonly state: FakeState;
  /** The requests so far: method and path. */
  readonly requests: string[];
  /** When set, is asked before each request, and may answer it. */
  intercept:
    | ((request: string) => Response | undefined | Promise<Response | undefined>)
    | undefined;
  /** When set, is asked after each request, and may take the place of the answer. */
  lose: ((request: string) => Promise<Response> | undefined) | undefined;
}

/** The refusal of the caller; undefined when it may go on. */
function refusal({ headers, method, path }: Call): Response | undefined {
  const authorization = headers.get("authorization");
  const key = headers.get("x-api-key");
  if (authorization === null && key === null) return answer("health/about-no-auth");
  if (authorization === null) {
    return key === KEY.PARSEABLE_API_KEY ? undefined : answer("users/apikey-after-delete");
  }
  const basic = (user: typeof ADMIN): string =>
    `Basic ${btoa(`${user.P_USERNAME}:${user.P_PASSWORD}`)}`;
  if (authorization === basic(ADMIN)) return undefined;
  const isReading = path[0] === "query" ||
    method === "GET" && path[0] !== "user" && path[0] !== "roles";
  if (authorization === basic(READER) && isReading) return undefined;
  return answer("health/about-wrong-password");
}

function ingest(state: FakeState, { headers }: Call): Response {
  const name = headers.get("x-p-stream") ?? "";
  const source = headers.get("x-p-log-source");
  if (source !== "otel-metrics") return new Response("no log source", { status: 400 });
  const found = state.streams.get(name);
  const stream: FakeStream = found ??
    { columns: [], source, retention: [], firstEventAt: undefined };
  if (!stream.isSyncing) stream.columns = ["metric_name", "p_timestamp"];
  stream.firstEventAt ??= "2026-11-24T04:04:00+00:00";
  state.streams.set(name, stream);
  return answer("ingest/ok-small");
}

function createStream({ streams, mode }: FakeState, { path, headers }: Call): Response {
  const [, name = ""] = path;
  if (streams.has(name)) return new Response(`Logstream ${name} already exists`, { status: 400 });
  const isSyncing = mode !== "Standalone";
  const source = headers.get("x-p-log-source") === "otel-metrics" ? "otel-metrics" : "json";
  streams.set(name, { columns: [], source, retention: [], firstEventAt: undefined, isSyncing });
  return new Response("Log stream created");
}

function streamRoute(state: FakeState, call: Call): Response {
  const { method, path, body } = call;
  const stream = state.streams.get(path[1] ?? "");
  if (method === "PUT" && path.length === 2) return createStream(state, call);
  if (stream === undefined) {
    return answer(
      path[2] === "retention" ? "retention/put-unknown-stream" : "streams/unknown-info",
    );
  }
  if (path[2] === "schema") {
    return answer("streams/schema-created-empty", {
      fields: stream.columns.map((name) => ({ name, data_type: "Utf8" })),
    });
  }
  if (path[2] === "info") {
    const { firstEventAt } = stream;
    return answer("streams/info-created", {
      createdAt: CREATED_AT,
      logSource: [{ log_source_format: stream.source, fields: [] }],
      ...(firstEventAt === undefined ? {} : { firstEventAt }),
    });
  }
  if (path[2] === "stats") {
    return answer("streams/stats", { ingestion: { "lifetime_count": stream.count ?? 1 } });
  }
  if (method === "GET") return Response.json(stream.retention);
  stream.retention = listOf(body);
  return answer("retention/put");
}

function query({ streams }: FakeState, { body }: Call): Response {
  const { query: sql, startTime, endTime } = objectOf(body);
  if (textOf(startTime) === "" || textOf(endTime) === "") return answer("query/missing-start");
  // A name without quotes is read in lower case.
  const name = /FROM "([^"]+)"/.exec(textOf(sql))?.[1] ?? "";
  const stream = streams.get(name);
  if (stream === undefined) return answer("query/unknown-stream");
  if (stream.columns.length === 0) return answer("query/without-columns");
  return Response.json(stream.rows ?? []);
}

/** What dashboards and alerts have in common: a list of summaries, one of them, and its end. */
function itemRoute(
  noun: "dashboards" | "alerts",
  { [noun]: items }: FakeState,
  { method, path: [, id = ""], search }: Call,
): Response | undefined {
  const found = items.get(id);
  if (method === "GET" && id === "") {
    const from = Number(search.get("offset"));
    const page = noun === "dashboards"
      ? [...items.values()].reverse()
      : [...items.values()].slice(from, from + Number(search.get("limit")));
    const names = Object.keys(objectOf(listOf(recorded(`${noun}/list`).body)[0]));
    return Response.json(
      page.map((one) => Object.fromEntries(names.map((name) => [name, one[name]]))),
    );
  }
  if (id !== "" && found === undefined) {
    const cases = { GET: "get-unknown", PUT: "other-user-put", DELETE: "delete-again" };
    const [, name] = Object.entries(cases).find(([each]) => each === method) ?? [];
    return answer(noun === "alerts" ? "alerts/get-unknown" : `dashboards/${name}`);
  }
  if (method === "GET") return Response.json(found);
  if (method !== "DELETE") return undefined;
  items.delete(id);
  return answer(`${noun}/delete`);
}

function dashboardRoute(state: FakeState, call: Call): Response {
  const { path: [, id = ""], body } = call;
  const answered = itemRoute("dashboards", state, call);
  if (answered !== undefined) return answered;
  const written = objectOf(body);
  const isTaken = [...state.dashboards].some(([other, { title }]) =>
    title === written.title && other !== id
  );
  if (isTaken) return answer("dashboards/create-duplicate-title");
  const dashboardId = id === "" ? nextId(state) : id;
  // These Parseable sets itself, whatever the body says.
  const { author, created, modified } = objectOf(recorded("dashboards/create").body);
  const own = { version: "v1", author, dashboardId, created, modified, tenantId: null };
  const kept = { isFavorite: false, ...written, ...own };
  state.dashboards.set(dashboardId, kept);
  return Response.json(kept);
}

function alertRoute(state: FakeState, call: Call): Response {
  const { path: [, id = ""], body } = call;
  const answered = itemRoute("alerts", state, call);
  if (answered !== undefined) return answered;
  const { alerts, streams, targets } = state;
  const written = objectOf(body);
  if (textsOf(written.targets).some((target) => !targets.has(target))) {
    return answer("alerts/create-target-unknown");
  }
  if (![...streams.keys()].some((name) => textOf(written.query).includes(`"${name}"`))) {
    return answer("alerts/create-unknown-stream");
  }
  const key = id === "" ? nextId(state) : id;
  const found = alerts.get(id);
  const template = objectOf(recorded("alerts/create").body);
  // Of an update, Parseable takes the fields that it knows, and leaves the others as they were.
  const known = Object.keys(template).filter((name) => name in written);
  const kept = found === undefined
    ? { ...template, lastTriggeredAt: null, ...written, id: key }
    : { ...found, ...Object.fromEntries(known.map((name) => [name, written[name]])) };
  alerts.set(key, kept);
  return Response.json(kept);
}

function isPrivate({ endpoint }: JsonObject): boolean {
  return URL.parse(textOf(endpoint))?.hostname === "10.0.0.5";
}

function targetRoute(state: FakeState, { method, path, body }: Call): Response {
  const [, id = ""] = path;
  if (method === "GET") {
    return Response.json([...state.targets.values()].map((target) => ({
      target: { ...target, endpoint: "http://********" },
      ...isPrivate(target)
        ? { enabled: false, error: "Private target is not allowed by outbound policy" }
        : { enabled: true },
    })));
  }
  if (method === "DELETE") {
    const isUsed = [...state.alerts.values()].some(({ targets }) => textsOf(targets).includes(id));
    if (isUsed) return answer("alerts/target-in-use-delete");
    return answer(state.targets.delete(id) ? "targets/delete" : "targets/delete-unknown");
  }
  const target = objectOf(body);
  if (isPrivate(target)) return answer("targets/create-webhook-loopback-default-policy");
  const key = textOf(target.id) || nextId(state);
  state.targets.set(key, { ...target, id: key });
  return answer("targets/create-own-id", { ...target, id: key, endpoint: "http://********" });
}

function userRoute(state: FakeState, { method, path, body }: Call): Response {
  const [noun, name = ""] = path;
  if (noun === "roles") return Response.json(Object.fromEntries(state.roles));
  if (noun === "role") {
    state.roles.set(name, body);
    return answer("users/role-put-ingestor");
  }
  if (method === "GET") {
    return Response.json([...state.users.keys()].map((id) => ({ id, method: "native" })));
  }
  if (state.users.has(name)) return answer("users/user-create-again");
  state.users.set(name, body);
  return answer("users/user-create");
}

const ROUTES: Readonly<Record<string, (state: FakeState, call: Call) => Response>> = {
  about: ({ mode }) => answer("health/about", { mode }),
  logstream: streamRoute,
  query,
  dashboards: dashboardRoute,
  alerts: alertRoute,
  targets: targetRoute,
  role: userRoute,
  roles: userRoute,
  user: userRoute,
};

/** Answers one request. */
function respond(state: FakeState, pathname: string, call: Call): Response {
  if (pathname === "/api/v1/liveness") return answer("health/liveness");
  if (pathname === "/api/v1/readiness") return answer("health/readiness");
  const refused = refusal(call);
  if (refused !== undefined) return refused;
  if (pathname === "/v1/metrics" && call.method === "POST" && state.mode === "Standalone") {
    return ingest(state, call);
  }
  const route = pathname.startsWith("/api/v1/") ? ROUTES[call.path[0] ?? ""] : undefined;
  return route?.(state, call) ?? answer("health/unknown-api-path");
}

/** An ingest node before a query node: it stores what the query node knows a stream for. */
export function serveIngestNode(state: FakeState): FakeApi {
  return serveWith(state, (pathname, call) => {
    if (pathname === "/api/v1/liveness") return answer("health/liveness");
    const refused = refusal(call);
    if (refused !== undefined) return refused;
    if (pathname === "/v1/metrics" && call.method === "POST") return ingest(state, call);
    if (pathname === "/api/v1/about") return answer("health/about", { mode: INGEST_MODE });
    return answer("health/unknown-api-path");
  });
}

const INGEST_MODE = "Distributed (Ingest)";

/** Starts one; with the state of another it is that one after a restart. */
export function serveApi(state: FakeState = emptyState()): FakeApi {
  return serveWith(state, (pathname, call) => respond(state, pathname, call));
}

function serveWith(
  state: FakeState,
  respond: (pathname: string, call: Call) => Response,
): FakeApi {
  const requests: string[] = [];
  const server = listenFor(async (request) => {
    const { pathname, searchParams: search } = new URL(request.url);
    const { method, headers } = request;
    const text = await request.text();
    requests.push(`${method} ${pathname}`);
    const early = await fake.intercept?.(`${method} ${pathname}`);
    if (early !== undefined) return early;
    const path = pathname.split("/").slice(3);
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const reply = respond(pathname, { method, path, headers, body, search });
    return await fake.lose?.(`${method} ${pathname}`) ?? reply;
  });
  const fake: FakeApi = {
    origin: server.origin,
    state,
    requests,
    intercept: undefined,
    lose: undefined,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return fake;
}
