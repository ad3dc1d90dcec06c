/** Runs `provision` on a fake Parseable, with a few things to put there. */

import { parseProvision } from "../../lib/config/provision_config.ts";
import { ParseableApi } from "../../lib/parseable/api.ts";
import { provision } from "../../lib/parseable/provision.ts";
import { Report, type Wanted } from "../../lib/parseable/run.ts";
import { ADMIN, type FakeApi } from "./fake_api.ts";

/** The time of all runs, in milliseconds since 1970. */
export const NOW_MS = Date.parse("2026-11-24T04:05:00Z");

/** A dashboard with one tile. */
export function dashboard(title: string, query = "SELECT 1"): Wanted & Record<string, unknown> {
  const id = "01K3ABCDEFGHJKMNPQRSTVWXYZ";
  const tiles = [{ tile_id: id, title: "Running", chartQuery: query, layout: { x: 0, w: 6.5 } }];
  return { title, dashboardType: "Dashboard", version: "v1", tags: ["vllm"], variables: [], tiles };
}

/** An alert. */
export function alert(title: string, value = 0.9): Wanted & Record<string, unknown> {
  return {
    title,
    severity: "high",
    alertType: "threshold",
    query: 'SELECT MAX(v) AS v FROM "vLLMmetrics" /* and "lab" */',
    thresholdConfig: { operator: ">", value },
    evalConfig: { rollingWindow: { evalStart: "5m", evalEnd: "now", evalFrequency: 1 } },
    notificationConfig: { interval: 1 },
    tags: ["vllm"],
    runbook: "Look at it.",
  };
}

/** What a run has. */
export interface RunOptions {
  /** Settings beside address and credentials. */
  readonly env?: Readonly<Record<string, string>>;
  /** The credentials. */
  readonly as?: Readonly<Record<string, string>>;
  /** The dashboards. */
  readonly dashboards?: readonly Wanted[];
  /** The alerts. */
  readonly alerts?: readonly Wanted[];
  /** Whether nothing is written. */
  readonly isDryRun?: boolean;
  /** Whether to replace what somebody changed. */
  readonly isForced?: boolean;
  /** The time. */
  readonly nowMs?: number;
  /** The user for Fluent Bit. */
  readonly shipper?: string;
}

/** What a run printed. */
export interface RunResult {
  /** A line each, with single spaces. */
  readonly lines: readonly string[];
  /** The last line of it. */
  readonly summary: string;
  /** Whether anything failed. */
  readonly hasFailed: boolean;
  /** The password of a new user. */
  readonly password: string | undefined;
}

/** Only certificates are read from files. */
function readFile(path: string): string {
  return Deno.readTextFileSync(path);
}

/** Runs `provision`. */
export async function run(parseable: FakeApi, options: RunOptions = {}): Promise<RunResult> {
  const env = { PARSEABLE_URL: parseable.origin, ...options.as ?? ADMIN, ...options.env };
  const result = parseProvision(env, readFile);
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  const { config } = result;
  const secrets = [
    config.credentials[1],
    ...(config.webhook === undefined ? [] : [config.webhook]),
  ];
  using api = new ParseableApi({ ...config, secrets });
  const lines: string[] = [];
  const report = new Report({
    isDryRun: options.isDryRun ?? false,
    print: (text) => lines.push(text.trimEnd().replace(/ +/g, " ")),
  });
  const password = await provision(api, {
    config,
    content: {
      dashboards: options.dashboards ?? [dashboard("Overview"), dashboard("Latency")],
      alerts: options.alerts ?? [alert("KV cache"), alert("Down")],
    },
    isForced: options.isForced ?? false,
    shipper: options.shipper,
    report,
    nowMs: options.nowMs ?? NOW_MS,
  });
  return { lines, summary: report.summary().trimEnd(), hasFailed: report.hasFailed, password };
}

/** The requests that write something. */
export function writes({ requests }: FakeApi): readonly string[] {
  return requests.filter((request) => !request.startsWith("GET "));
}
