import { assert, assertEquals } from "@std/assert";
import { SETTINGS } from "../../lib/config/settings.ts";
import { asObject, asTexts, readCompose, readFluentBit, type Section } from "./files.ts";

async function sectionsOf(kind: string): Promise<Section[]> {
  return (await readFluentBit()).filter((section) => section.kind === kind);
}

async function onlySection(kind: string): Promise<Section> {
  const [section, ...others] = await sectionsOf(kind);
  if (section === undefined || others.length > 0) throw new Error(`not one section ${kind}`);
  return section;
}

function only(section: Section, key: string): string | undefined {
  const values = section.values.get(key) ?? [];
  assert(values.length < 2, key);
  return values[0];
}

Deno.test("Fluent Bit scrapes vLLM's metrics every 2 s and the proxy's own every 10 s", async () => {
  const inputs = await sectionsOf("INPUT");
  const scrapes = inputs.filter((input) => only(input, "name") === "prometheus_scrape");
  const keys = ["host", "port", "metrics_path", "scrape_interval"];
  assertEquals(scrapes.map((scrape) => keys.map((key) => only(scrape, key))), [
    ["proxy", "9090", "/metrics", "${SCRAPE_INTERVAL:-2s}"],
    ["proxy", "9090", "/-/metrics", "10s"],
  ]);
});

Deno.test("Fluent Bit sends all to the relay, with Parseable's credentials, stream and source", async () => {
  const output = await onlySection("OUTPUT");
  const keys = ["name", "match", "host", "port", "metrics_uri", "http_user", "http_passwd"];
  assertEquals(keys.map((key) => only(output, key)), [
    "opentelemetry",
    "*",
    "proxy",
    "4318",
    "/v1/metrics",
    "${P_USERNAME}",
    "${P_PASSWORD}",
  ]);
  assertEquals(output.values.get("header"), [
    `X-P-Stream \${PARSEABLE_STREAM:-${SETTINGS.PARSEABLE_STREAM.defaultText}}`,
    "X-P-Log-Source otel-metrics",
  ]);
});

Deno.test("what cannot be sent waits on the disk, for ever, up to a size", async () => {
  const [service, output] = [await onlySection("SERVICE"), await onlySection("OUTPUT")];
  assertEquals(only(output, "retry_limit"), "no_limits");
  assertEquals(only(output, "storage.total_limit_size"), "2G");
  assertEquals(only(service, "scheduler.cap"), "30");
  for (const input of await sectionsOf("INPUT")) {
    assertEquals(only(input, "storage.type"), "filesystem", only(input, "alias"));
  }
});

Deno.test("the storage of Fluent Bit is in its volume", async () => {
  const { services } = await readCompose();
  const path = only(await onlySection("SERVICE"), "storage.path");
  const volumes = asTexts(services["fluent-bit"]?.volumes);
  assert(volumes.includes(`fluent-bit-storage:${path}`));
});

Deno.test("Fluent Bit waits longer for the relay than the relay for Parseable", async () => {
  const text = only(await onlySection("OUTPUT"), "net.io_timeout") ?? "";
  const waits = SETTINGS.PARSEABLE_TIMEOUT.read(text);
  const relay = SETTINGS.PARSEABLE_TIMEOUT.read(SETTINGS.PARSEABLE_TIMEOUT.defaultText);
  assert(waits.ok && relay.ok && waits.value > relay.value);
});

Deno.test("Fluent Bit gets a stop as long as it waits for what is under way", async () => {
  const { services } = await readCompose();
  const grace = Number(only(await onlySection("SERVICE"), "grace"));
  assert(Number.parseInt(String(services["fluent-bit"]?.stop_grace_period)) > grace);
});

Deno.test("Fluent Bit writes no line for what went well, and tells its health", async () => {
  const service = await onlySection("SERVICE");
  assertEquals(only(service, "log_level"), "warn");
  assertEquals(only(service, "http_server"), "on");
  assertEquals(only(service, "health_check"), "on");
});

Deno.test("compose.yml gives Fluent Bit each variable of its file", async () => {
  const { services } = await readCompose();
  const values = (await readFluentBit()).flatMap((section) => [...section.values.values()].flat());
  const used = values.join("\n").matchAll(/\$\{(\w+)/g);
  const given = Object.keys(asObject(services["fluent-bit"]?.environment));
  const known = [...given, "P_USERNAME", "P_PASSWORD"];
  assertEquals([...new Set([...used].map(([, name]) => name))].sort(), known.sort());
});
