import { assertEquals } from "@std/assert";
import {
  type Config,
  type ConfigResult,
  parseConfig,
  type RelayConfig,
} from "../../lib/config/config.ts";
import type { Environment } from "../../lib/config/env_file.ts";

const VLLM_ONLY = { VLLM_METRICS_URL: "http://vllm:8000" };
const RELAY = { ...VLLM_ONLY, PARSEABLE_URL: "http://parseable:8000" };
const PLAIN_TLS = { caCerts: undefined, cert: undefined, key: undefined, skipVerify: false };
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

function resultOf(env: Environment): ConfigResult<Config> {
  return parseConfig(env, (path) => path === "/ca.pem" ? CERTIFICATE : "");
}

function relayOf(env: Environment): RelayConfig | undefined {
  const result = resultOf(env);
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  return result.config.relay;
}

function mistakesOf(env: Environment): readonly string[] {
  const result = resultOf(env);
  return result.ok ? [] : result.mistakes;
}

function warningsOf(env: Environment): readonly string[] {
  return resultOf(env).warnings;
}

Deno.test("parseConfig() has no relay without PARSEABLE_URL", () => {
  const result = resultOf({ ...VLLM_ONLY, PARSEABLE_URL: " " });
  assertEquals(result.ok && result.config.relay, undefined);
  assertEquals(warningsOf(VLLM_ONLY), []);
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
    ...VLLM_ONLY,
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
  [
    "credentials",
    { PARSEABLE_URL: "http://admin:hunter2@parseable:8000" },
    'PARSEABLE_URL: cannot use "http://***@parseable:8000/": it has credentials in it. Fluent Bit sends those of the relay, and provision takes P_USERNAME and P_PASSWORD. Write "http://parseable:8000".',
  ],
  [
    "a stream with a dot",
    { PARSEABLE_STREAM: "a.b" },
    'PARSEABLE_STREAM: cannot use "a.b": it has a character that no stream can have in its name. Write only letters from A to Z, digits, "-" and "_", as in "vLLMmetrics".',
  ],
  [
    "a timeout out of range",
    { PARSEABLE_TIMEOUT: "6m" },
    'PARSEABLE_TIMEOUT: cannot use "6m": it is more than 5m. Write a duration from 100ms to 5m, such as "30s".',
  ],
  [
    "an address without port",
    { OTLP_LISTEN_ADDRESS: "localhost" },
    'OTLP_LISTEN_ADDRESS: cannot use "localhost": it has no port. Write host and port, as in "localhost:9090".',
  ],
  [
    "an empty file",
    { PARSEABLE_TLS_CA_FILE: "/empty" },
    'PARSEABLE_TLS_CA_FILE: cannot use "/empty": it is empty.',
  ],
])("parseConfig() refuses a relay with %s", (_, env, mistake) => {
  assertEquals(mistakesOf({ ...RELAY, ...env }), [mistake]);
});

Deno.test("parseConfig() refuses a mistake in the settings of a relay that is off", () => {
  assertEquals(mistakesOf({ ...VLLM_ONLY, PARSEABLE_TIMEOUT: "30" }).length, 1);
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
  assertEquals(mistakesOf({ ...VLLM_ONLY, ...env }), []);
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
  assertEquals(warningsOf({ ...VLLM_ONLY, [name]: value }), [
    `${name}: has no effect, since PARSEABLE_URL is not set.`,
  ]);
});

Deno.test("parseConfig() warns of unchecked certificates of Parseable", () => {
  const env = { PARSEABLE_URL: "https://parseable", PARSEABLE_TLS_INSECURE_SKIP_VERIFY: "true" };
  assertEquals(relayOf({ ...VLLM_ONLY, ...env })?.tls, { ...PLAIN_TLS, skipVerify: true });
  assertEquals(warningsOf({ ...VLLM_ONLY, ...env }), [
    "PARSEABLE_TLS_INSECURE_SKIP_VERIFY: no certificate of Parseable is checked, so whoever is " +
    "on the way can listen in. Set PARSEABLE_TLS_CA_FILE in its place.",
  ]);
});

Deno.test("parseConfig() warns of TLS settings for a Parseable without TLS", () => {
  const env = { PARSEABLE_TLS_CA_FILE: "/ca.pem", PARSEABLE_TLS_INSECURE_SKIP_VERIFY: "1" };
  assertEquals(warningsOf({ ...RELAY, ...env }), [
    'PARSEABLE_TLS_CA_FILE: has no effect, since PARSEABLE_URL is not "https:".',
    'PARSEABLE_TLS_INSECURE_SKIP_VERIFY: has no effect, since PARSEABLE_URL is not "https:".',
  ]);
});
