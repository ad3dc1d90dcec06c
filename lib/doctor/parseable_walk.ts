/** The hops to Parseable: is it there, does it know us, do rows arrive, are they shown. */

import type { ProvisionConfig } from "../config/provision_config.ts";
import { ParseableApi } from "../parseable/api.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import { ParseableError } from "../parseable/parseable_error.ts";
import { Shelf } from "../parseable/shelf.ts";
import { DASHBOARDS } from "../parseable/shelf_kind.ts";
import type { Verdict, Walk } from "./walk.ts";

/** Rows older than this mean that nothing arrives any more: vLLM is scraped every 2 s. */
const OLD_MS = 60_000;
/** A gap this many times the usual one between two scrapes means that some are missing. */
const GAP_FACTOR = 5;
/** Scrapes that are looked at. */
const SCRAPES = 150;
/** A metric that every scrape of vLLM has, once an engine. */
const METRIC = "vllm_num_requests_running";

/** What {@linkcode walkParseable} works with. */
export interface ParseableWalkOptions {
  /** How to reach it, and as whom. */
  readonly config: Pick<ProvisionConfig, "parseable" | "credentials">;
  /** The time in milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Walks to Parseable and through what it has stored.
 *
 * @param walk Takes the hops.
 * @param options How to reach it, and the time.
 */
export async function walkParseable(walk: Walk, options: ParseableWalkOptions): Promise<void> {
  const { parseable, credentials } = options.config;
  const { stream } = parseable;
  using api = new ParseableApi({ parseable, credentials, secrets: [credentials[1]] });
  await walk.step("liveness", async () => {
    await api.call("GET", "/api/v1/liveness");
    return { found: `"${parseable.url.origin}" answers` };
  });
  await walk.step("credentials", async () => ({ found: `Parseable ${await api.version()}` }));
  await walk.aside("dashboards", () => dashboardsOf(api, stream));
  await walk.step("stream", () => streamOf(api, stream));
  const times = await walk.step("newest row", () => timesOf(api, options));
  await walk.step("gaps", () => Promise.resolve(gapsIn(times ?? [])));
}

async function streamOf(api: ParseableApi, stream: string): Promise<Verdict<void>> {
  try {
    await api.call("GET", `/api/v1/logstream/${stream}/info`);
    return { found: `"${stream}" is there` };
  } catch (error) {
    if (!(error instanceof ParseableError) || error.answered !== 404) throw error;
    return {
      status: "failed",
      found: `there is no stream "${stream}": nothing has been stored yet`,
      action:
        "Does Fluent Bit run, and does it send to the relay? Its log says what it is answered.",
    };
  }
}

/** When the latest scrapes were made, the newest first, in milliseconds since 1970. */
async function timesOf(
  api: ParseableApi,
  { config, nowMs }: ParseableWalkOptions,
): Promise<Verdict<number[]>> {
  const query = `SELECT DISTINCT time_unix_nano FROM "${config.parseable.stream}" ` +
    `WHERE metric_name = '${METRIC}' ORDER BY time_unix_nano DESC LIMIT ${SCRAPES}`;
  const body = { query, startTime: "1h", endTime: "now" };
  const rows = listOf(await api.call("POST", "/api/v1/query", { body }));
  // Parseable writes times in UTC, without a zone.
  const times = rows.map((row) => Date.parse(`${textOf(objectOf(row).time_unix_nano)}Z`))
    .filter((time) => !Number.isNaN(time));
  const [newest] = times;
  if (newest === undefined) {
    return {
      status: "failed",
      found: `no row of ${METRIC} within an hour`,
      action: "Does Fluent Bit run, does it scrape this service, and is vLLM up?",
    };
  }
  const age = `the newest row is ${Math.round((nowMs - newest) / 1_000)} s old`;
  if (nowMs - newest <= OLD_MS) return { found: age, value: times };
  return {
    status: "failed",
    found: age,
    action: "Rows have stopped to arrive. Is vLLM up, and what does the log of Fluent Bit say?",
  };
}

/**
 * Looks for scrapes that are missing.
 *
 * @param times When scrapes were made, the newest first, in milliseconds.
 * @returns A warning where one distance is far above the usual one.
 */
export function gapsIn(times: readonly number[]): Verdict<void> {
  const gaps = times.slice(1).map((time, index) => (times[index] ?? time) - time);
  if (gaps.length < 2) return { found: "too few scrapes to tell" };
  const usual = gaps.toSorted((one, other) => one - other)[Math.floor(gaps.length / 2)] ?? 0;
  const longest = Math.max(...gaps);
  const found = `a scrape every ${seconds(usual)} s, longest gap ${seconds(longest)} s ` +
    `in the last ${times.length}`;
  if (longest <= usual * GAP_FACTOR) return { found };
  return {
    status: "warn",
    found,
    action:
      "Scrapes are missing. Was vLLM or Fluent Bit down, or is the scrape slower than its time?",
  };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

async function dashboardsOf(api: ParseableApi, stream: string): Promise<Verdict<void>> {
  const all = await new Shelf(api, DASHBOARDS).list();
  const ours = all.filter(({ mark }) => mark?.stream === stream);
  if (ours.length > 0) return { found: ours.map(({ title }) => `"${title}"`).join(", ") };
  return {
    status: "warn",
    found: "none of ours",
    action: "Run vllm-metrics provision.",
  };
}
