import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  helpTable,
  markdownTable,
  SETTING_NAMES,
  SETTINGS,
  unknownNameWarnings,
} from "../../lib/config/settings.ts";

Deno.test("SETTING_NAMES has every setting and the file form of every secret", () => {
  assertEquals(SETTING_NAMES, [
    "VLLM_METRICS_URL",
    "LISTEN_ADDRESS",
    "SCRAPE_TIMEOUT",
    "MAX_BODY_BYTES",
    "VLLM_BEARER_TOKEN",
    "VLLM_BEARER_TOKEN_FILE",
    "VLLM_USERNAME",
    "VLLM_USERNAME_FILE",
    "VLLM_PASSWORD",
    "VLLM_PASSWORD_FILE",
    "VLLM_HEADERS",
    "VLLM_HEADERS_FILE",
    "VLLM_TLS_CA_FILE",
    "VLLM_TLS_CERT_FILE",
    "VLLM_TLS_KEY_FILE",
    "VLLM_TLS_INSECURE_SKIP_VERIFY",
    "LOG_LEVEL",
    "LOG_FORMAT",
  ]);
});

Deno.test("SETTINGS says in one sentence what each is for", () => {
  for (const { name, meaning } of SETTINGS) assert(/^[A-Z][^.]*\.$/.test(meaning), name);
});

Deno.test("helpTable() has every setting with its default in at most 80 columns", () => {
  const table = helpTable();
  for (const { name, defaultText, meaning } of SETTINGS) {
    const row = table.split("\n").find((line) => line.startsWith(`  ${name} `)) ?? "";
    assertStringIncludes(row, defaultText === "" ? name : `[${defaultText}]`);
    assertStringIncludes(table, `\n      ${meaning}\n`);
  }
  assertEquals(table.split("\n").filter((line) => line.length > 80), []);
});

Deno.test("markdownTable() has a row for every setting, with its columns in line", () => {
  const lines = markdownTable().split("\n");
  assertEquals(lines.length, SETTINGS.length + 2);
  assertEquals(new Set(lines.map((line) => line.length)).size, 1);
  const row = lines.find((line) => line.includes("`SCRAPE_TIMEOUT`"));
  assertEquals(
    row?.split("|").map((cell) => cell.trim()),
    [
      "",
      "`SCRAPE_TIMEOUT`",
      "`10s`",
      "duration, 100ms to 5m",
      "Longest wait for a whole answer of vLLM.",
      "",
    ],
  );
});

Deno.test.each([
  ["VLLM_METRICS_ULR", "VLLM_METRICS_URL"],
  ["VLLM_METRICS_URLS", "VLLM_METRICS_URL"],
  ["VLLM_METRICS_ADDRESS", "VLLM_METRICS_URL"],
  ["VLLM_METRIC_URL", "VLLM_METRICS_URL"],
  ["VLLM_TLS_CAFILE", "VLLM_TLS_CA_FILE"],
  ["VLLM_TLS_SKIP_VERIFY", "VLLM_TLS_INSECURE_SKIP_VERIFY"],
  ["VLLM_TLS_CERT", "VLLM_TLS_CERT_FILE"],
  ["VLLM_TLS_PEM", "VLLM_TLS_CA_FILE"],
  ["VLLM_BEARER", "VLLM_BEARER_TOKEN"],
  ["VLLM_BEARER_TOKENFILE", "VLLM_BEARER_TOKEN_FILE"],
  ["VLLM_PASWORD", "VLLM_PASSWORD"],
  ["VLLM_HEADER", "VLLM_HEADERS"],
  ["SCRAPE_TIMEOUT_SECONDS", "SCRAPE_TIMEOUT"],
  ["LISTEN_ADDR", "LISTEN_ADDRESS"],
  ["LISTEN_PORT", "LISTEN_ADDRESS"],
  ["MAX_BODY_BYTE", "MAX_BODY_BYTES"],
  ["LOG_LEVELS", "LOG_LEVEL"],
])("unknownNameWarnings() warns of %s", (name, meant) => {
  const warning = `${name}: there is no such setting. Did you mean "${meant}"?`;
  assertEquals(unknownNameWarnings([name]), [warning]);
});

Deno.test.each([
  ["settings", SETTING_NAMES],
  [
    "vLLM's own variables",
    [
      "VLLM_API_KEY",
      "VLLM_HOST_IP",
      "VLLM_PORT",
      "VLLM_LOGGING_LEVEL",
      "VLLM_LOG_BATCHSIZE_INTERVAL",
      "VLLM_USE_V1",
      "VLLM_RPC_TIMEOUT",
      "VLLM_HTTP_TIMEOUT_KEEP_ALIVE",
      "VLLM_USE_RUST_FRONTEND",
      "VLLM_MAX_TOKENS_PER_EXPERT_FP4_MOE",
    ],
  ],
  [
    "what Kubernetes sets for a service called vllm-metrics",
    [
      "VLLM_METRICS_SERVICE_HOST",
      "VLLM_METRICS_SERVICE_PORT",
      "VLLM_METRICS_SERVICE_PORT_HTTP",
      "VLLM_METRICS_PORT",
      "VLLM_METRICS_PORT_9090_TCP",
      "VLLM_METRICS_PORT_9090_TCP_ADDR",
      "VLLM_METRICS_PROXY_SERVICE_HOST",
    ],
  ],
  ["what systemd sets for a socket", ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"]],
  ["variables of others", ["PATH", "HOME", "LOG_DIR", "LOGNAME", "MAX_JOBS", "log_level"]],
])("unknownNameWarnings() is silent about %s", (_, names) => {
  assertEquals(unknownNameWarnings(names), []);
});
