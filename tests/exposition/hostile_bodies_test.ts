import { assert, assertStringIncludes } from "@std/assert";
import { readUsage } from "../../bench/kit.ts";
import { startServe } from "../commands/process.ts";
import { seriesOf, until } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { encode } from "./sanitized.ts";

/** What `compose.yml` gives the service. */
const MEMORY_LIMIT_KIB = 512 * 1_024;
/** Longest wait for `/-/healthy` while a body passes, on a machine busy with others; some took 80 s once. */
const PATIENCE_MS = 20_000;
const TEXT = "text/plain; version=0.0.4";
const OPENMETRICS = "application/openmetrics-text; version=1.0.0";
/** More characters than those by which V8 hashes a string. */
const LONG = "x".repeat(16_390);
const SMALL = "# TYPE vllm:up gauge\nvllm:up 1\n";

/** A body, how it is declared, and what becomes of it. */
interface Hostile {
  readonly name: string;
  readonly contentType: string;
  readonly text: () => string;
  /** Words of the log line; without them the reply is whole, or says that it is no exposition. */
  readonly refusal?: string;
  /** Whether it has no sample: a reply that has begun breaks off. */
  readonly isForeign?: boolean;
}

function lines(count: number, line: (index: number) => string): string {
  const all: string[] = [];
  for (let index = 0; index < count; index++) all.push(line(index));
  return all.join("");
}

function long(index: number): string {
  return LONG + String(index).padStart(6, "0");
}

const FAMILIES = "the server sent more than 20000 metric families";
const SAMPLES = "the server sent more than 300000 samples";

const BODIES: readonly Hostile[] = [
  {
    name: "TYPE lines of one counter, and no version",
    contentType: "text/plain",
    text: () => "# TYPE abc counter\n".repeat(52_000),
    isForeign: true,
  },
  {
    name: "TYPE lines of many counters, and no version",
    contentType: "text/plain",
    text: () => lines(45_000, (index) => `# TYPE a${index} counter\n`),
    refusal: FAMILIES,
  },
  {
    name: "counters with long labels that differ at their end",
    contentType: TEXT,
    text: () => "# TYPE c counter\n" + lines(1_900, (index) => `c{a="${long(index)}"} 1\n`),
  },
  {
    name: "histograms with long labels that differ at their end",
    contentType: TEXT,
    text: () => "# TYPE c histogram\n" + lines(1_900, (index) => `c_count{a="${long(index)}"} 1\n`),
  },
  {
    name: "long metric names that differ at their end",
    contentType: TEXT,
    text: () => SMALL + lines(1_900, (index) => `c${long(index)} 1\n`),
  },
  {
    name: "long label names that differ at their end",
    contentType: TEXT,
    text: () => SMALL + "# TYPE c gauge\n" + lines(1_900, (index) => `c{${long(index)}="1"} 1\n`),
  },
  {
    name: "400,000 buckets",
    contentType: TEXT,
    text: () =>
      SMALL + "# TYPE h histogram\n" + lines(400_000, (index) => `h_bucket{le="${index}"} 1\n`),
  },
  {
    name: "400,000 buckets of a gauge histogram",
    contentType: OPENMETRICS,
    text: () =>
      "# TYPE h gaugehistogram\n" + lines(400_000, (index) => `h_bucket{le="${index}.0"} 1\n`) +
      "# EOF\n",
  },
  {
    name: "as many buckets as are read, in twelve families",
    contentType: TEXT,
    text: () =>
      lines(12, (family) =>
        `# TYPE h${family} histogram\n` +
        lines(19_990, (index) => `h${family}_bucket{a="${LONG.slice(0, 40)}",le="${index}"} 1\n`) +
        `h${family}_count{a="${LONG.slice(0, 40)}"} 1\n`),
  },
  {
    name: "400,000 families",
    contentType: TEXT,
    text: () => lines(400_000, (index) => `# TYPE f${index} gauge\nf${index} 1\n`),
    refusal: FAMILIES,
  },
  {
    name: "1,500,000 untyped samples of as many names",
    contentType: TEXT,
    text: () => lines(1_500_000, (index) => `a${index.toString(16)} 1\n`),
    refusal: FAMILIES,
  },
  {
    name: "1,000,000 samples of one gauge",
    contentType: TEXT,
    text: () =>
      "# TYPE a gauge\n" + lines(1_000_000, (index) => `a{b="${index.toString(16)}"} 1\n`),
    refusal: SAMPLES,
  },
  {
    name: "1,000,000 samples of one counter",
    contentType: TEXT,
    text: () =>
      "# TYPE a counter\n" + lines(1_000_000, (index) => `a{b="${index.toString(16)}"} 1\n`),
    refusal: SAMPLES,
  },
  {
    name: "200,000 histograms",
    contentType: TEXT,
    text: () =>
      lines(200_000, (index) => `# TYPE h${index} histogram\nh${index}_count 1\nh${index}_sum 1\n`),
    refusal: FAMILIES,
  },
];

/** Asks for the health again and again; gives the longest wait. */
async function watchHealth(origin: string, signal: AbortSignal): Promise<number> {
  let longestMs = 0;
  while (!signal.aborted) {
    const startMs = performance.now();
    await (await fetch(`${origin}/-/healthy`)).text();
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
  return longestMs;
}

/** Scrapes; a reply that breaks off has no text. */
async function scrape(origin: string): Promise<{ status: number; text?: string }> {
  const response = await fetch(`${origin}/metrics`, { headers: { "accept-encoding": "identity" } });
  try {
    return { status: response.status, text: await response.text() };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { status: response.status };
  }
}

Deno.test.each(BODIES.map((body): [string, Hostile] => [body.name, body]))(
  "the service answers and keeps within its memory while vLLM sends %s",
  async (_name, { contentType, text, refusal, isForeign }) => {
    const hostile = encode(text());
    const served = { body: hostile, contentType };
    await using vllm = serveHttp(() =>
      new Response(served.body, { headers: { "content-type": served.contentType } })
    );
    await using service = await startServe({
      env: {
        VLLM_METRICS_URL: `${vllm.origin}/metrics`,
        MAX_BODY_BYTES: "64MiB",
        SCRAPE_TIMEOUT: "60s",
      },
    });
    const origin = await service.origin();
    // The page is open, so that scrapes go into the history as well.
    await (await fetch(`${origin}/api/v1/view`)).text();
    const over = new AbortController();
    const health = watchHealth(origin, over.signal);
    // A test that fails ends the service meanwhile.
    health.catch(() => {});
    for (let count = 0; count < 2; count++) {
      const { status, text } = await scrape(origin);
      if (refusal !== undefined) assert(status === 502 || text === undefined, `${status}`);
      else if (status !== 200) assertStringIncludes(text ?? "", "text without a sample");
      else if (!isForeign) assert(text !== undefined, "the reply broke off");
    }
    over.abort();
    const longestMs = await health;
    assert(longestMs < PATIENCE_MS, `/-/healthy took ${longestMs} ms`);
    if (refusal !== undefined) {
      assertStringIncludes(await service.log.seen("Upstream is down"), refusal);
      const own = seriesOf(await (await fetch(`${origin}/-/metrics`)).text());
      const failures = [...own].filter(([name]) => name.includes('code="UPSTREAM_TOO_LARGE"'));
      assert(failures.every(([, value]) => value >= 2) && failures.length === 1, String(failures));
    }
    served.body = encode(SMALL);
    served.contentType = TEXT;
    // A scrape for the page may still be under way, which others then share.
    await until(
      async () => (await scrape(origin)).text === SMALL.replaceAll(":", "_"),
      "the small body",
    );
    const { peakRssKib } = await readUsage([service.pid]);
    assert(peakRssKib < MEMORY_LIMIT_KIB, `${Math.round(peakRssKib / 1_024)} MiB`);
  },
);
