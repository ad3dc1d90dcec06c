import { assertEquals } from "@std/assert";
import type { Environment } from "../../lib/config/env_file.ts";
import { parseContent, parseProvision } from "../../lib/config/provision_config.ts";

const USER = { P_USERNAME: "admin", P_PASSWORD: "hunter2" };
const ALL = { PARSEABLE_URL: "http://parseable:8000", ...USER };

function readFile(path: string): string {
  if (path === "/password") return "hunter2\n";
  throw new Deno.errors.NotFound("os error 2");
}

function mistakesOf(env: Environment): readonly string[] {
  const result = parseProvision(env, readFile);
  return result.ok ? [] : result.mistakes;
}

Deno.test("parseProvision() needs no vLLM, and fills in the defaults", () => {
  const result = parseProvision(ALL, readFile);
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  const { parseable, credentials: [name, value], ...rest } = result.config;
  assertEquals(parseable.url.href, "http://parseable:8000/");
  assertEquals([name, value.reveal()], ["Authorization", `Basic ${btoa("admin:hunter2")}`]);
  assertEquals(rest, {
    content: {
      stream: "vLLMmetrics",
      goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
      kvLimit: 0.9,
    },
    retention: { days: 30, isChosen: false },
    webhook: undefined,
  });
});

Deno.test("parseProvision() reads every setting", () => {
  const result = parseProvision({
    PARSEABLE_URL: "https://gateway/parseable",
    PARSEABLE_API_KEY: "key",
    PARSEABLE_STREAM: "lab",
    PARSEABLE_RETENTION: "7d",
    ALERT_KV_LIMIT: "0.75",
    ALERT_WEBHOOK_URL: "https://example.com/token",
    SLO_TTFT: "500ms",
    SLO_TPOT: "50ms",
  }, readFile);
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  const { credentials: [name, value], content, retention, webhook } = result.config;
  assertEquals([name, value.reveal()], ["X-API-Key", "key"]);
  assertEquals(content, {
    stream: "lab",
    goals: { ttftSeconds: 0.5, tpotSeconds: 0.05, target: 0.99 },
    kvLimit: 0.75,
  });
  assertEquals(retention, { days: 7, isChosen: true });
  assertEquals(webhook?.reveal(), "https://example.com/token");
});

Deno.test("parseProvision() reads a password from a file", () => {
  const env = { ...ALL, P_PASSWORD: "", P_PASSWORD_FILE: "/password" };
  assertEquals(mistakesOf(env), []);
});

Deno.test("parseProvision() tells all mistakes at once, and no secret", () => {
  assertEquals(
    mistakesOf({
      PARSEABLE_STREAM: "a b",
      PARSEABLE_RETENTION: "12h",
      ALERT_KV_LIMIT: "90",
      ALERT_WEBHOOK_URL: "example.com/hunter2",
      SLO_TTFT: "1",
    }),
    [
      'PARSEABLE_URL: is not set. Write where Parseable is, such as "http://localhost:8080".',
      'PARSEABLE_STREAM: cannot use "a b": it has a character that no stream can have in its ' +
      'name. Write only letters from A to Z, digits, "-" and "_", as in "vLLMmetrics".',
      "P_USERNAME: is not set. Set P_USERNAME and P_PASSWORD, or PARSEABLE_API_KEY.",
      'PARSEABLE_RETENTION: cannot use "12h": it is not a number of days. ' +
      'Write 1d to 36500d, such as "30d".',
      'SLO_TTFT: cannot use "1": it has no unit. Write a duration from 1ms to 10m, such as "1s".',
      'ALERT_KV_LIMIT: cannot use "90": it is no share above 0 and below 1. Write one such as "0.9".',
      "ALERT_WEBHOOK_URL: cannot use [redacted]: it is no URL. " +
      'Write one that begins with "https://" or "http://".',
    ],
  );
});

Deno.test.each<[what: string, env: Environment, mistake: string]>([
  [
    "a user without password",
    { ...ALL, P_PASSWORD: "" },
    "P_USERNAME: is set without P_PASSWORD. Set both or neither.",
  ],
  [
    "a user and a key",
    { ...ALL, PARSEABLE_API_KEY: "key" },
    "PARSEABLE_API_KEY: is set together with P_USERNAME or P_PASSWORD. " +
    "Give credentials in one way only.",
  ],
  [
    "a retention of no days",
    { ...ALL, PARSEABLE_RETENTION: "0d" },
    'PARSEABLE_RETENTION: cannot use "0d": it is not a number of days. ' +
    'Write 1d to 36500d, such as "30d".',
  ],
  [
    "a share of one",
    { ...ALL, ALERT_KV_LIMIT: "1.0" },
    'ALERT_KV_LIMIT: cannot use "1.0": it is no share above 0 and below 1. Write one such as "0.9".',
  ],
])("parseProvision() refuses %s", (_what, env, mistake) => {
  assertEquals(mistakesOf(env), [mistake]);
});

Deno.test("parseContent() needs neither an address nor credentials", () => {
  const result = parseContent({ PARSEABLE_STREAM: "lab" }, readFile);
  assertEquals(result.ok && result.config.stream, "lab");
  assertEquals(parseContent({ ALERT_KV_LIMIT: "x" }, readFile).ok, false);
});
