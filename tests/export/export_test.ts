import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCommand } from "../../lib/commands/mod.ts";
import { alertRules } from "../../lib/export/rules.ts";
import { FINDING_RULES } from "../../lib/dashboard/findings/findings.ts";
import { runbookReference } from "../../tools/content_reference.ts";
import { exportedFiles } from "../../tools/export.ts";
import { fakeHost } from "../commands/fake_host.ts";
import { parse, parseAllDocuments } from "yaml";

const LIMITS = { goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 }, kvLimit: 0.9 };

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string; files: Map<string, string> }> {
  const stdin = new ReadableStream<Uint8Array<ArrayBuffer>>();
  const { host, output } = fakeHost({ args: ["export", ...args], stdin });
  const files = new Map<string, string>();
  const code = await runCommand({
    ...host,
    env,
    writeFiles: (folder, texts) => {
      for (const { path, text } of texts) files.set(`${folder}/${path}`, text);
    },
  });
  return { code, ...output(), files };
}

Deno.test("the files in deploy/ are what `deno task export` writes", async () => {
  for (const [path, text] of Object.entries(exportedFiles())) {
    const committed = await Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
    assert(committed === text, `${path}: run deno task export`);
  }
});

Deno.test("export prints what it would write to files", async () => {
  const { code, files, stdout } = await run(["prometheus", "--out", "rules"]);
  assertEquals([code, stdout], [0, "rules/vllm.yaml\n"]);
  assertEquals((await run(["prometheus"])).stdout, files.get("rules/vllm.yaml"));
});

Deno.test("export follows the settings", async () => {
  const env = { SLO_TTFT: "300ms", SLO_TPOT: "2s", ALERT_KV_LIMIT: "0.8" };
  const { stdout } = await run(["prometheus"], env);
  assertMatch(stdout, /vllm_kv_cache_usage_perc > 0\.8"/);
  assertMatch(stdout, /\[10m\]\)\)\) > 0\.3"/);
  // 0.3 s and 2 s are inside a bucket: the bound below is what can be counted.
  assertMatch(stdout, /first_token_seconds_bucket\{le=~\\"0\.25\\"\}/);
  assertMatch(stdout, /output_token_seconds_bucket\{le=~\\"1\|1\.0\\"\}/);
});

Deno.test("export operator prints resources with the same groups", async () => {
  const documents = parseAllDocuments((await run(["operator"])).stdout)
    .map((document) => document.toJS());
  assertEquals(documents.map(({ kind }) => kind).slice(0, 2), ["PrometheusRule", "ServiceMonitor"]);
  assertEquals(documents[0].spec, parse((await run(["prometheus"])).stdout));
  assertEquals(
    documents[1].spec.endpoints.map(({ path }: { path: string }) => path),
    ["/metrics", "/-/metrics"],
  );
});

Deno.test("export operator prints a ConfigMap for each dashboard of export grafana", async () => {
  const { files } = await run(["grafana", "--out", "out"]);
  const maps = parseAllDocuments((await run(["operator"])).stdout).map((each) => each.toJS())
    .filter(({ kind }) => kind === "ConfigMap");
  assertEquals(maps.length, 4);
  for (const { data, metadata } of maps) {
    assertEquals(metadata.labels.grafana_dashboard, "1");
    for (const [name, text] of Object.entries(data)) assertEquals(text, files.get(`out/${name}`));
  }
});

Deno.test("export operator --monitor pod prints a PodMonitor in place of the ServiceMonitor", async () => {
  const documents = parseAllDocuments((await run(["operator", "--monitor", "pod"])).stdout)
    .map((document) => document.toJS());
  assertEquals(documents.map(({ kind }) => kind).slice(0, 2), ["PrometheusRule", "PodMonitor"]);
  assertEquals(
    documents[1].spec.podMetricsEndpoints.map(({ path }: { path: string }) => path),
    ["/metrics", "/-/metrics"],
  );
});

Deno.test("export --names colon asks for vLLM's own names, and for the service's as they are", async () => {
  for (const program of ["prometheus", "grafana", "operator"]) {
    const underscore = (await run([program])).stdout;
    const colon = (await run([program, "--names", "colon"])).stdout;
    assertMatch(colon, /\bvllm:time_to_first_token_seconds_bucket\b/);
    assertEquals(colon.match(/\bvllm_(?!metrics_|ttft_|tpot_)\w+/g), null);
    assertEquals(colon.replaceAll(/\bvllm:(?!vllm)(?=[a-z_]+)/g, "vllm_"), underscore);
  }
});

Deno.test("export --runbook puts another address into the alerts", async () => {
  const { stdout } = await run(["prometheus", "--runbook", "https://wiki.example/vllm"]);
  assertMatch(stdout, /runbook_url: "https:\/\/wiki\.example\/vllm#vllmdown"/);
  assertEquals(stdout.includes("OWNER"), false);
});

Deno.test("export parseable writes what provision --export does", async () => {
  const { code, files } = await run(["parseable", "--out", "out"]);
  assertEquals(code, 0);
  assert(files.has("out/dashboards/vllm-overview.json"));
});

Deno.test.each([
  [[], /^vllm-metrics export: for which program\? Write one of prometheus, /],
  [
    ["promethoos"],
    /^vllm-metrics export: there is no export for "promethoos"\. Write "prometheus"\.$/m,
  ],
  [["prometheus", "--out="], /--out needs a value/],
  [["grafana", "--names", "col"], /--names must be underscore or colon: "col"\./],
  [["operator", "--monitor", "x"], /--monitor must be service or pod: "x"\./],
  [["prometheus", "--runbook", "wiki"], /--runbook is no URL: "wiki"\./],
])("export %s is refused", async (args, message) => {
  const { code, stderr } = await run(args);
  assertEquals(code, 2);
  assertMatch(stderr, message);
});

Deno.test("every alert has a name of its own, and links to its section of the runbook", async () => {
  const names = alertRules(LIMITS).map(({ rule }) => rule.alert);
  assertEquals(new Set(names).size, names.length);
  const runbook = await Deno.readTextFile(new URL("../../docs/runbook.md", import.meta.url));
  const anchors = [...runbook.matchAll(/^## (.+)$/gm)].map(([, name = ""]) => name.toLowerCase());
  for (const { rule } of alertRules(LIMITS)) {
    assert(anchors.includes(new URL(rule.annotations.runbook_url).hash.slice(1)), rule.alert);
  }
});

Deno.test("every alert names findings of the page", () => {
  const ids = FINDING_RULES.map(({ id }) => id);
  const named = alertRules(LIMITS).flatMap(({ findings }) => findings);
  assertEquals(named.filter((id) => !ids.includes(id)), []);
});

Deno.test("docs/runbook.md is what `deno task docs` writes", async () => {
  const inOneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
  const text = await Deno.readTextFile(new URL("../../docs/runbook.md", import.meta.url));
  const block = /<!-- reference -->\n([^]*)\n<!-- \/reference -->/.exec(text)?.[1] ?? "";
  assertEquals(inOneLine(block), inOneLine(runbookReference()), "run deno task docs");
});
