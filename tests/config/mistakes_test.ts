import { assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/config.ts";
import type { Environment } from "../../lib/config/env_file.ts";

const URL_ONLY = { VLLM_METRICS_URL: "http://vllm:8000" };
const RELAY = { ...URL_ONLY, PARSEABLE_URL: "http://parseable:8000" };
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

const FILES: Readonly<Record<string, string>> = {
  "/token": "abc\n",
  "/password": "a long password\r\n",
  "/two-lines": "abc\n\n",
  "/empty": "\n",
  "/cert.pem": CERTIFICATE,
};

function readFile(path: string): string {
  if (path === "/directory") throw new Deno.errors.IsADirectory("os error 21");
  if (path === "/forbidden") throw new Deno.errors.PermissionDenied("os error 13");
  if (path === "/not-capable") throw new Deno.errors.NotCapable("requires read access");
  if (path === "/broken") throw new Error("os error 5");
  const text = FILES[path];
  if (text === undefined) throw new Deno.errors.NotFound("os error 2");
  return text;
}

function mistakesOf(env: Environment): readonly string[] {
  const result = parseConfig(env, readFile);
  return result.ok ? [] : result.mistakes;
}

/** A wrong value of a setting, and what is said of it after the name. */
const WRONG_VALUES = {
  "VLLM_METRICS_URL=":
    'is not set. Write where vLLM serves its metrics, such as "http://localhost:8000/metrics".',
  "VLLM_METRICS_URL=localhost:8000":
    'cannot use "localhost:8000": it has no scheme. Write "http://localhost:8000/metrics".',
  "VLLM_METRICS_URL=ftp://user:hunter2@vllm":
    'cannot use "ftp://***@vllm": its scheme is neither http nor https. Write "http://***@vllm/metrics".',
  "ALLOWED_HOSTS=a.example, http://b.example":
    'cannot use "http://b.example": it is a URL. Write a host name without scheme and port, such as "metrics.example.com".',
  "ALLOWED_HOSTS=a.example:9090":
    'cannot use "a.example:9090": it has a port. Write a host name without scheme and port, such as "metrics.example.com".',
  "ALLOWED_HOSTS=a b":
    'cannot use "a b": it is not a host name. Write a host name without scheme and port, such as "metrics.example.com".',
  "MAX_SCRAPES_PER_SECOND=0":
    'cannot use "0": it is not a whole number from 1 to 100000. Write one such as "20".',
  'VLLM_METRICS_URL="http://vllm:8000"':
    'cannot use "\\"http://vllm:8000\\"": it has quotes around it. Write it without them.',
  "LISTEN_ADDRESS=http://user:hunter2@0.0.0.0:9090":
    'cannot use "http://***@0.0.0.0:9090/": it is a URL. Write host and port, as in "0.0.0.0:9090".',
  "SCRAPE_TIMEOUT=6m":
    'cannot use "6m": it is more than 5m. Write a duration from 100ms to 5m, such as "10s".',
  "MAX_BODY_BYTES=10":
    'cannot use "10": it is less than 1KiB. Write a size from 1KiB to 4GiB, such as "16MiB".',
  "LOG_LEVEL=loud":
    'cannot use "loud": it is not one of the words. Write one of "debug", "info", "warn", "error".',
  "LOG_FORMAT=xml": 'cannot use "xml": it is not one of the words. Write one of "text", "json".',
  "VLLM_TLS_INSECURE_SKIP_VERIFY=yes":
    'cannot use "yes": it is neither true nor false. Write "true" or "false".',
  "VLLM_BEARER_TOKEN=Bearer hunter2":
    'cannot use [redacted]: it is not printable ASCII without spaces. Give the token alone, without "Bearer".',
  "VLLM_BEARER_TOKEN_FILE=/two-lines":
    'cannot use "/two-lines": it is not printable ASCII without spaces. Give the token alone, without "Bearer".',
  "VLLM_HEADERS=hunter2":
    'cannot use [redacted]: header 1 has no ":". Write "Name: value", one header a line or "\\n" between them.',
  "VLLM_USERNAME=me": "is set without VLLM_PASSWORD. Set both or neither.",
  "VLLM_TLS_CERT_FILE=/cert.pem": "is set without VLLM_TLS_KEY_FILE. Set both or neither.",
  "DENO_SERVE_ADDRESS=tcp:0.0.0.0:8000":
    "is set, and Deno would listen there instead of LISTEN_ADDRESS. Unset it and use LISTEN_ADDRESS.",
  "PARSEABLE_URL=http://admin:hunter2@parseable:8000":
    'cannot use "http://***@parseable:8000/": it has credentials in it. Fluent Bit sends those of the relay, and provision takes P_USERNAME and P_PASSWORD. Write "http://parseable:8000".',
  "PARSEABLE_STREAM=a.b":
    'cannot use "a.b": it has a character that no stream can have in its name. Write only letters from A to Z, digits, "-" and "_", as in "vLLMmetrics".',
  "PARSEABLE_TIMEOUT=6m":
    'cannot use "6m": it is more than 5m. Write a duration from 100ms to 5m, such as "30s".',
  "OTLP_LISTEN_ADDRESS=localhost":
    'cannot use "localhost": it has no port. Write host and port, as in "localhost:9090".',
  "PARSEABLE_TLS_CA_FILE=/empty": 'cannot use "/empty": it is empty.',
  "METRICS_USERNAME=me": "is set without METRICS_PASSWORD. Set both or neither.",
  "METRICS_BEARER_TOKEN=Bearer x":
    'cannot use [redacted]: it is not printable ASCII without spaces. Give the token alone, without "Bearer".',
  "METRICS_BEARER_TOKEN_FILE=/empty": 'cannot use "/empty": it is empty.',
};

Deno.test.each(Object.entries(WRONG_VALUES))("parseConfig() refuses %s", (setting, problem) => {
  const [name = "", ...value] = setting.split("=");
  assertEquals(mistakesOf({ ...RELAY, [name]: value.join("=") }), [`${name}: ${problem}`]);
});

Deno.test.each<[env: Environment, mistake: string]>([
  [
    { VLLM_METRICS_URL: "", VLLM_METRICS_URL_FILE: "/token" },
    'VLLM_METRICS_URL: is not set. Write where vLLM serves its metrics, such as "http://localhost:8000/metrics".',
  ],
  [
    { VLLM_BEARER_TOKEN: "abc", VLLM_BEARER_TOKEN_FILE: "/token" },
    "VLLM_BEARER_TOKEN: is set together with VLLM_BEARER_TOKEN_FILE. Set one of them only.",
  ],
  [
    { VLLM_PASSWORD_FILE: "/token" },
    "VLLM_PASSWORD: is set without VLLM_USERNAME. Set both or neither.",
  ],
  [
    { VLLM_BEARER_TOKEN: "abc", VLLM_USERNAME: "me", VLLM_PASSWORD: "word" },
    "VLLM_BEARER_TOKEN: is set together with credentials in VLLM_USERNAME. Give them in one place only.",
  ],
  [
    {
      VLLM_METRICS_URL: "http://user:word@vllm",
      VLLM_BEARER_TOKEN: "abc",
      VLLM_HEADERS: "AUTHORIZATION: ApiKey abc",
    },
    "VLLM_BEARER_TOKEN: is set together with credentials in VLLM_METRICS_URL and VLLM_HEADERS. Give them in one place only.",
  ],
  [
    { VLLM_TLS_CERT_FILE: "/cert.pem", VLLM_TLS_KEY_FILE: "/cert.pem" },
    'VLLM_TLS_KEY_FILE: cannot use "/cert.pem": no private key is in it. Give a PEM file with "-----BEGIN PRIVATE KEY-----".',
  ],
  [
    { METRICS_PASSWORD_FILE: "/password" },
    "METRICS_PASSWORD: is set without METRICS_USERNAME. Set both or neither.",
  ],
  [
    { METRICS_USERNAME: "a:b", METRICS_PASSWORD: "a long password" },
    'METRICS_USERNAME: cannot use [redacted]: it has a ":" in it. Give a user name without ":" and without line ends.',
  ],
])("parseConfig() refuses %j", (env, mistake) => {
  assertEquals(mistakesOf({ ...RELAY, ...env }), [mistake]);
});

Deno.test("parseConfig() refuses a mistake in the settings of a relay that is off", () => {
  assertEquals(mistakesOf({ ...URL_ONLY, PARSEABLE_TIMEOUT: "30" }).length, 1);
});

Deno.test.each([
  ["/missing", "there is no such file. Write the path of a file."],
  ["/directory", "it is a directory. Write the path of a file."],
  ["/forbidden", "the service may not read it. Write the path of a file."],
  ["/not-capable", "the service may not read it (see --allow-read). Write the path of a file."],
  ["/broken", "it cannot be read. Write the path of a file."],
  ["/empty", "it is empty."],
])("parseConfig() says why it cannot use the file %s", (path, problem) => {
  const quoted = `cannot use "${path}": ${problem}`;
  for (const name of ["VLLM_BEARER_TOKEN_FILE", "VLLM_TLS_CA_FILE"]) {
    assertEquals(mistakesOf({ ...URL_ONLY, [name]: path }), [`${name}: ${quoted}`]);
  }
});

Deno.test("parseConfig() reports all mistakes at once, in the order of the table", () => {
  const mistakes = mistakesOf({
    LOG_LEVEL: "loud",
    DENO_SERVE_ADDRESS: "duplicate,tcp:0.0.0.0:8000",
    PARSEABLE_TIMEOUT: "30",
    PARSEABLE_URL: "parseable",
    VLLM_TLS_CA_FILE: "/missing",
    VLLM_HEADERS: "x",
    VLLM_USERNAME: "a:b",
    SCRAPE_TIMEOUT: "10",
    LISTEN_ADDRESS: "nowhere",
  });
  assertEquals(mistakes.map((mistake) => mistake.split(":")[0]), [
    "VLLM_METRICS_URL",
    "LISTEN_ADDRESS",
    "SCRAPE_TIMEOUT",
    "VLLM_USERNAME",
    "VLLM_USERNAME",
    "VLLM_HEADERS",
    "VLLM_TLS_CA_FILE",
    "PARSEABLE_URL",
    "PARSEABLE_TIMEOUT",
    "LOG_LEVEL",
    "DENO_SERVE_ADDRESS",
  ]);
});

Deno.test("parseConfig() gives the warnings beside the mistakes", () => {
  const result = parseConfig({ VLLM_METRIC_URL: "http://vllm:8000" }, readFile);
  assertEquals(!result.ok && result.warnings, [
    'VLLM_METRIC_URL: there is no such setting. Did you mean "VLLM_METRICS_URL"?',
  ]);
});

Deno.test("parseConfig() quotes no more than the beginning of a long value", () => {
  const [mistake] = mistakesOf({ ...URL_ONLY, LOG_LEVEL: "x".repeat(10_000) });
  assertEquals(mistake?.startsWith(`LOG_LEVEL: cannot use "${"x".repeat(200)}…": it is`), true);
});
