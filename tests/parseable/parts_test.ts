import { assert, assertEquals, assertMatch } from "@std/assert";
import { Secret } from "../../lib/config/secret.ts";
import { objectOf, textOf, textsOf } from "../../lib/parseable/json.ts";
import { targetId } from "../../lib/parseable/provision.ts";
import { type FakeApi, type FakeStream, serveApi } from "./fake_api.ts";
import { alert, NOW_MS, run, type RunOptions } from "./run.ts";

const NOTHING: RunOptions = { dashboards: [], alerts: [] };
const WEBHOOK = "https://example.com/secret-path";
const WITH_WEBHOOK: RunOptions = { dashboards: [], env: { ALERT_WEBHOOK_URL: WEBHOOK } };
const STREAM: FakeStream = {
  columns: ["p_timestamp"],
  source: "otel-metrics",
  firstEventAt: "2026-11-01T00:00:00+00:00",
  retention: [],
};

function withStream(changes: Partial<FakeStream> = {}): FakeApi {
  const parseable = serveApi();
  parseable.state.streams.set("vLLMmetrics", { ...STREAM, ...changes });
  return parseable;
}

function retentionOf({ state }: FakeApi): unknown {
  return state.streams.get("vLLMmetrics")?.retention;
}

function targetsOf({ state }: FakeApi): ReadonlyArray<readonly string[]> {
  return [...state.alerts.values()].map(({ targets }) => textsOf(targets));
}

Deno.test("a stream without rows gets one, so that it has columns", async () => {
  await using parseable = withStream({ columns: [], firstEventAt: undefined });
  assertEquals((await run(parseable, NOTHING)).lines[0], 'updated stream "vLLMmetrics"');
  assertEquals((await run(parseable, NOTHING)).lines[0], 'unchanged stream "vLLMmetrics"');
});

Deno.test("a stream that is not for metrics fails, and nothing else is done", async () => {
  await using parseable = withStream({ source: "json" });
  const { lines, hasFailed } = await run(parseable);
  assertEquals(lines, [
    'failed stream "vLLMmetrics": it is not for metrics, and Parseable cannot change that. ' +
    "Delete it, or set PARSEABLE_STREAM to another name",
  ]);
  assertEquals(hasFailed, true);
});

Deno.test("the retention follows its setting", async () => {
  await using parseable = serveApi();
  await run(parseable, NOTHING);
  const env = { PARSEABLE_RETENTION: "7d" };
  const { lines } = await run(parseable, { ...NOTHING, env });
  assertEquals(lines[1], "updated retention of 7 days");
  assertEquals(retentionOf(parseable), [
    { description: "vllm-metrics: 7d", action: "delete", duration: "7d" },
  ]);
});

Deno.test.each([
  ["somebody set", "keep", "90d"],
  ["was ours before somebody changed it", "vllm-metrics: 30d", "60d"],
])("a retention that %s is left alone, unless forced", async (_whose, description, duration) => {
  const theirs = [{ description, action: "delete", duration }];
  await using parseable = withStream({ retention: theirs });
  const { lines } = await run(parseable, NOTHING);
  assertEquals(lines[1], `left alone retention of 30 days: it was set to ${duration} by hand`);
  assertEquals(retentionOf(parseable), theirs);
  const forced = await run(parseable, { ...NOTHING, isForced: true });
  assertEquals(forced.lines[1], "updated retention of 30 days");
});

Deno.test("rows that are older than the default retention are not deleted unasked", async () => {
  const days = (count: number): string => new Date(NOW_MS - count * 86_400_000).toISOString();
  await using old = withStream({ firstEventAt: days(31) });
  assertMatch((await run(old, NOTHING)).lines[1] ?? "", /^left alone .*: older rows are there/);
  assertEquals(retentionOf(old), []);
  const chosen = await run(old, { ...NOTHING, env: { PARSEABLE_RETENTION: "30d" } });
  assertEquals(chosen.lines[1], "made retention of 30 days");
  await using young = withStream({ firstEventAt: days(29) });
  assertEquals((await run(young, NOTHING)).lines[1], "made retention of 30 days");
});

Deno.test("without a webhook alerts have no target", async () => {
  await using parseable = serveApi();
  await run(parseable);
  assertEquals(targetsOf(parseable), [[], []]);
});

Deno.test("a webhook becomes a target, of new alerts and of those that are there", async () => {
  await using parseable = serveApi();
  await run(parseable);
  const { lines } = await run(parseable, WITH_WEBHOOK);
  assertEquals(lines[2], 'made target "vllm-metrics"');
  const id = targetId(new Secret(WEBHOOK));
  assertEquals(targetsOf(parseable), [[id], [id]]);
  const { type, endpoint } = objectOf(parseable.state.targets.get(id));
  assertEquals([type, endpoint], ["webhook", WEBHOOK]);
  assertMatch((await run(parseable, WITH_WEBHOOK)).summary, /^\d+ unchanged\.$/);
  assert(!lines.join("\n").includes("secret"));
});

Deno.test("an alert keeps its target when the webhook is no longer set", async () => {
  await using parseable = serveApi();
  await run(parseable, WITH_WEBHOOK);
  const before = targetsOf(parseable);
  await run(parseable, { dashboards: [], alerts: [alert("KV cache", 0.5), alert("Down")] });
  assertEquals(targetsOf(parseable), before);
});

Deno.test("another webhook takes the place of the one before", async () => {
  await using parseable = serveApi();
  await run(parseable, WITH_WEBHOOK);
  const other = "https://example.com/secret-other";
  const options = { ...WITH_WEBHOOK, env: { ALERT_WEBHOOK_URL: other } };
  const { lines } = await run(parseable, options);
  assertEquals(
    lines.at(-1),
    'removed target "vllm-metrics": its address is no longer used',
  );
  const id = targetId(new Secret(other));
  assertEquals([...parseable.state.targets.keys()], [id]);
  assertEquals(targetsOf(parseable), [[id], [id]]);
});

Deno.test("an old target that an alert edited by hand still has stays", async () => {
  await using parseable = serveApi();
  await run(parseable, WITH_WEBHOOK);
  const [[id = "", made] = []] = parseable.state.alerts;
  parseable.state.alerts.set(id, { ...made, severity: "low" });
  const options = { ...WITH_WEBHOOK, env: { ALERT_WEBHOOK_URL: "https://example.com/other" } };
  const { lines, hasFailed } = await run(parseable, options);
  assertEquals(
    lines.at(-1),
    'left alone target "vllm-metrics": an alert still has its old address',
  );
  assertEquals([parseable.state.targets.size, hasFailed], [2, false]);
});

Deno.test("targets that somebody chose for an alert stay, and the alert is still updated", async () => {
  await using parseable = serveApi();
  await run(parseable);
  parseable.state.targets.set("01T", { id: "01T", name: "ops" });
  const [[id = "", made] = []] = parseable.state.alerts;
  parseable.state.alerts.set(id, { ...made, targets: ["01T"] });
  const alerts = [alert("KV cache", 0.5), alert("Down")];
  const { lines } = await run(parseable, { ...WITH_WEBHOOK, alerts });
  assertEquals(lines.slice(-2), ['updated alert "KV cache"', 'updated alert "Down"']);
  const ours = targetId(new Secret(WEBHOOK));
  assertEquals(targetsOf(parseable), [["01T"], [ours]]);
  const again = await run(parseable, { ...WITH_WEBHOOK, alerts });
  assertMatch(again.summary, /^\d+ unchanged\.$/);
});

Deno.test("Slack gets a target of its own kind", async () => {
  await using parseable = serveApi();
  const env = { ALERT_WEBHOOK_URL: "https://hooks.slack.com/services/secret" };
  await run(parseable, { ...NOTHING, env });
  const [target] = parseable.state.targets.values();
  assertEquals(objectOf(target).type, "slack");
});

Deno.test("a target that Parseable refuses does not stop the alerts", async () => {
  await using parseable = serveApi();
  const env = { ALERT_WEBHOOK_URL: "http://10.0.0.5/secret-path" };
  const { lines, hasFailed } = await run(parseable, { dashboards: [], env });
  assertMatch(lines[2] ?? "", /^failed target: it answered 400: .*requires allowPrivate=true/);
  assert(!lines.join("\n").includes("secret"));
  assertEquals(lines.slice(3), ['made alert "KV cache"', 'made alert "Down"']);
  assertEquals(hasFailed, true);
});

Deno.test("a target that Parseable has, but no longer calls, counts as failed", async () => {
  await using parseable = serveApi();
  const endpoint = "http://10.0.0.5/secret-path";
  const id = targetId(new Secret(endpoint));
  parseable.state.targets.set(id, { id, name: "vllm-metrics", type: "webhook", endpoint });
  const { lines, hasFailed } = await run(parseable, {
    ...NOTHING,
    env: { ALERT_WEBHOOK_URL: endpoint },
  });
  assertMatch(lines[2] ?? "", /^failed target "vllm-metrics": .*"Private target is not allowed/);
  assertEquals(hasFailed, true);
});

Deno.test("the user for Fluent Bit may only write to the stream, and its password is printed once", async () => {
  await using parseable = serveApi();
  const first = await run(parseable, { ...NOTHING, shipper: "vllm-shipper" });
  assertEquals(first.lines.at(-1), 'made user "vllm-shipper"');
  assertEquals(first.password, "<generated password>");
  assertEquals(parseable.state.roles.get("vllm-shipper"), [
    { privilege: "ingestor", resource: { stream: "vLLMmetrics" } },
  ]);
  assertEquals(parseable.state.users.get("vllm-shipper"), ["vllm-shipper"]);
  const second = await run(parseable, { ...NOTHING, shipper: "vllm-shipper" });
  assertMatch(second.lines.at(-1) ?? "", /^left alone user "vllm-shipper": it is there/);
  assertEquals(second.password, undefined);
});

Deno.test("a role of the same name with other rights is left as it is", async () => {
  await using parseable = serveApi();
  parseable.state.roles.set("ops", [{ privilege: "admin" }]);
  const { lines, hasFailed } = await run(parseable, { ...NOTHING, shipper: "ops" });
  assertMatch(lines.at(-1) ?? "", /^failed user "ops": a role "ops" with other rights is there/);
  assertEquals(hasFailed, true);
  assertEquals(parseable.state.roles.get("ops"), [{ privilege: "admin" }]);
  assertEquals(textOf(parseable.state.users.get("ops")), "");
});

Deno.test("a role that an earlier run left without its user is used", async () => {
  await using parseable = serveApi();
  const privileges = [{ resource: { stream: "vLLMmetrics" }, privilege: "ingestor" }];
  parseable.state.roles.set("vllm-shipper", privileges);
  const { password } = await run(parseable, { ...NOTHING, shipper: "vllm-shipper" });
  assertEquals(password, "<generated password>");
});
