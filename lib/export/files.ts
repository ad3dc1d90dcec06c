/** The files of `vllm-metrics export`. */

import type { Limits } from "../config/provision_config.ts";
import ENGINES from "./grafana/vllm-engines.json" with { type: "text" };
import LATENCY from "./grafana/vllm-latency.json" with { type: "text" };
import OVERVIEW from "./grafana/vllm-overview.json" with { type: "text" };
import PIPELINE from "./grafana/vllm-pipeline.json" with { type: "text" };
import { ruleGroups, RUNBOOK } from "./rules.ts";
import { type Yaml, yaml } from "./yaml.ts";

/** A file of an export. */
export type ExportFile = { readonly path: string; readonly text: string };

const LABELS = { "app.kubernetes.io/name": "vllm-metrics" };

/** The rule file of Prometheus. */
export function prometheusFiles(limits: Limits): ExportFile[] {
  return [{ path: "vllm.yaml", text: yaml({ groups: ruleGroups(limits) }) }];
}

/** Dashboards of Grafana; tools/grafana.ts makes them. */
export function grafanaFiles(): ExportFile[] {
  const dashboards = { overview: OVERVIEW, latency: LATENCY, engines: ENGINES, pipeline: PIPELINE };
  return Object.entries(dashboards).map(([id, text]) => ({ path: `vllm-${id}.json`, text }));
}

/** A resource of Kubernetes. */
function manifest(
  api: string,
  kind: string,
  { name = "vllm-metrics", labels = {} },
  rest: { [key: string]: Yaml },
): string {
  const metadata = { name, labels: { ...LABELS, ...labels } };
  return yaml({ apiVersion: api, kind, metadata, ...rest });
}

/** Which monitor the Prometheus operator gets: both together would scrape everything twice. */
export type Monitor = "service" | "pod";

/** Resources for the Prometheus operator and Grafana's sidecar. */
export function operatorFiles(limits: Limits, monitor: Monitor = "service"): ExportFile[] {
  const api = "monitoring.coreos.com/v1";
  const kind = monitor === "pod" ? "PodMonitor" : "ServiceMonitor";
  // With several servers, "instance" is the server's.
  const endpoints = ["/metrics", "/-/metrics"].map((path) => (
    { port: "metrics", path, interval: "15s", honorLabels: true }
  ));
  const spec = {
    selector: { matchLabels: LABELS },
    [monitor === "pod" ? "podMetricsEndpoints" : "endpoints"]: endpoints,
  };
  return [
    {
      path: "prometheusrule.yaml",
      text: manifest(api, "PrometheusRule", {}, { spec: { groups: ruleGroups(limits) } }),
    },
    { path: `${kind.toLowerCase()}.yaml`, text: manifest(api, kind, {}, { spec }) },
    ...grafanaFiles().map(({ path, text }) => {
      const name = path.replace(".json", "");
      // The label that Grafana's sidecar looks for.
      const labels = { "grafana_dashboard": "1" };
      return {
        path: `configmap-${name}.yaml`,
        text: manifest("v1", "ConfigMap", { name, labels }, { data: { [path]: text } }),
      };
    }),
  ];
}

/** The file with vLLM's own names of metrics, `vllm:` for `vllm_`; those of the service stay. */
export function withColons({ path, text }: ExportFile): ExportFile {
  return { path, text: text.replace(/(?<![:\w])vllm_(?!metrics_)/g, "vllm:") };
}

/** The file with the runbook's address in place of the one in `export`'s files. */
export function withRunbook({ path, text }: ExportFile, runbook: string): ExportFile {
  return { path, text: text.replaceAll(RUNBOOK, runbook) };
}
