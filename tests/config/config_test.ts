import { assertEquals } from "@std/assert";
import {
  type Config,
  parseConfig,
  type RelayConfig,
  type UpstreamConfig,
} from "../../lib/config/config.ts";
import type { Environment } from "../../lib/config/env_file.ts";

const URL_ONLY = { VLLM_METRICS_URL: "http://vllm:8000" };
const PLAIN_TLS = { caCerts: undefined, cert: undefined, key: undefined, skipVerify: false };
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";

const FILES: Readonly<Record<string, string>> = {
  "/token": "abc\n",
  "/token-crlf": "abc\r\n",
  "/password": "two words\n",
  "/user": "prometheus\n",
  "/long": "a long password\r\n",
  "/bearer": "token-of-some-length\n",
  "/headers": "X-Key: abc\nX-Tenant: 7\n",
  "/ca.pem": CERTIFICATE,
  "/cert.pem": CERTIFICATE,
  "/key.pem": KEY,
};

/** The configuration, and of the servers the first. */
function configOf(
  env: Environment,
): Omit<Config, "servers"> & { upstream: UpstreamConfig; warnings: readonly string[] } {
  const result = parseConfig(env, (path) => FILES[path] ?? "");
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  const { servers, ...rest } = result.config;
  const [server] = servers.list;
  assertEquals([servers.list.length, servers.isMerged], [1, false]);
  if (server === undefined) throw new Error("There is no server");
  return { ...rest, upstream: server.upstream, warnings: result.warnings };
}

function headersOf(env: Environment): (readonly [string, string])[] {
  const { upstream } = configOf({ ...URL_ONLY, ...env });
  return upstream.headers.map(([name, value]) => [name, value.reveal()] as const);
}

Deno.test("parseConfig() fills in the defaults", () => {
  const { upstream, ...rest } = configOf(URL_ONLY);
  assertEquals(upstream.url.href, "http://vllm:8000/metrics");
  assertEquals({ ...upstream, url: undefined }, {
    url: undefined,
    label: "http://vllm:8000/metrics",
    headers: [],
    timeoutMs: 10_000,
    maxBodyBytes: 16_777_216,
    tls: PLAIN_TLS,
  });
  assertEquals(rest, {
    maxScrapesPerSecond: 20,
    listen: { hostname: "0.0.0.0", port: 9090 },
    filter: { drop: [], keep: [], isBackendComplete: false },
    naming: { style: "underscore", hasAliases: false },
    goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 },
    prices: [],
    access: undefined,
    allowedHosts: undefined,
    frameAncestors: [],
    push: undefined,
    relay: undefined,
    tls: undefined,
    history: {
      file: undefined,
      intervalMs: 2_000,
      idleIntervalMs: 15_000,
      retentionMs: 2_592_000_000,
    },
    log: { level: "info", format: "text" },
    warnings: [],
  });
});

Deno.test("parseConfig() reads every plain setting, spaces around it aside", () => {
  const { upstream, listen, log } = configOf({
    VLLM_METRICS_URL: " https://vllm/m?key=value ",
    LISTEN_ADDRESS: "[::1]:9091\n",
    SCRAPE_TIMEOUT: "1m",
    MAX_BODY_BYTES: "1MiB",
    LOG_LEVEL: "DEBUG",
    LOG_FORMAT: "json",
    VLLM_TLS_CA_FILE: "/ca.pem",
    VLLM_TLS_CERT_FILE: "/cert.pem",
    VLLM_TLS_KEY_FILE: "/key.pem",
  });
  assertEquals(upstream.url.href, "https://vllm/m?key=value");
  assertEquals(upstream.label, "https://vllm/m?key=***");
  assertEquals([upstream.timeoutMs, upstream.maxBodyBytes], [60_000, 1_048_576]);
  assertEquals(upstream.tls.caCerts, CERTIFICATE);
  assertEquals(upstream.tls.cert, CERTIFICATE);
  assertEquals(upstream.tls.key?.reveal(), KEY);
  assertEquals(listen, { hostname: "::1", port: 9091 });
  assertEquals(log, { level: "debug", format: "json" });
});

Deno.test("parseConfig() takes an empty variable as not set", () => {
  const env = { ...URL_ONLY, LISTEN_ADDRESS: "", SCRAPE_TIMEOUT: " ", VLLM_BEARER_TOKEN: "" };
  const more = { VLLM_BEARER_TOKEN_FILE: "", PARSEABLE_URL: "", DENO_SERVE_ADDRESS: "" };
  assertEquals(configOf({ ...env, ...more }), configOf(URL_ONLY));
});

Deno.test.each([
  ["a bearer token", { VLLM_BEARER_TOKEN: "abc" }, [["Authorization", "Bearer abc"]]],
  ["a token file", { VLLM_BEARER_TOKEN_FILE: "/token" }, [["Authorization", "Bearer abc"]]],
  [
    "a token file with CRLF",
    { VLLM_BEARER_TOKEN_FILE: "/token-crlf" },
    [["Authorization", "Bearer abc"]],
  ],
  [
    "a user and a password",
    { VLLM_USERNAME: "Aladdin", VLLM_PASSWORD: "open sesame" },
    [["Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]],
  ],
  [
    "a password beyond ASCII, as UTF-8",
    { VLLM_USERNAME: "test", VLLM_PASSWORD: "123\u00A3" },
    [["Authorization", "Basic dGVzdDoxMjPCow=="]],
  ],
  [
    "a password file",
    { VLLM_USERNAME: "me", VLLM_PASSWORD_FILE: "/password" },
    [["Authorization", "Basic bWU6dHdvIHdvcmRz"]],
  ],
  [
    "credentials in the URL",
    { VLLM_METRICS_URL: "http://Aladdin:open%20sesame@vllm" },
    [["Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]],
  ],
  ["headers", { VLLM_HEADERS: "X-Key: a\\nB: c" }, [["X-Key", "a"], ["B", "c"]]],
  ["a header file", { VLLM_HEADERS_FILE: "/headers" }, [["X-Key", "abc"], ["X-Tenant", "7"]]],
  [
    "a scheme of one's own",
    { VLLM_HEADERS: "authorization: ApiKey abc" },
    [["authorization", "ApiKey abc"]],
  ],
  [
    "a token with other headers",
    { VLLM_BEARER_TOKEN: "abc", VLLM_HEADERS: "X-Key: a" },
    [["Authorization", "Bearer abc"], ["X-Key", "a"]],
  ],
])("parseConfig() makes headers of %s", (_, env, expected) => {
  assertEquals(headersOf(env), expected);
});

Deno.test("parseConfig() keeps the credentials out of URL and label", () => {
  const { upstream } = configOf({ VLLM_METRICS_URL: "http://user:word@vllm" });
  assertEquals(upstream.url.href, "http://vllm/metrics");
  assertEquals(upstream.label, "http://vllm/metrics");
});

Deno.test.each([
  [
    "unchecked certificates",
    { VLLM_METRICS_URL: "https://vllm", VLLM_TLS_INSECURE_SKIP_VERIFY: "true" },
    "VLLM_TLS_INSECURE_SKIP_VERIFY: no certificate of vLLM is checked, so anyone in between " +
    "can read and change it. Set VLLM_TLS_CA_FILE instead.",
  ],
  [
    "TLS settings without TLS",
    { ...URL_ONLY, VLLM_TLS_CA_FILE: "/ca.pem" },
    'VLLM_TLS_CA_FILE: has no effect, since VLLM_METRICS_URL is not "https:".',
  ],
  [
    "unchecked certificates without TLS",
    { ...URL_ONLY, VLLM_TLS_INSECURE_SKIP_VERIFY: "1" },
    'VLLM_TLS_INSECURE_SKIP_VERIFY: has no effect, since VLLM_METRICS_URL is not "https:".',
  ],
  [
    "a variable that looks like a setting",
    { ...URL_ONLY, SCRAPE_TIMOUT: "2s" },
    'SCRAPE_TIMOUT: there is no such setting. Did you mean "SCRAPE_TIMEOUT"?',
  ],
])("parseConfig() warns of %s", (_, env, warning) => {
  assertEquals(configOf(env).warnings, [warning]);
});

Deno.test("parseConfig() does not warn of a variable that is not set", () => {
  assertEquals(configOf({ ...URL_ONLY, SCRAPE_TIMOUT: undefined, VLLM_PORT: "8000" }).warnings, []);
});

/** What lets readers in, and the warnings. */
function accessOf(env: Environment): unknown {
  const { access, warnings } = configOf({ ...URL_ONLY, ...env });
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
      METRICS_PASSWORD_FILE: "/long",
      METRICS_BEARER_TOKEN_FILE: "/bearer",
    },
    ACCESS,
  ],
])("parseConfig() reads who may read the metrics from %s", (_, env, access) => {
  assertEquals(accessOf(env), { basic: undefined, bearer: undefined, ...access, warnings: [] });
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

const RELAY = { ...URL_ONLY, PARSEABLE_URL: "http://parseable:8000" };

function relayOf(env: Environment): RelayConfig | undefined {
  return configOf(env).relay;
}

function mistakesOf(env: Environment): readonly string[] {
  const result = parseConfig(env, () => CERTIFICATE);
  return result.ok ? [] : result.mistakes;
}

function warningsOf(env: Environment): readonly string[] {
  return configOf(env).warnings;
}

Deno.test("parseConfig() has no relay without PARSEABLE_URL", () => {
  assertEquals(relayOf({ ...URL_ONLY, PARSEABLE_URL: " " }), undefined);
});

Deno.test("parseConfig() fills in the defaults of the relay", () => {
  const relay = relayOf(RELAY);
  assertEquals(relay?.url.href, "http://parseable:8000/v1/metrics");
  assertEquals({ ...relay, url: undefined }, {
    url: undefined,
    label: "http://parseable:8000/v1/metrics",
    stream: "vLLMmetrics",
    timeoutMs: 30_000,
    listen: { hostname: "0.0.0.0", port: 4318 },
    tls: PLAIN_TLS,
  });
  assertEquals(warningsOf(RELAY), []);
});

Deno.test("parseConfig() reads every setting of the relay, spaces around it aside", () => {
  const relay = relayOf({
    ...URL_ONLY,
    PARSEABLE_URL: " https://gateway/parseable/ ",
    OTLP_LISTEN_ADDRESS: "[::1]:4319\n",
    PARSEABLE_STREAM: " lab_1",
    PARSEABLE_TIMEOUT: "5s",
    PARSEABLE_TLS_CA_FILE: "/ca.pem",
    PARSEABLE_TLS_INSECURE_SKIP_VERIFY: "false",
  });
  assertEquals(relay?.url.href, "https://gateway/parseable/v1/metrics");
  assertEquals({ ...relay, url: undefined }, {
    url: undefined,
    label: "https://gateway/parseable/v1/metrics",
    stream: "lab_1",
    timeoutMs: 5_000,
    listen: { hostname: "::1", port: 4319 },
    tls: { ...PLAIN_TLS, caCerts: CERTIFICATE },
  });
});

Deno.test.each([
  ["0.0.0.0:4318", ""],
  ["127.0.0.1:9000", "127.0.0.1:9000"],
  ["0.0.0.0:9000", "127.0.0.1:9000"],
  ["localhost:9000", ":9000"],
  ["[::]:9000", "0.0.0.0:9000"],
  ["[::1]:9000", "[::]:9000"],
])("parseConfig() refuses LISTEN_ADDRESS %s with OTLP_LISTEN_ADDRESS %j", (metrics, otlp) => {
  const env = { LISTEN_ADDRESS: metrics, OTLP_LISTEN_ADDRESS: otlp };
  const port = metrics.split(":").at(-1);
  assertEquals(mistakesOf({ ...RELAY, ...env }), [
    `OTLP_LISTEN_ADDRESS: cannot use port ${port}: LISTEN_ADDRESS has it already. Give each of them a port of its own.`,
  ]);
  assertEquals(mistakesOf({ ...URL_ONLY, ...env }), []);
});

Deno.test.each([
  ["0.0.0.0:9000", "0.0.0.0:9001"],
  ["127.0.0.1:0", "127.0.0.1:0"],
  ["127.0.0.1:9000", "127.0.0.2:9000"],
  ["0.0.0.0:9000", "[::1]:9000"],
])("parseConfig() takes LISTEN_ADDRESS %s with OTLP_LISTEN_ADDRESS %s", (metrics, otlp) => {
  assertEquals(
    mistakesOf({ ...RELAY, LISTEN_ADDRESS: metrics, OTLP_LISTEN_ADDRESS: otlp }),
    [],
  );
});

Deno.test.each([
  ["OTLP_LISTEN_ADDRESS", "0.0.0.0:4318"],
  ["PARSEABLE_STREAM", "lab"],
  ["PARSEABLE_TIMEOUT", "10s"],
  ["PARSEABLE_TLS_CA_FILE", "/ca.pem"],
  ["PARSEABLE_TLS_INSECURE_SKIP_VERIFY", "true"],
])("parseConfig() warns of %s without PARSEABLE_URL", (name, value) => {
  assertEquals(warningsOf({ ...URL_ONLY, [name]: value }), [
    `${name}: has no effect, since PARSEABLE_URL is not set.`,
  ]);
});

Deno.test("parseConfig() warns of names with a colon where Fluent Bit is likely", () => {
  for (const style of ["colon", "both"]) {
    assertEquals(warningsOf({ ...URL_ONLY, METRICS_NAMES: style }), []);
    assertEquals(warningsOf({ ...RELAY, METRICS_NAMES: style }), [
      "METRICS_NAMES: Fluent Bit drops a scrape with a colon in a name. " +
      'Set its metrics_path to "/metrics?names=underscore".',
    ]);
  }
  assertEquals(warningsOf({ ...RELAY, METRICS_NAMES: "underscore" }), []);
});

Deno.test("parseConfig() warns of unchecked certificates of Parseable", () => {
  const env = { PARSEABLE_URL: "https://parseable", PARSEABLE_TLS_INSECURE_SKIP_VERIFY: "true" };
  assertEquals(relayOf({ ...URL_ONLY, ...env })?.tls, { ...PLAIN_TLS, skipVerify: true });
  assertEquals(warningsOf({ ...URL_ONLY, ...env }), [
    "PARSEABLE_TLS_INSECURE_SKIP_VERIFY: no certificate of Parseable is checked, so anyone in between " +
    "can read and change it. Set PARSEABLE_TLS_CA_FILE instead.",
  ]);
});

Deno.test("parseConfig() warns of TLS settings for a Parseable without TLS", () => {
  const env = { PARSEABLE_TLS_CA_FILE: "/ca.pem", PARSEABLE_TLS_INSECURE_SKIP_VERIFY: "1" };
  assertEquals(warningsOf({ ...RELAY, ...env }), [
    'PARSEABLE_TLS_CA_FILE: has no effect, since PARSEABLE_URL is not "https:".',
    'PARSEABLE_TLS_INSECURE_SKIP_VERIFY: has no effect, since PARSEABLE_URL is not "https:".',
  ]);
});
