/** Debian's Prometheus, scraping what a test wants. */

import { until, within } from "../fakes.ts";

/** Time from one scrape to the next. */
const SCRAPE_INTERVAL = "1s";

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

/** How scraping a job goes. */
export interface Target {
  readonly health: string;
  readonly lastError: string;
}

/** A running Prometheus. */
export interface Prometheus extends AsyncDisposable {
  /** Waits until each job has been scraped well or not; gives the last outcome by job. */
  targets(): Promise<Map<string, Target>>;
  /** Asks for a job's samples now. */
  query(expression: string): Promise<QueriedSample[]>;
  /** Asks what is known of a job's families. */
  metadata(job: string): Promise<Map<string, Metadata>>;
}

/** Origins by the name of their job, with more lines of its configuration where there are any. */
export type Jobs = Readonly<
  Record<string, string | { readonly origin: string; readonly settings?: readonly string[] }>
>;

/** A port that is free at this moment: Prometheus cannot choose one by itself. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

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

/**
 * Starts Prometheus.
 *
 * @param jobs What to scrape.
 * @throws {Error} When Prometheus is not installed: a check that is left out proves nothing.
 */
export async function startPrometheus(jobs: Jobs): Promise<Prometheus> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/prometheus.yml`, configuration(jobs));
  const address = `127.0.0.1:${freePort()}`;
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
        if (targets.length === 0 || targets.some(({ health }) => health === "unknown")) {
          return undefined;
        }
        return new Map(targets.map((target) => [target.labels.job ?? "", target]));
      }, "Prometheus to scrape"),
    async query(expression): Promise<QueriedSample[]> {
      const data = await ask<{ result: readonly ApiSample[] }>(
        `query?query=${encodeURIComponent(expression)}`,
      );
      return (data?.result ?? []).map(({ metric, value }) => ({ metric, value: value[1] }));
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
