import { assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/config.ts";
import type { Environment } from "../../lib/config/env_file.ts";

const URL_ONLY = { VLLM_METRICS_URL: "http://vllm:8000" };
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

const FILES: Readonly<Record<string, string>> = {
  "/token": "abc\n",
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

const TOKEN = 'Give the token alone, without "Bearer".';

Deno.test.each([
  [
    "no URL",
    { VLLM_METRICS_URL: "" },
    'VLLM_METRICS_URL: is not set. Write where vLLM serves its metrics, such as "http://localhost:8000/metrics".',
  ],
  [
    "no URL but a file that would have one",
    { VLLM_METRICS_URL: "", VLLM_METRICS_URL_FILE: "/token" },
    'VLLM_METRICS_URL: is not set. Write where vLLM serves its metrics, such as "http://localhost:8000/metrics".',
  ],
  [
    "a URL without scheme",
    { VLLM_METRICS_URL: "localhost:8000" },
    'VLLM_METRICS_URL: cannot use "localhost:8000": it has no scheme. Write "http://localhost:8000/metrics".',
  ],
  [
    "credentials in a wrong URL",
    { VLLM_METRICS_URL: "ftp://user:hunter2@vllm" },
    'VLLM_METRICS_URL: cannot use "ftp://***@vllm": its scheme is neither http nor https. Write "http://***@vllm/metrics".',
  ],
  [
    "a URL in the place of a host name",
    { ALLOWED_HOSTS: "a.example, http://b.example" },
    'ALLOWED_HOSTS: cannot use "http://b.example": it is a URL. Write a host name without scheme and port, such as "metrics.example.com".',
  ],
  [
    "a port behind a host name",
    { ALLOWED_HOSTS: "a.example:9090" },
    'ALLOWED_HOSTS: cannot use "a.example:9090": it has a port. Write a host name without scheme and port, such as "metrics.example.com".',
  ],
  [
    "what is no host name",
    { ALLOWED_HOSTS: "a b" },
    'ALLOWED_HOSTS: cannot use "a b": it is not a host name. Write a host name without scheme and port, such as "metrics.example.com".',
  ],
  [
    "no number of scrapes",
    { MAX_SCRAPES_PER_SECOND: "0" },
    'MAX_SCRAPES_PER_SECOND: cannot use "0": it is not a whole number from 1 to 100000. Write one such as "20".',
  ],
  [
    "quotes around a value",
    { VLLM_METRICS_URL: '"http://vllm:8000"' },
    'VLLM_METRICS_URL: cannot use "\\"http://vllm:8000\\"": it has quotes around it. Write it without them.',
  ],
  [
    "a URL with credentials in the wrong place",
    { LISTEN_ADDRESS: "http://user:hunter2@0.0.0.0:9090" },
    'LISTEN_ADDRESS: cannot use "http://***@0.0.0.0:9090/": it is a URL. Write host and port, as in "0.0.0.0:9090".',
  ],
  [
    "a duration out of range",
    { SCRAPE_TIMEOUT: "6m" },
    'SCRAPE_TIMEOUT: cannot use "6m": it is more than 5m. Write a duration from 100ms to 5m, such as "10s".',
  ],
  [
    "a size out of range",
    { MAX_BODY_BYTES: "10" },
    'MAX_BODY_BYTES: cannot use "10": it is less than 1KiB. Write a size from 1KiB to 4GiB, such as "16MiB".',
  ],
  [
    "a level that is none",
    { LOG_LEVEL: "loud" },
    'LOG_LEVEL: cannot use "loud": it is not one of the words. Write one of "debug", "info", "warn", "error".',
  ],
  [
    "a format that is none",
    { LOG_FORMAT: "xml" },
    'LOG_FORMAT: cannot use "xml": it is not one of the words. Write one of "text", "json".',
  ],
  [
    "a boolean that is none",
    { VLLM_TLS_INSECURE_SKIP_VERIFY: "yes" },
    'VLLM_TLS_INSECURE_SKIP_VERIFY: cannot use "yes": it is neither true nor false. Write "true" or "false".',
  ],
  [
    "a token with its scheme",
    { VLLM_BEARER_TOKEN: "Bearer hunter2" },
    `VLLM_BEARER_TOKEN: cannot use [redacted]: it is not printable ASCII without spaces. ${TOKEN}`,
  ],
  [
    "a second line end in a token file",
    { VLLM_BEARER_TOKEN_FILE: "/two-lines" },
    `VLLM_BEARER_TOKEN_FILE: cannot use "/two-lines": it is not printable ASCII without spaces. ${TOKEN}`,
  ],
  [
    "a header without colon",
    { VLLM_HEADERS: "hunter2" },
    'VLLM_HEADERS: cannot use [redacted]: header 1 has no ":". Write "Name: value", one header a line or "\\n" between them.',
  ],
  [
    "a secret given twice",
    { VLLM_BEARER_TOKEN: "abc", VLLM_BEARER_TOKEN_FILE: "/token" },
    "VLLM_BEARER_TOKEN: is set together with VLLM_BEARER_TOKEN_FILE. Set one of them only.",
  ],
  [
    "a user without password",
    { VLLM_USERNAME: "me" },
    "VLLM_USERNAME: is set without VLLM_PASSWORD. Set both or neither.",
  ],
  [
    "a password without user",
    { VLLM_PASSWORD_FILE: "/token" },
    "VLLM_PASSWORD: is set without VLLM_USERNAME. Set both or neither.",
  ],
  [
    "a token together with a user",
    { VLLM_BEARER_TOKEN: "abc", VLLM_USERNAME: "me", VLLM_PASSWORD: "word" },
    "VLLM_BEARER_TOKEN: is set together with credentials in VLLM_USERNAME. Give them in one place only.",
  ],
  [
    "credentials in three places",
    {
      VLLM_METRICS_URL: "http://user:word@vllm",
      VLLM_BEARER_TOKEN: "abc",
      VLLM_HEADERS: "AUTHORIZATION: ApiKey abc",
    },
    "VLLM_BEARER_TOKEN: is set together with credentials in VLLM_METRICS_URL and VLLM_HEADERS. Give them in one place only.",
  ],
  [
    "a certificate without key",
    { VLLM_TLS_CERT_FILE: "/cert.pem" },
    "VLLM_TLS_CERT_FILE: is set without VLLM_TLS_KEY_FILE. Set both or neither.",
  ],
  [
    "a certificate in place of a key",
    { VLLM_TLS_CERT_FILE: "/cert.pem", VLLM_TLS_KEY_FILE: "/cert.pem" },
    'VLLM_TLS_KEY_FILE: cannot use "/cert.pem": no private key is in it. Give a PEM file with "-----BEGIN PRIVATE KEY-----".',
  ],
  [
    "an address that Deno would listen on",
    { DENO_SERVE_ADDRESS: "tcp:0.0.0.0:8000" },
    "DENO_SERVE_ADDRESS: is set, and Deno would listen there in the place of LISTEN_ADDRESS. Unset it and use LISTEN_ADDRESS.",
  ],
])("parseConfig() refuses %s", (_, env, mistake) => {
  assertEquals(mistakesOf({ ...URL_ONLY, ...env }), [mistake]);
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
