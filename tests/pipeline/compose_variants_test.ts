import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import { parseConfig } from "../../lib/config/config.ts";
import { asObject, asTexts, readCompose, readEnvFile, readRootFile } from "./files.ts";

Deno.test("compose.push.yml has proxy and Parseable as compose.yml has them, and the proxy pushes", async () => {
  const document = asObject(parse(await readRootFile("compose.push.yml")));
  const { parseable, proxy, ...others } = asObject(document.services);
  const { services } = await readCompose();
  assertEquals(others, {});
  assertEquals(parseable, services.parseable);
  const without = (service: unknown): unknown => ({
    ...asObject(service),
    environment: undefined,
    env_file: undefined,
  });
  assertEquals(without(proxy), without(services.proxy));
  assertEquals(Object.keys(asObject(document.volumes)), [
    "parseable-data",
    "parseable-staging",
    "history",
  ]);

  const written = Object.entries(asObject(asObject(proxy).environment)).map(([name, value]) => [
    name,
    String(value).replace(/\$\{\w+:-(.*)\}/, "$1").replace(/\$\{\w+:\?.*\}/, "http://vllm:8000"),
  ]);
  const account = await readEnvFile("parseable.env");
  const result = parseConfig(
    { ...Object.fromEntries(account), ...Object.fromEntries(written) },
    () => "",
  );
  if (!result.ok) throw new Error(result.mistakes.join());
  const { config: { push }, warnings } = result;
  assertEquals(push?.url.href, "http://parseable:8000/v1/metrics");
  assertEquals(push?.headers[0]?.[1].reveal(), `Basic ${btoa("admin:admin")}`);
  assertEquals(push?.queueFile, "/data/push.db");
  assertEquals(warnings, []);
});

/** Without what differs on purpose: where it sends, and what it waits for. */
function common(service: unknown): unknown {
  const { environment, depends_on: _, ...rest } = asObject(service);
  const { PARSEABLE_URL, PARSEABLE_QUERY_URL, ...others } = asObject(environment);
  return { ...rest, environment: others, hasUrl: PARSEABLE_URL !== undefined, PARSEABLE_QUERY_URL };
}

Deno.test("compose-otel.yml has a Collector in the place of Fluent Bit, and all else of compose.yml", async () => {
  const { services: ours } = await readCompose();
  const { services, volumes } = await readCompose(undefined, "compose-otel.yml");
  const { "otel-collector": collector, ...others } = services;
  const { "fluent-bit": fluentBit, ...rest } = ours;
  assertEquals(others, rest);
  for (const key of ["env_file", "environment", "depends_on"]) {
    assertEquals(collector?.[key], fluentBit?.[key], key);
  }
  assert(volumes.includes("otel-storage"));

  const text = await readRootFile("otel-config.yaml");
  const config = asObject(parse(text));
  const { receivers, exporters, extensions, service } = config;
  const scrapes: unknown = asObject(asObject(asObject(receivers).prometheus).config).scrape_configs;
  const list: unknown[] = Array.isArray(scrapes) ? scrapes : [];
  assertEquals(list.map((each) => [asObject(each).job_name, asObject(each).metrics_path]), [
    ["vllm", undefined],
    ["vllm-metrics", "/-/metrics"],
  ]);
  const relay = asObject(asObject(exporters)["otlp_http/relay"]);
  assertEquals(relay.endpoint, "http://proxy:4318");
  assertEquals(relay.headers, {
    "X-P-Stream": "${env:PARSEABLE_STREAM}",
    "X-P-Log-Source": "otel-metrics",
  });
  assertEquals(asObject(relay.retry_on_failure).max_elapsed_time, 0);
  assertEquals(Object.keys(asObject(extensions)), asTexts(asObject(service).extensions));
  const used = [...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name = ""]) => name);
  const given = [
    ...Object.keys(asObject(collector?.environment)),
    ...(await readEnvFile("parseable.env")).keys(),
  ];
  assertEquals(used.filter((name) => !given.includes(name)), []);
  const mounts = asTexts(collector?.volumes).map((mount) => mount.split(":")[1]);
  assertEquals(mounts[1], asObject(asObject(extensions).file_storage).directory);
});

Deno.test("compose.distributed.yml has a query node and ingest nodes, each with its own name and staging", async () => {
  const { services } = await readCompose(undefined, "compose.distributed.yml");
  const nodes = Object.entries(services).filter(([name]) => name.startsWith("parseable-"));
  const modes = nodes.map(([name, node]) => [name, asObject(node.environment).P_MODE]);
  assertEquals(modes, [
    ["parseable-query", "query"],
    ["parseable-ingest-1", "ingest"],
    ["parseable-ingest-2", "ingest"],
  ]);
  const stagings = new Set<string>();
  for (const [name, { hostname, command, environment, volumes, env_file }] of nodes) {
    const env = asObject(environment);
    assertEquals([hostname, command, env_file], [
      name,
      ["parseable", "s3-store"],
      ["parseable.env"],
    ]);
    assertEquals(env.P_QUERIER_ENDPOINT, "parseable-query:8000");
    assertEquals(env.P_INGESTOR_ENDPOINT, env.P_MODE === "ingest" ? `${name}:8000` : undefined);
    const [staging = ""] = asTexts(volumes);
    assertEquals(staging.split(":")[1], "/parseable/staging");
    stagings.add(staging);
    for (const key of ["URL", "BUCKET", "REGION", "ACCESS_KEY", "SECRET_KEY", "PATH_STYLE"]) {
      const first = asObject(nodes[0]?.[1].environment)[`P_S3_${key}`];
      assertEquals(env[`P_S3_${key}`], first);
    }
  }
  assertEquals(stagings.size, nodes.length);
});

Deno.test("compose.distributed.yml sends rows to the balancer, and provisions at the query node", async () => {
  const { services: ours } = await readCompose();
  const { services } = await readCompose(undefined, "compose.distributed.yml");
  for (const name of ["proxy", "provision"]) {
    const { PARSEABLE_URL, PARSEABLE_QUERY_URL } = asObject(services[name]?.environment);
    assertEquals(PARSEABLE_URL, "http://balancer:8000");
    assertEquals(PARSEABLE_QUERY_URL, "http://parseable-query:8000");
  }
  const ofNodes = { ...asObject(common(services.proxy)), PARSEABLE_QUERY_URL: undefined };
  assertEquals(ofNodes, common(ours.proxy));
  assertEquals(services["fluent-bit"], ours["fluent-bit"]);
  const ports = Object.values(services).flatMap((service) => asTexts(service.ports ?? []));
  assertEquals(ports.sort(), ["127.0.0.1:8080:8000", "9090:9090"]);

  const haproxy = await readRootFile("haproxy.cfg");
  const servers = [...haproxy.matchAll(/^ +server (\S+) (\S+):8000$/gm)];
  const ingest = Object.keys(services).filter((name) => name.startsWith("parseable-ingest-"));
  assertEquals(servers.map(([, , host]) => host), ingest);
});
