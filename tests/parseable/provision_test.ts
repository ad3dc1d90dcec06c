import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { objectOf, textsOf } from "../../lib/parseable/json.ts";
import { ParseableError } from "../../lib/parseable/api.ts";
import { ADMIN, KEY, READER, serveApi } from "./fake_api.ts";
import { alert, dashboard, run, writes } from "./run.ts";

Deno.test("provision makes all that is missing, and a second run changes nothing", async () => {
  await using parseable = serveApi();
  assertEquals((await run(parseable)).lines, [
    'made stream "vLLMmetrics"',
    "made retention of 30 days",
    'made dashboard "Overview"',
    'made dashboard "Latency"',
    'made alert "KV cache"',
    'made alert "Down"',
  ]);
  const written = writes(parseable).length;
  const again = await run(parseable);
  assertEquals(again.summary, "6 unchanged.");
  assertEquals(writes(parseable).length, written);
});

Deno.test("provision can use a key in the place of user and password", async () => {
  await using parseable = serveApi();
  assertEquals((await run(parseable, { as: KEY })).summary, "6 made.");
});

Deno.test("a dry run tells what it would do, and does nothing", async () => {
  await using parseable = serveApi();
  const env = { ALERT_WEBHOOK_URL: "https://example.com/hook" };
  const first = await run(parseable, { isDryRun: true, env, shipper: "vllm-shipper" });
  assertEquals(first.summary, "8 would make.");
  await run(parseable);
  const written = writes(parseable).length;
  const dashboards = [dashboard("Overview", "SELECT 2")];
  const second = await run(parseable, { isDryRun: true, dashboards });
  assertEquals(second.lines.filter((line) => line.startsWith("would")), [
    'would update dashboard "Overview"',
    'would remove dashboard "Latency": it is no longer part of this version',
  ]);
  assertEquals(writes(parseable).length, written);
});

Deno.test("what we made is updated in place, and keeps what is the user's", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const { dashboards, alerts } = parseable.state;
  const [[dashboardId = "", made] = []] = dashboards;
  dashboards.set(dashboardId, {
    ...made,
    isFavorite: true,
    tags: [...textsOf(made?.tags), "mine"],
  });
  const [[alertId = "", madeAlert] = []] = alerts;
  alerts.set(alertId, { ...madeAlert, state: "disabled" });
  const again = await run(parseable, {
    dashboards: [dashboard("Overview", "SELECT 2"), dashboard("Latency")],
    alerts: [alert("KV cache", 0.8), alert("Down")],
  });
  assertEquals(again.lines.filter((line) => line.startsWith("updated")), [
    'updated dashboard "Overview"',
    'updated alert "KV cache"',
  ]);
  const updated = dashboards.get(dashboardId);
  assertEquals(updated?.isFavorite, true);
  assertEquals(textsOf(updated?.tags).filter((tag) => !tag.includes(":")), ["vllm", "mine"]);
  assertEquals(alerts.get(alertId)?.state, "disabled");
  assertEquals(objectOf(alerts.get(alertId)?.thresholdConfig).value, 0.8);
});

Deno.test.each<[how: string, edit: Readonly<Record<string, unknown>>]>([
  ["renamed", { title: "My overview" }],
  ["given another tile", { tiles: [] }],
])("a dashboard that was %s by hand is left alone, unless forced", async (_how, edit) => {
  await using parseable = serveApi();
  await run(parseable);
  const { dashboards } = parseable.state;
  const [[id = "", made] = []] = dashboards;
  dashboards.set(id, { ...made, ...edit });
  const dashboardsNow = [dashboard("Overview", "SELECT 2"), dashboard("Latency")];
  const again = await run(parseable, { dashboards: dashboardsNow });
  assertEquals(again.lines[2], 'left alone dashboard "Overview": edited by hand');
  assertEquals(again.summary, "5 unchanged, 1 left alone.");
  assertEquals(dashboards.get(id), { ...made, ...edit });
  const forced = await run(parseable, { dashboards: dashboardsNow, isForced: true });
  assertEquals(forced.lines[2], 'updated dashboard "Overview"');
  assertEquals(dashboards.get(id)?.title, "Overview");
  assertEquals(dashboards.size, 2);
});

Deno.test("an alert whose threshold was changed by hand is left alone", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const { alerts } = parseable.state;
  const [[id = "", made] = []] = alerts;
  alerts.set(id, { ...made, thresholdConfig: { operator: ">", value: 0.5 } });
  const again = await run(parseable, { alerts: [alert("KV cache", 0.8), alert("Down")] });
  assertEquals(again.lines[4], 'left alone alert "KV cache": edited by hand');
  assertEquals(objectOf(alerts.get(id)?.thresholdConfig).value, 0.5);
});

Deno.test("what others made under our title is left alone, even when forced", async () => {
  await using parseable = serveApi();
  const theirs = { ...dashboard("Overview"), dashboardId: "01A", tags: ["vllm"] };
  parseable.state.dashboards.set("01A", theirs);
  const theirAlert = { ...alert("Down"), id: "01B", tags: null };
  parseable.state.alerts.set("01B", theirAlert);
  const { lines, hasFailed } = await run(parseable, { isForced: true });
  assertEquals(lines.filter((line) => line.startsWith("left alone")), [
    `left alone dashboard "Overview": somebody else's has this title`,
    `left alone alert "Down": somebody else's has this title`,
  ]);
  assertEquals(hasFailed, false);
  assertEquals(parseable.state.dashboards.get("01A"), theirs);
  assertEquals(parseable.state.alerts.get("01B"), theirAlert);
});

Deno.test("what was made for another stream is left alone, unless forced", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const env = { PARSEABLE_STREAM: "lab" };
  const other = await run(parseable, { env });
  assertEquals(other.lines.slice(2), [
    'left alone dashboard "Overview": it is for the stream "vLLMmetrics"',
    'left alone dashboard "Latency": it is for the stream "vLLMmetrics"',
    'left alone alert "KV cache": it is for the stream "vLLMmetrics"',
    'left alone alert "Down": it is for the stream "vLLMmetrics"',
  ]);
  await run(parseable, { env, isForced: true });
  assertEquals((await run(parseable, { env })).summary, "6 unchanged.");
});

Deno.test("what is no longer part of us goes, unless it was edited", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const { alerts } = parseable.state;
  const [, [id = "", made] = []] = alerts;
  alerts.set(id, { ...made, severity: "low" });
  const again = await run(parseable, { dashboards: [dashboard("Latency")], alerts: [] });
  assertEquals(again.lines.slice(2), [
    'unchanged dashboard "Latency"',
    'removed dashboard "Overview": it is no longer part of this version',
    'removed alert "KV cache": it is no longer part of this version',
    'left alone alert "Down": edited by hand; it is no longer part of this version',
  ]);
  assertEquals([...alerts.keys()], [id]);
});

Deno.test("an update by Parseable that adds fields and rounds numbers is no edit", async () => {
  await using parseable = serveApi();
  await run(parseable);
  for (const [id, made] of parseable.state.alerts) {
    const thresholdConfig = { value: 0.9 + Number.EPSILON / 2, operator: ">" };
    parseable.state.alerts.set(id, { ...made, thresholdConfig, queryType: "code" });
  }
  assertEquals((await run(parseable)).summary, "6 unchanged.");
});

Deno.test("a wrong password ends the run with Parseable's words, and without the password", async () => {
  await using parseable = serveApi();
  const as = { ...ADMIN, P_PASSWORD: "secret-wrong" };
  const error = await assertRejects(() => run(parseable, { as }), ParseableError);
  assertEquals(error.code, "PARSEABLE_DENIED");
  assertMatch(error.sentence, /answered 403: You don't have permission to access this resource\./);
  assertMatch(
    error.sentence,
    /The user name or password is wrong, or this user may not do that\.$/,
  );
  assert(!error.sentence.includes("secret"));
  assertEquals(writes(parseable), []);
});

Deno.test("a wrong key ends the run with Parseable's words", async () => {
  await using parseable = serveApi();
  const as = { PARSEABLE_API_KEY: "secret-wrong" };
  const error = await assertRejects(() => run(parseable, { as }), ParseableError);
  assertEquals(error.code, "PARSEABLE_DENIED");
  assertMatch(error.sentence, /answered 401: Invalid API key\./);
});

Deno.test("a user that may only read fails at each thing, and the others are still tried", async () => {
  await using parseable = serveApi();
  await run(parseable, { dashboards: [], alerts: [] });
  const { lines, hasFailed } = await run(parseable, { as: READER, shipper: "vllm-shipper" });
  assertEquals(hasFailed, true);
  assertEquals(lines.map((line) => line.replace(/: it answered 403: .*/, ": 403")), [
    'unchanged stream "vLLMmetrics"',
    "unchanged retention of 30 days",
    'failed dashboard "Overview": 403',
    'failed dashboard "Latency": 403',
    'failed alert "KV cache": 403',
    'failed alert "Down": 403',
    'failed user "vllm-shipper": 403',
  ]);
});

Deno.test("a run that Parseable leaves half-way is finished by the next one", async () => {
  await using parseable = serveApi();
  let left = 6;
  parseable.intercept = (request) => {
    if (request.startsWith("GET ")) return undefined;
    return --left > 0 ? undefined : new Response("no space left on device", { status: 500 });
  };
  const first = await run(parseable);
  assertEquals(first.hasFailed, true);
  assertEquals(first.lines.slice(-2), [
    'failed alert "KV cache": it answered 500: no space left on device',
    'failed alert "Down": it answered 500: no space left on device',
  ]);
  parseable.intercept = undefined;
  const { lines, summary } = await run(parseable);
  assertEquals(summary, "4 unchanged, 2 made.");
  assertEquals(lines.slice(-2), ['made alert "KV cache"', 'made alert "Down"']);
});

Deno.test("an alert that was made while its answer was lost is not made again", async () => {
  await using parseable = serveApi();
  const late = Promise.withResolvers<Response>();
  parseable.lose = (request) => request === "POST /api/v1/alerts" ? late.promise : undefined;
  const env = { PARSEABLE_TIMEOUT: "300ms" };
  const error = await assertRejects(() => run(parseable, { env }), ParseableError);
  late.resolve(new Response(null));
  assertEquals(error.code, "PARSEABLE_UNREACHABLE");
  assertMatch(error.message, /: no answer within 300 ms$/);
  parseable.lose = undefined;
  assertEquals((await run(parseable)).summary, "5 unchanged, 1 made.");
  const titles = [...parseable.state.alerts.values()].map(({ title }) => title);
  assertEquals(titles, ["KV cache", "Down"]);
});

Deno.test("Parseable knows what we made also after a restart", async () => {
  const before = serveApi();
  await run(before);
  await before[Symbol.asyncDispose]();
  await using after = serveApi(before.state);
  assertEquals((await run(after)).summary, "6 unchanged.");
});

Deno.test("two copies at once make nothing twice", async () => {
  await using parseable = serveApi();
  // Each copy lists the alerts before the other one makes any.
  const both = Promise.withResolvers<undefined>();
  let listed = 0;
  parseable.intercept = (request) => {
    if (request !== "GET /api/v1/alerts" || listed === 2) return undefined;
    if (++listed === 2) both.resolve(undefined);
    return both.promise;
  };
  const results = await Promise.all([run(parseable), run(parseable)]);
  assertEquals(results.map(({ hasFailed }) => hasFailed), [false, false]);
  assertEquals(writes(parseable).filter((each) => each === "POST /api/v1/alerts").length, 4);
  assertEquals(parseable.state.dashboards.size, 2);
  assertEquals(parseable.state.alerts.size, 2);
  parseable.intercept = undefined;
  assertEquals((await run(parseable)).summary, "6 unchanged.");
});

Deno.test("an alert that is there twice is kept once, and one that was edited is kept as well", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const { alerts } = parseable.state;
  const [[id = "", made] = []] = alerts;
  alerts.set("01Z1", { ...made, id: "01Z1" });
  alerts.set("01Z2", { ...made, id: "01Z2", severity: "low" });
  const { lines } = await run(parseable);
  assertEquals(lines.slice(-2), [
    'removed alert "KV cache": it was there twice',
    'left alone alert "KV cache": edited by hand; it was there twice',
  ]);
  assertEquals([alerts.has(id), alerts.has("01Z1"), alerts.has("01Z2")], [true, false, true]);
});

Deno.test("an extra alert that another copy removes in between is no failure", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const { alerts } = parseable.state;
  const [[, made] = []] = alerts;
  alerts.set("01Z", { ...made, id: "01Z" });
  parseable.intercept = (request) => {
    if (request === "GET /api/v1/alerts/01Z") alerts.delete("01Z");
    return undefined;
  };
  assertEquals((await run(parseable)).summary, "6 unchanged.");
});

Deno.test("an edit that settings come to ask for as well is no edit any more", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const [[id = "", made] = []] = parseable.state.alerts;
  parseable.state.alerts.set(id, { ...made, thresholdConfig: { operator: ">", value: 0.8 } });
  const alerts = [alert("KV cache", 0.8), alert("Down")];
  assertEquals((await run(parseable, { alerts })).summary, "6 unchanged.");
});
