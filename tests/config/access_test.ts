import { assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/config.ts";
import type { Environment } from "../../lib/config/env_file.ts";

const FILES: Readonly<Record<string, string>> = {
  "/user": "prometheus\n",
  "/password": "a long password\r\n",
  "/token": "token-of-some-length\n",
};

/** What lets readers in, and the warnings; or the mistakes. */
function accessOf(env: Environment): unknown {
  const result = parseConfig(
    { VLLM_METRICS_URL: "http://vllm", ...env },
    (path) => FILES[path] ?? "",
  );
  if (!result.ok) return result.mistakes;
  const { config: { access }, warnings } = result;
  return { basic: access?.basic?.reveal(), bearer: access?.bearer?.reveal(), warnings };
}

const PAIR = { METRICS_USERNAME: "prometheus", METRICS_PASSWORD: "a long password" };
const TOKEN = { METRICS_BEARER_TOKEN: "token-of-some-length" };
const BASIC = "prometheus:a long password";
const ACCESS = { basic: BASIC, bearer: "token-of-some-length" };

Deno.test.each<[what: string, env: Environment, access: Record<string, string>]>([
  ["nothing", {}, {}],
  ["a space, as compose.yml writes nothing", { METRICS_BEARER_TOKEN: " " }, {}],
  ["user name and password", PAIR, { basic: BASIC }],
  ["a token", TOKEN, { bearer: "token-of-some-length" }],
  ["both, of which either is enough", { ...PAIR, ...TOKEN }, ACCESS],
  [
    "files",
    {
      METRICS_USERNAME_FILE: "/user",
      METRICS_PASSWORD_FILE: "/password",
      METRICS_BEARER_TOKEN_FILE: "/token",
    },
    ACCESS,
  ],
])("parseConfig() reads who may read the metrics from %s", (_, env, access) => {
  assertEquals(accessOf(env), { basic: undefined, bearer: undefined, ...access, warnings: [] });
});

Deno.test.each<[what: string, env: Environment, mistake: string]>([
  [
    "a user name alone",
    { METRICS_USERNAME: "me" },
    "METRICS_USERNAME: is set without METRICS_PASSWORD. Set both or neither.",
  ],
  [
    "a password alone",
    { METRICS_PASSWORD_FILE: "/password" },
    "METRICS_PASSWORD: is set without METRICS_USERNAME. Set both or neither.",
  ],
  [
    "a colon in the user name",
    { ...PAIR, METRICS_USERNAME: "a:b" },
    'METRICS_USERNAME: cannot use [redacted]: it has a ":" in it. ' +
    'Give a user name without ":" and without line ends.',
  ],
  [
    "a token with the scheme",
    { METRICS_BEARER_TOKEN: "Bearer x" },
    "METRICS_BEARER_TOKEN: cannot use [redacted]: it is not printable ASCII without spaces. " +
    'Give the token alone, without "Bearer".',
  ],
  [
    "an empty file",
    { METRICS_BEARER_TOKEN_FILE: "/none" },
    'METRICS_BEARER_TOKEN_FILE: cannot use "/none": it is empty.',
  ],
])("parseConfig() refuses %s", (_, env, mistake) => {
  assertEquals(accessOf(env), [mistake]);
});

Deno.test("parseConfig() warns of secrets that can be guessed", () => {
  const sentence = "has fewer than 12 characters, so it can be guessed.";
  const short = { ...PAIR, METRICS_PASSWORD: "12345678901", METRICS_BEARER_TOKEN: "x" };
  assertEquals(accessOf(short), {
    basic: "prometheus:12345678901",
    bearer: "x",
    warnings: [`METRICS_PASSWORD: ${sentence}`, `METRICS_BEARER_TOKEN: ${sentence}`],
  });
});
