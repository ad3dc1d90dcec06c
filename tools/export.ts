/** `deno task export`: writes what `vllm-metrics export` gives by default. */

import { prometheusFiles } from "../lib/export/files.ts";
import { grafanaFiles } from "./grafana.ts";

const DEFAULTS = { goals: { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 }, kvLimit: 0.9 };

/** The files by their path in the project. The command reads the dashboards in lib/. */
export function exportedFiles(): Readonly<Record<string, string>> {
  const chart = "deploy/helm/vllm-metrics/files";
  const rules = prometheusFiles(DEFAULTS).flatMap(({ path, text }) =>
    ["deploy", chart].map((folder) => [`${folder}/prometheus/${path}`, text])
  );
  const dashboards = Object.entries(grafanaFiles()).flatMap(([path, text]) =>
    ["deploy", chart, "lib/export"].map((folder) => [`${folder}/grafana/${path}`, text])
  );
  return Object.fromEntries([...rules, ...dashboards]);
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(exportedFiles())) {
    const url = new URL(`../${path}`, import.meta.url);
    await Deno.mkdir(new URL("./", url), { recursive: true });
    await Deno.writeTextFile(url, text);
  }
}
