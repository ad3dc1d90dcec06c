/** The files of `vllm-metrics export`. */

import type { Limits } from "../config/provision_config.ts";
import { ruleGroups } from "./rules.ts";
import { type Yaml, yaml } from "./yaml.ts";

/** A file of an export. */
export type ExportFile = { readonly path: string; readonly text: string };

const LABELS = { "app.kubernetes.io/name": "vllm-metrics" };

/** The rule file of Prometheus. */
export function prometheusFiles(limits: Limits): ExportFile[] {
  return [{ path: "vllm.yaml", text: yaml({ groups: ruleGroups(limits) }) }];
}

/** A resource of Kubernetes. */
function manifest(api: string, kind: string, name: string, rest: { [key: string]: Yaml }): string {
  return yaml({ apiVersion: api, kind, metadata: { name, labels: LABELS }, ...rest });
}

/** Resources for the Prometheus operator. */
export function operatorFiles(limits: Limits): ExportFile[] {
  const api = "monitoring.coreos.com/v1";
  const spec = {
    selector: { matchLabels: LABELS },
    // With several servers, "instance" is the server's.
    endpoints: ["/metrics", "/-/metrics"].map((path) => (
      { port: "metrics", path, interval: "15s", honorLabels: true }
    )),
  };
  return [
    {
      path: "prometheusrule.yaml",
      text: manifest(api, "PrometheusRule", "vllm-metrics", {
        spec: { groups: ruleGroups(limits) },
      }),
    },
    {
      path: "servicemonitor.yaml",
      text: manifest(api, "ServiceMonitor", "vllm-metrics", { spec }),
    },
  ];
}
