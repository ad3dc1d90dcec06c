import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "yaml";
import manifest from "../../deno.json" with { type: "json" };

function read(name: string): string {
  return Deno.readTextFileSync(new URL(`../../${name}`, import.meta.url));
}

/** A field of a parsed document. */
function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null
        ? Object.entries(inner).find(([name]) => name === key)?.[1]
        : undefined,
    value,
  );
}

/** A section of a classic Fluent Bit configuration: values by key, in lower case. */
interface Section {
  readonly name: string;
  readonly keys: Map<string, string[]>;
}

function sectionsOf(text: string): Section[] {
  const found: Section[] = [];
  for (const line of text.split("\n")) {
    const header = /^\[(\w+)\]$/.exec(line);
    if (header !== null) found.push({ name: header[1] ?? "", keys: new Map() });
    const [, key = "", value = ""] = /^ {4}([\w.]+)\s+(.*)$/.exec(line) ?? [];
    const keys = found.at(-1)?.keys;
    if (key !== "" && keys !== undefined) {
      keys.set(key.toLowerCase(), [...keys.get(key.toLowerCase()) ?? [], value]);
    }
  }
  return found;
}

const compose: unknown = parse(read("compose.yml"));
const sections = sectionsOf(read("fluent-bit.conf"));
const [parseable, proxy, shipper] = ["parseable", "proxy", "fluent-bit"].map((name) =>
  at(compose, "services", name)
);

Deno.test("images are pinned by version", () => {
  assertEquals(at(parseable, "image"), "quay.io/parseablehq/parseable:v2.9.5");
  assertEquals(at(shipper, "image"), "docker.io/fluent/fluent-bit:5.1.1");
  assertEquals(at(proxy, "image"), `localhost/vllm-metrics:${manifest.version}`);
});

Deno.test("both folders of Parseable and the storage of Fluent Bit are volumes", () => {
  const volumes = Object.keys(Object(at(compose, "volumes"))).toSorted();
  assertEquals(volumes, ["fluent-bit-storage", "parseable-data", "parseable-staging"]);
  assertEquals(at(parseable, "volumes"), [
    "parseable-data:/parseable/data",
    "parseable-staging:/parseable/staging",
  ]);
  assertEquals(at(shipper, "volumes"), [
    "./fluent-bit.conf:/fluent-bit/etc/fluent-bit.conf:ro,z",
    "fluent-bit-storage:/fluent-bit/storage",
  ]);
  assertEquals(at(parseable, "hostname"), "parseable");
});

Deno.test("only 9090 and 8080 are published", () => {
  assertEquals([parseable, proxy, shipper].map((service) => at(service, "ports")), [
    ["8080:8000"],
    ["9090:9090"],
    undefined,
  ]);
});

Deno.test("the services start in their order, and one variable must be set", () => {
  assertEquals(at(proxy, "depends_on", "parseable", "condition"), "service_started");
  assertEquals(at(shipper, "depends_on", "proxy", "condition"), "service_healthy");
  const test = at(proxy, "healthcheck", "test");
  assertEquals(test, ["CMD", "/usr/local/bin/vllm-metrics", "healthcheck"]);
  assertMatch(read("Containerfile"), /^COPY .*\/vllm-metrics \/usr\/local\/bin\/vllm-metrics$/m);
  const url = at(proxy, "environment", "VLLM_METRICS_URL");
  assertMatch(String(url), /^\$\{VLLM_METRICS_URL:\?Set VLLM_METRICS_URL to .+\}$/);
  assertEquals(at(proxy, "environment", "PARSEABLE_URL"), "http://parseable:8000");
});

Deno.test("each service is restarted, limited, and may gain no privileges", () => {
  for (const service of [parseable, proxy, shipper]) {
    assertEquals(at(service, "restart"), "unless-stopped");
    assertMatch(String(at(service, "mem_limit")), /^\d+[mg]$/);
    assertEquals(typeof at(service, "cpus"), "number");
    assertEquals(at(service, "security_opt"), ["no-new-privileges:true"]);
    assertEquals(at(service, "logging", "options", "max-size"), "10m");
    assertEquals(at(service, "read_only"), true);
    assertEquals(at(service, "cap_drop"), ["ALL"]);
  }
});

Deno.test("Fluent Bit scrapes both routes, keeps what it cannot send, and tries for ever", () => {
  const keysOf = (name: string): Map<string, string[]>[] =>
    sections.filter((section) => section.name === name).map(({ keys }) => keys);
  const scrapes = keysOf("INPUT").filter((keys) => keys.get("name")?.[0] === "prometheus_scrape");
  assertEquals(scrapes.map((keys) => [keys.get("metrics_path"), keys.get("scrape_interval")]), [
    [["/metrics"], ["${SCRAPE_INTERVAL:-2s}"]],
    [["/-/metrics"], ["10s"]],
  ]);
  for (const keys of scrapes) {
    assertEquals([keys.get("host"), keys.get("port")], [["proxy"], ["9090"]]);
  }
  for (const keys of keysOf("INPUT")) assertEquals(keys.get("storage.type"), ["filesystem"]);
  const [output] = keysOf("OUTPUT");
  assertEquals([output?.get("host"), output?.get("port")], [["proxy"], ["4318"]]);
  assertEquals(output?.get("metrics_uri"), ["/v1/metrics"]);
  assertEquals(output?.get("retry_limit"), ["no_limits"]);
  assertEquals(output?.get("http_user"), ["${P_USERNAME}"]);
  assertEquals(output?.get("header"), [
    "X-P-Stream ${PARSEABLE_STREAM:-vLLMmetrics}",
    "X-P-Log-Source otel-metrics",
  ]);
  assert(output?.has("net.io_timeout") && output.has("storage.total_limit_size"));
  const [service] = keysOf("SERVICE");
  assertEquals(service?.get("storage.path"), ["/fluent-bit/storage"]);
  assert(Number(service?.get("scheduler.cap")?.[0]) <= 60);
});

Deno.test("parseable.env has the settings of the original, and none that calls home", () => {
  const lines = read("parseable.env").split("\n").filter((line) => /^\w+=/.test(line));
  assertEquals(Object.fromEntries(lines.map((line) => line.split("="))), {
    P_USERNAME: "admin",
    P_PASSWORD: "admin",
    P_ADDR: "0.0.0.0:8000",
    P_STAGING_DIR: "/parseable/staging",
    P_FS_DIR: "/parseable/data",
    P_CHECK_UPDATE: "false",
    P_SEND_ANONYMOUS_USAGE_DATA: "false",
    P_COLLECT_DATASET_STATS: "false",
  });
});

Deno.test("the image is one binary of a pinned Deno on a distroless image, not root", () => {
  const text = read("Containerfile");
  assertEquals([...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image), [
    "docker.io/denoland/deno:2.9.6",
    "gcr.io/distroless/cc-debian12:nonroot",
  ]);
  assertMatch(text, /^RUN deno compile -P=serve .*main\.ts$/m);
  assertMatch(text, /^USER 65532:65532$/m);
  assertMatch(text, /^ENTRYPOINT \["\/usr\/local\/bin\/vllm-metrics"\]$/m);
  assertMatch(text, new RegExp(`^ARG VERSION=${manifest.version}$`, "m"));
});
