/** Debian's Prometheus, scraping what a test wants. */

import type { Grid, TimeSeries } from "../../lib/history/history.ts";
import { timesOf } from "../../lib/history/evaluate.ts";
import { until, within } from "../fakes.ts";
import { closedPort } from "../net/fakes.ts";

/** Time from one scrape to the next. */
const SCRAPE_INTERVAL = "1s";
/** What a scrape of a busy machine says; the next one may be in time. */
const OUT_OF_TIME = /504 Gateway Timeout|deadline exceeded/;

/** One sample of an instant query. */
export interface QueriedSample {
  /** The labels, the name among them as `__name__`. */
  readonly metric: Readonly<Record<string, string>>;
  /** The value as Prometheus writes it. */
  readonly value: string;
}

/** What is known of a family. */
export interface Metadata {
  readonly type: string;
  readonly help: string;
}

/** A range query, as the API answers it. */
interface QueriedSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

/** How scraping a job goes. */
export interface Target {
  readonly health: string;
  readonly lastError: string;
}

/** A running Prometheus. */
export interface Prometheus extends AsyncDisposable {
  /** Waits until each job has been scraped in time, well or not; gives the last outcome by job. */
  targets(): Promise<Map<string, Target>>;
  /** Asks for a job's samples now. */
  query(expression: string): Promise<QueriedSample[]>;
  /** Asks for values over a grid of times, which is what Prometheus calls a range query. */
  queryRange(expression: string, grid: Grid): Promise<TimeSeries[]>;
  /** Asks what is known of a job's families. */
  metadata(job: string): Promise<Map<string, Metadata>>;
}

/** Origins by the name of their job, with more lines of its configuration where there are any. */
export type Jobs = Readonly<
  Record<string, string | { readonly origin: string; readonly settings?: readonly string[] }>
>;

function configuration(jobs: Jobs): string {
  const lines = ["global:", `  scrape_interval: ${SCRAPE_INTERVAL}`, "scrape_configs:"];
  for (const [job, target] of Object.entries(jobs)) {
    const { origin, settings = [] } = typeof target === "string" ? { origin: target } : target;
    const { host, protocol } = new URL(origin);
    // What the service says of `instance` holds: it is the server that it scraped.
    lines.push(`- job_name: ${job}`, "  honor_labels: true");
    lines.push(`  static_configs: [{targets: ["${host}"]}]`);
    lines.push(`  scheme: ${protocol.slice(0, -1)}`, ...settings.map((line) => `  ${line}`));
  }
  return `${lines.join("\n")}\n`;
}

function spawn(command: Deno.Command): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (error) {
    throw new Error("Cannot run prometheus: install Debian's package prometheus", { cause: error });
  }
}

/** A number as Prometheus writes it; null for one that is none. */
function numberOf(text: string): number | null {
  if (text === "NaN") return null;
  return text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
}

/** Puts samples into a database that Prometheus has not opened yet. */
async function createBlocks(openMetrics: string, folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/stored.txt`, openMetrics);
  const args = ["tsdb", "create-blocks-from", "openmetrics", "stored.txt", "data"];
  const { success, stderr } = await new Deno.Command("promtool", { args, cwd: folder }).output();
  if (!success) throw new Error(`promtool: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Starts Prometheus.
 *
 * @param jobs What to scrape.
 * @param stored Samples with their times that it has from the start, as OpenMetrics.
 * @throws {Error} When Prometheus is not installed: a check that is left out proves nothing.
 */
export async function startPrometheus(jobs: Jobs, stored = ""): Promise<Prometheus> {
  const folder = await Deno.makeTempDir();
  if (stored !== "") await createBlocks(stored, folder);
  await Deno.writeTextFile(`${folder}/prometheus.yml`, configuration(jobs));
  const address = `127.0.0.1:${closedPort()}`;
  const child = spawn(
    new Deno.Command("prometheus", {
      args: [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }),
  );
  const log = new Response(child.stderr).text();
  let ended = false;
  const status = child.status.then(() => ended = true);

  async function ask<T>(path: string): Promise<T | undefined> {
    if (ended) throw new Error(`Prometheus ended:\n${await log}`);
    try {
      const response = await fetch(`http://${address}/api/v1/${path}`);
      if (response.ok) return (await response.json()).data;
      // 503 until it has read what it stored before.
      await response.body?.cancel();
      return undefined;
    } catch (error) {
      // Not up yet.
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  }

  type ApiTarget = Target & { readonly labels: Readonly<Record<string, string>> };
  type ApiSample = Pick<QueriedSample, "metric"> & { readonly value: readonly [number, string] };

  return {
    targets: () =>
      until(async () => {
        const data = await ask<{ activeTargets: readonly ApiTarget[] }>("targets?state=active");
        const targets = data?.activeTargets ?? [];
        // It takes its jobs up one after the other: at first some are not there at all.
        const scraped = targets.filter(({ health, lastError }) =>
          health !== "unknown" && !OUT_OF_TIME.test(lastError)
        );
        if (scraped.length < Object.keys(jobs).length) return undefined;
        return new Map(targets.map((target) => [target.labels.job ?? "", target]));
      }, "Prometheus to scrape"),
    async query(expression): Promise<QueriedSample[]> {
      const data = await ask<{ result: readonly ApiSample[] }>(
        `query?query=${encodeURIComponent(expression)}`,
      );
      return (data?.result ?? []).map(({ metric, value }) => ({ metric, value: value[1] }));
    },
    async queryRange(expression, grid): Promise<TimeSeries[]> {
      const parameters = new URLSearchParams({
        query: expression,
        start: String(grid.startMs / 1_000),
        end: String(grid.endMs / 1_000),
        step: String(grid.stepMs / 1_000),
      });
      const data = await until(
        () => ask<{ result: readonly QueriedSeries[] }>(`query_range?${parameters}`),
        `an answer to ${expression}`,
      );
      return data.result.map(({ metric, values }) => {
        const known = new Map(values.map(([seconds, value]) => [seconds * 1_000, numberOf(value)]));
        return {
          labels: metric,
          values: timesOf(grid).map((timeMs) => known.get(Math.round(timeMs)) ?? null),
        };
      });
    },
    async metadata(job): Promise<Map<string, Metadata>> {
      const target = encodeURIComponent(`{job="${job}"}`);
      const data = await ask<readonly (Metadata & { readonly metric: string })[]>(
        `targets/metadata?match_target=${target}`,
      );
      return new Map((data ?? []).map(({ metric, type, help }) => [metric, { type, help }]));
    },
    async [Symbol.asyncDispose](): Promise<void> {
      if (!ended) child.kill("SIGTERM");
      await within(status, () => "Prometheus did not end");
      await log;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
