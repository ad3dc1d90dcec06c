import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseLook } from "../../lib/config/provision_config.ts";
import { checkParseable, gapsIn } from "../../lib/doctor/parseable_check.ts";
import { type CheckResult, CheckRun } from "../../lib/doctor/check_run.ts";
import { recorded } from "../parseable/answers.ts";
import {
  ADMIN,
  type FakeApi,
  type FakeStream,
  KEY,
  READER,
  serveApi,
  serveIngestNode,
} from "../parseable/fake_api.ts";
import { dashboard, run } from "../parseable/run.ts";
import { closedPort, serveHttp, serveRaw } from "../net/fakes.ts";

const NOW_MS = Date.UTC(2026, 10, 24, 10, 30);
const METRIC = "vllm_num_requests_running";

/** What a test asks with. */
type Settings = Readonly<Record<string, string>>;

/** Only certificates are read from files. */
function readFile(path: string): string {
  return Deno.readTextFileSync(path);
}

/** Walks to Parseable; gives the hops by name. */
async function hopsTo(
  origin: string,
  settings: Settings = ADMIN,
  timeoutMs = 10_000,
): Promise<Map<string, CheckResult>> {
  const { parseable, credentials, mistakes } = parseLook(
    { PARSEABLE_URL: origin, ...settings },
    readFile,
  );
  if (parseable === undefined) throw new Error(mistakes.join("\n"));
  const hops = new Map<string, CheckResult>();
  const walk = new CheckRun("Parseable", (hop) => hops.set(hop.name, hop), timeoutMs);
  const now = (): number => NOW_MS;
  await checkParseable(walk, { parseable, credentials, isProxied: false, now });
  return hops;
}

function statuses(hops: Map<string, CheckResult>): string[] {
  return [...hops.values()].map(({ name, status }) => `${name} ${status}`);
}

/** A row of a scrape that was made so many seconds ago, as Parseable writes it. */
function row(secondsAgo: number, metric = METRIC): Readonly<Record<string, string>> {
  const time = new Date(NOW_MS - secondsAgo * 1_000).toISOString().replace("Z", "");
  return { "time_unix_nano": time, "metric_name": metric };
}

/** Scrapes every two seconds, the newest so many seconds old. */
function every2s(newest: number, count = 20): ReturnType<typeof row>[] {
  return Array.from({ length: count }, (_, index) => row(newest + 2 * index));
}

/** A Parseable with a stream. */
function parseableWith(changes: Partial<FakeStream>): FakeApi {
  const parseable = serveApi();
  parseable.state.streams.set("vLLMmetrics", {
    columns: ["metric_name", "p_timestamp"],
    source: "otel-metrics",
    firstEventAt: undefined,
    retention: [],
    ...changes,
  });
  return parseable;
}

Deno.test("every hop to a Parseable with fresh rows and dashboards is fine", async () => {
  await using parseable = parseableWith({ rows: every2s(1.5), count: 900 });
  await run(parseable, { dashboards: [dashboard("Overview"), dashboard("Latency")], alerts: [] });
  for (const settings of [ADMIN, READER, KEY]) {
    const hops = await hopsTo(parseable.origin, settings);
    assertEquals(statuses(hops), [
      "liveness ok",
      "credentials ok",
      "dashboards ok",
      "stream ok",
      "newest row ok",
      "gaps ok",
    ]);
    assertEquals(hops.get("credentials")?.found, "Parseable v2.9.5");
    assertEquals(hops.get("dashboards")?.found, '"Overview", "Latency"');
    assertEquals(hops.get("newest row")?.found, "the newest row is 1.5 s old");
    assertEquals(
      hops.get("gaps")?.found,
      "a scrape every 2.0 s, longest gap 2.0 s in the last 20",
    );
  }
});

Deno.test("a row as the real Parseable gave it is read as a time in UTC", async () => {
  const { body } = recorded("query/latest-scrapes");
  await using parseable = parseableWith({ rows: body });
  const hop = (await hopsTo(parseable.origin)).get("newest row");
  assertEquals(hop?.found, "the newest row is 257 s old");
});

Deno.test("a Parseable that does not run fails at its liveness, and nothing else is tried", async () => {
  const hops = await hopsTo(`http://127.0.0.1:${closedPort()}`);
  assertEquals(statuses(hops), [
    "liveness failed",
    "credentials skipped",
    "dashboards skipped",
    "stream skipped",
    "newest row skipped",
    "gaps skipped",
  ]);
  assertStringIncludes(hops.get("liveness")?.found ?? "", "connection refused");
  assertStringIncludes(hops.get("liveness")?.action ?? "", "PARSEABLE_URL");
});

Deno.test("a Parseable that hangs costs the time of one check", async () => {
  await using parseable = serveRaw(({ gone }) => gone());
  const hops = await hopsTo(parseable.origin, { ...ADMIN, PARSEABLE_TIMEOUT: "100ms" });
  assertEquals(hops.get("liveness")?.status, "failed");
  assertStringIncludes(hops.get("liveness")?.found ?? "", "no answer within 100 ms");
  assertEquals(hops.get("credentials")?.status, "skipped");
});

Deno.test("something else in the place of Parseable fails at the credentials", async () => {
  await using page = serveHttp(() => new Response("<!doctype html>"));
  const hop = (await hopsTo(page.origin)).get("credentials");
  assertEquals(hop?.status, "failed");
  assertStringIncludes(hop?.found ?? "", "what answers there is no Parseable");
});

Deno.test("without credentials the liveness is tried and nothing else, which is no failure", async () => {
  await using parseable = parseableWith({});
  const hops = await hopsTo(parseable.origin, {});
  assertEquals(statuses(hops), [
    "liveness ok",
    "credentials skipped",
    "dashboards skipped",
    "stream skipped",
    "newest row skipped",
    "gaps skipped",
  ]);
  assertStringIncludes(hops.get("credentials")?.found ?? "", "PARSEABLE_API_KEY is set");
  assertEquals(parseable.requests, ["GET /api/v1/liveness"]);
});

Deno.test.each<[what: string, settings: Settings, answer: RegExp]>([
  ["password", { ...ADMIN, P_PASSWORD: "wrong" }, /answered 403/],
  ["key", { PARSEABLE_API_KEY: "wrong" }, /answered 401: Invalid API key/],
])("a wrong %s fails at the credentials", async (_what, settings, answer) => {
  await using parseable = parseableWith({ rows: every2s(1) });
  const hops = await hopsTo(parseable.origin, settings);
  assertEquals(hops.get("credentials")?.status, "failed");
  assertMatch(hops.get("credentials")?.found ?? "", answer);
  assert(hops.get("credentials")?.action !== "");
  assertEquals(hops.get("stream")?.found, 'not tried, since "credentials" failed');
});

Deno.test("a stream that is not there fails, and says that nothing has been stored", async () => {
  await using parseable = serveApi();
  const hop = (await hopsTo(parseable.origin)).get("stream");
  assertEquals(hop?.status, "failed");
  assertEquals(hop?.found, 'there is no stream "vLLMmetrics": nothing has been stored yet');
});

Deno.test("a stream with the row of provision alone is recognized", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const hops = await hopsTo(parseable.origin);
  assertEquals(hops.get("stream")?.status, "ok");
  assertEquals(hops.get("newest row")?.status, "failed");
  assertEquals(
    hops.get("newest row")?.found,
    "no row has been stored yet, except the one that provision creates a stream with",
  );
  assertEquals(hops.get("gaps")?.status, "skipped");
});

Deno.test.each<[string, Partial<FakeStream>, string, RegExp]>([
  [
    "a stream without columns has no rows",
    { columns: [] },
    "stream failed",
    /nothing has been stored in it yet/,
  ],
  [
    "a stream with other rows and none of vLLM fails, and says how many there are",
    { rows: [], count: 17 },
    "newest row failed",
    /^no row of vllm_num_requests_running within the last hour, of 17 rows in all/,
  ],
  [
    "rows that stopped to arrive are a failure with their age",
    { rows: every2s(1_300) },
    "newest row failed",
    /^the newest row is 22 min old → .*no longer arrive\. Unless an earlier check says why/,
  ],
  [
    "rows of a slow scrape are not old before five of them are missing",
    { rows: Array.from({ length: 10 }, (_, index) => row(240 + 60 * index)) },
    "newest row ok",
    /./,
  ],
  [
    "rows ahead of the clock are a warning about the clocks",
    { rows: every2s(-300) },
    "newest row warn",
    /300 s ahead .*→ .*clock of this machine/,
  ],
  [
    "rows with colons are a warning: something scrapes vLLM itself",
    { rows: [row(1, "vllm:num_requests_running"), row(3), row(5)] },
    "newest row warn",
    /something scrapes vLLM itself/,
  ],
  [
    "scrapes that are missing are a warning with the length of the gap",
    { rows: [...every2s(1, 10), ...every2s(80, 10)] },
    "gaps warn",
    /^a scrape every 2\.0 s, longest gap 61 s in the last 20 →/,
  ],
])("%s", async (_, changes, expected, words) => {
  await using parseable = parseableWith(changes);
  const hops = await hopsTo(parseable.origin);
  assert(statuses(hops).includes(expected), statuses(hops).join());
  const { found, action } = hops.get(expected.replace(/ \w+$/, "")) ?? {};
  assertMatch(`${found} → ${action}`, words);
});

Deno.test("short distances by turns are no gaps, and three scrapes are needed to tell", () => {
  const turns = [10_000, 9_700, 8_000, 7_700, 6_000, 5_700, 4_000];
  assertEquals(gapsIn(turns).status, "ok");
  assertEquals(gapsIn([2_000, 0]).found, "too few scrapes for gaps");
});

Deno.test("over TLS the certificate is reported with its last day, and a bad one fails", async () => {
  const ca = new URL("../testdata/tls/ca.pem", import.meta.url).pathname;
  await using good = serveHttp(() => new Response(""), "server");
  const hops = await hopsTo(good.origin, { ...ADMIN, PARSEABLE_TLS_CA_FILE: ca });
  assertEquals(hops.get("certificate")?.status, "ok");
  assertMatch(hops.get("certificate")?.found ?? "", /^TLSv1\.3, .*, valid for \d+ more days$/);
  const bad = await hopsTo(good.origin);
  assertEquals(bad.get("liveness")?.status, "failed");
  assertStringIncludes(bad.get("liveness")?.found ?? "", "unknown authority");
  assertEquals(bad.get("certificate")?.status, "skipped");
});

Deno.test("of several nodes both kinds are asked, and rows may be two minutes late", async () => {
  await using query = parseableWith({ rows: every2s(100) });
  query.state.mode = "Distributed (Query)";
  await using ingest = serveIngestNode(query.state);
  const settings = { ...ADMIN, PARSEABLE_QUERY_URL: query.origin };
  const hops = await hopsTo(ingest.origin, settings);
  assertEquals(
    hops.get("liveness")?.found,
    `"${ingest.origin}" and "${query.origin}" answer`,
  );
  assertEquals(hops.get("newest row")?.status, "ok");
  assertEquals(ingest.requests, ["GET /api/v1/liveness", "GET /api/v1/about"]);
});
