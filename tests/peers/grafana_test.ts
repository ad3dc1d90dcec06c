import { assertEquals } from "@std/assert";
import { grafanaFiles } from "../../lib/export/files.ts";
import { start } from "../commands/process.ts";
import { until } from "../fakes.ts";
import { capture } from "../otlp/relay.ts";
import { serveReceiver } from "../push/receiver.ts";
import { GOOD, serveParseable } from "../relay/fake_parseable.ts";
import { closedPort } from "../net/fakes.ts";
import { startPrometheus } from "./prometheus.ts";

/** A dashboard, as far as it is read here. */
interface Dashboard {
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string }[];
  };
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

/** An expression as Grafana sends it with every value selected. */
function selected(expr: string): string {
  return expr.replaceAll("$__rate_interval", "10s").replace(/\$(server|model|engine)/g, ".*");
}

/** Sends a request of Fluent Bit through the relay. */
async function relayOnce(relay: string): Promise<void> {
  const response = await fetch(`http://${relay}/v1/metrics`, {
    method: "POST",
    headers: { authorization: GOOD, "content-type": "application/x-protobuf" },
    body: capture("during-load-c40"),
  });
  await response.body?.cancel();
  assertEquals(response.status, 200);
}

Deno.test.each([["steady"], ["busy"], ["burst"], ["outage"], ["sleep"]])(
  "every panel of the dashboards has data of two demo servers: %s",
  async (scenario) => {
    await using parseable = serveParseable();
    await using receiver = serveReceiver();
    const relay = `127.0.0.1:${closedPort()}`;
    await using demo = await start(
      ["demo", "--scenario", scenario, "--servers", "2", "--engines", "2"],
      {
        env: {
          LISTEN_ADDRESS: "127.0.0.1:0",
          OTLP_LISTEN_ADDRESS: relay,
          PARSEABLE_URL: parseable.origin,
          OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
          OTEL_METRIC_EXPORT_INTERVAL: "1000",
        },
      },
    );
    const origin = await demo.origin();
    await demo.log.seen(`address=${relay}`);
    const itself = { origin, settings: ["metrics_path: /-/metrics"] };
    await using prometheus = await startPrometheus({ vllm: origin, itself });
    const empty = new Set<string>();
    const boards: Dashboard[] = grafanaFiles().map(({ text }) => JSON.parse(text));
    for (const { panels, templating } of boards) {
      for (const { title, targets = [] } of panels) {
        for (const { expr } of targets) empty.add(`${title}: ${selected(expr)}`);
      }
      // label_values(METRIC, LABEL)
      for (const { name, query } of templating.list) {
        const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
        if (label !== undefined) {
          empty.add(`${name}: count by (${label}) (${metric}{${label}!=""})`);
        }
      }
    }
    try {
      await until(async () => {
        for (const panel of empty) {
          const samples = await prometheus.query(panel.slice(panel.indexOf(": ") + 2));
          if (samples.some(({ value }) => value !== "NaN")) empty.delete(panel);
        }
        // A rate needs a counter that grows while Prometheus looks.
        await relayOnce(relay);
        const [relayed] = await prometheus.query(
          'sum(rate(vllm_metrics_relay_requests_total{code="200"}[10s]))',
        );
        return empty.size === 0 && Number(relayed?.value ?? 0) > 0;
      }, "data of every panel");
    } finally {
      assertEquals([...empty], []);
    }
  },
);
