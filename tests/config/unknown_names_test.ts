import { assertEquals } from "@std/assert";
import { SETTING_NAMES } from "../../lib/config/settings.ts";
import { unknownNameWarnings } from "../../lib/config/env_file.ts";

Deno.test.each([
  ["VLLM_METRICS_ULR", "VLLM_METRICS_URL"],
  ["VLLM_METRIC_URL", "VLLM_METRICS_URL"],
  ["VLLM_TLS_SKIP_VERIFY", "VLLM_TLS_INSECURE_SKIP_VERIFY"],
  ["VLLM_TLS_PEM", "VLLM_TLS_CA_FILE"],
  ["VLLM_BEARER_TOKENFILE", "VLLM_BEARER_TOKEN_FILE"],
  ["VLLM_PASWORD", "VLLM_PASSWORD"],
  ["SCRAPE_TIMEOUT_SECONDS", "SCRAPE_TIMEOUT"],
  ["LISTEN_PORT", "LISTEN_ADDRESS"],
  ["LOG_LEVELS", "LOG_LEVEL"],
  ["METRICS_PASWORD", "METRICS_PASSWORD"],
  ["PARSABLE_URL", "PARSEABLE_URL"],
  ["PARSEABLE_URL_FILE", "PARSEABLE_URL"],
  ["PARSEABLE_TLS_SKIP_VERIFY", "PARSEABLE_TLS_INSECURE_SKIP_VERIFY"],
  ["PARSEABLE_TLS_CERT_FILE", "PARSEABLE_TLS_CA_FILE"],
  ["OTLP_LISTEN_PORT", "OTLP_LISTEN_ADDRESS"],
])("unknownNameWarnings() warns of %s", (name, meant) => {
  const warning = `${name}: there is no such setting. Did you mean "${meant}"?`;
  assertEquals(unknownNameWarnings([name]), [warning]);
});

Deno.test.each([
  ["PARSEABLE_USERNAME"],
  ["PARSEABLE_PASSWORD_FILE"],
  ["PARSEABLE_BEARER_TOKEN"],
  ["PARSEABLE_API_TOKEN"],
  ["PARSEABLE_HEADERS"],
])("unknownNameWarnings() says where credentials go in the place of %s", (name) => {
  const warning = `${name}: there is no such setting. Fluent Bit sends the credentials of the ` +
    "relay, and provision takes P_USERNAME and P_PASSWORD.";
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
      "VLLM_METRICS_PORT",
      "VLLM_METRICS_PORT_9090_TCP_ADDR",
      "VLLM_METRICS_PROXY_SERVICE_HOST",
    ],
  ],
  [
    "what Kubernetes sets for services called parseable and otlp-relay",
    [
      "PARSEABLE_SERVICE_HOST",
      "PARSEABLE_SERVICE_PORT_HTTP",
      "PARSEABLE_PORT",
      "PARSEABLE_PORT_8000_TCP_ADDR",
      "PARSEABLE_QUERIER_SERVICE_HOST",
      "OTLP_RELAY_SERVICE_PORT",
      "OTLP_PORT_4318_TCP",
    ],
  ],
  [
    "OpenTelemetry's own variables",
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME", "OTEL_DENO", "OTEL_LISTEN_ADDRESS"],
  ],
  ["Parseable's own variables", ["P_USERNAME", "P_PASSWORD", "P_ADDR", "P_STAGING_DIR"]],
  ["what systemd sets for a socket", ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"]],
  ["variables of others", [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "METRICS_PORT",
    "PATH",
    "HOME",
    "LOG_DIR",
    "LOGNAME",
    "MAX_JOBS",
    "log_level",
  ]],
])("unknownNameWarnings() is silent about %s", (_, names) => {
  assertEquals(unknownNameWarnings(names), []);
});
