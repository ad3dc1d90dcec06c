import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { startServe } from "../commands/process.ts";
import { serveCapture, until } from "../fakes.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";
import { ACCOUNT, PARSEABLE, type Row, startParseable } from "./parseable.ts";

const FLUENT_BIT = Deno.env.get("FLUENT_BIT");
const CONFIGURATION = new URL("../../fluent-bit.conf", import.meta.url);

/**
 * Columns in which the roads differ on purpose: when and by whom a row was sent; the push knows
 * since when a counter counts, which server it is of and who made the request.
 */
const DIFFERENT = /^p_|^(?:start_)?time_unix_nano$|^__series_hash|^service\.|^(?:scope|resource)_/;

/** The rows of one of the scrapes in a stream, without those columns. */
function comparable(rows: readonly Row[]): string[] {
  const time = rows[0]?.["time_unix_nano"];
  return rows.filter((row) => row["time_unix_nano"] === time).map((row) =>
    JSON.stringify(
      Object.entries(row).filter(([name]) => !DIFFERENT.test(name))
        .toSorted(([one], [other]) => one < other ? -1 : 1),
    )
  ).toSorted();
}

/** Runs Fluent Bit with the project's configuration, scraping vLLM alone. */
async function startFluentBit(
  folder: string,
  ports: { readonly metrics: string; readonly otlp: string },
): Promise<AsyncDisposable> {
  const text = (await Deno.readTextFile(CONFIGURATION))
    .replace(/\[INPUT\]\n\s+name\s+prometheus_scrape\n\s+alias\s+proxy\n(?:.*\S.*\n)+/, "")
    .replace(/\[INPUT\]\n\s+name\s+fluentbit_metrics\n(?:.*\S.*\n)+/, "")
    .replaceAll(/^(\s+host\s+)proxy$/gm, "$1127.0.0.1")
    .replace(/^(\s+port\s+)9090$/m, `$1${ports.metrics}`)
    .replace(/^(\s+port\s+)4318$/m, `$1${ports.otlp}`)
    .replace(/^(\s+http_port\s+)2020$/m, `$1${closedPort()}`)
    .replace("/fluent-bit/storage", `${folder}/storage`);
  await Deno.writeTextFile(`${folder}/fluent-bit.conf`, text);
  const child = new Deno.Command(FLUENT_BIT ?? "fluent-bit", {
    args: ["-c", `${folder}/fluent-bit.conf`],
    env: { ...ACCOUNT, PARSEABLE_STREAM: "piped", SCRAPE_INTERVAL: "1s" },
    clearEnv: true,
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

Deno.test({
  name: "Fluent Bit and the push make the same rows in Parseable (needs FLUENT_BIT, PARSEABLE)",
  ignore: FLUENT_BIT === undefined || PARSEABLE === undefined,
  async fn(test): Promise<void> {
    for (const name of ["during-load-c40", "rust33-during-load", "dp2-during-load"]) {
      await test.step(name, async () => {
        const folder = await Deno.makeTempDir();
        await using parseable = await startParseable();
        await using vllm = serveCapture(name);
        const otlp = String(closedPort());
        await using service = await startServe({
          env: {
            ...ACCOUNT,
            VLLM_METRICS_URL: `${vllm.origin}/metrics`,
            PARSEABLE_URL: parseable.origin,
            PARSEABLE_PUSH: "true",
            PARSEABLE_STREAM: "pushed",
            OTEL_METRIC_EXPORT_INTERVAL: "1000",
            OTLP_LISTEN_ADDRESS: `127.0.0.1:${otlp}`,
          },
        });
        const metrics = new URL(await service.origin()).port;
        try {
          await using _fluentBit = await startFluentBit(folder, { metrics, otlp });
          const rowsOf = (stream: string, more = ""): Promise<Row[]> =>
            until(async () => {
              const rows = await parseable.query(`SELECT * FROM ${stream} ${more}`);
              return rows.length > 0 ? rows : undefined;
            }, `rows in ${stream}`);
          const piped = comparable(await rowsOf("piped"));
          const pushed = comparable(await rowsOf("pushed", `WHERE "service.name" = 'vllm'`));

          assert(piped.length > 50, `${piped.length} rows`);
          assertEquals(pushed, piped);
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      });
    }
  },
});

Deno.test({
  name:
    "SIGKILL of service and Parseable in turn: all that was queued is stored, and nothing acknowledged twice (needs PARSEABLE)",
  ignore: PARSEABLE === undefined,
  async fn(): Promise<void> {
    const data = new URL("../../data", import.meta.url).pathname;
    await Deno.mkdir(data, { recursive: true });
    const folder = await Deno.makeTempDir({ dir: data });
    try {
      await using parseable = await startParseable();
      let scrapes = 0;
      await using vllm = serveHttp(() =>
        new Response(`# TYPE vllm:n gauge\nvllm:n ${++scrapes}\n`)
      );
      // Between the two, so that it is known what was acknowledged.
      const acknowledged: number[] = [];
      let isHeld = false;
      let onHeld = (): void => {};
      await using gate = serveHttp(async (request) => {
        const { pathname } = new URL(request.url);
        const { headers, method } = request;
        const body = await request.text();
        if (isHeld) {
          onHeld();
          return new Response(null, { status: 503 });
        }
        try {
          const response = await fetch(parseable.origin + pathname, { method, headers, body });
          await response.bytes();
          if (response.ok) acknowledged.push(numberIn(body));
          return new Response(null, { status: response.status });
        } catch {
          return new Response(null, { status: 502 });
        }
      });
      const path = `${folder}/queue.db`;
      const env = {
        ...ACCOUNT,
        VLLM_METRICS_URL: `${vllm.origin}/metrics`,
        PARSEABLE_URL: gate.origin,
        PARSEABLE_PUSH: "true",
        PARSEABLE_STREAM: "pushed",
        OTEL_METRIC_EXPORT_INTERVAL: "100",
        OTLP_QUEUE_FILE: path,
        OTLP_LISTEN_ADDRESS: `127.0.0.1:${closedPort()}`,
      };
      const queued = new Set<number>();
      for (let round = 0; round < 3; round++) {
        await using service = await startServe({ env });
        const more = (count: number): Promise<unknown> => {
          const wanted = acknowledged.length + count;
          return until(() => acknowledged.length >= wanted || undefined, "acknowledgements");
        };
        await more(5);
        // At any moment of a request.
        await parseable.kill();
        const outage = scrapes;
        await until(() => scrapes >= outage + 5 || undefined, "scrapes during the outage");
        await parseable.start();
        await more(10);
        // What was acknowledged is noted when the next request comes.
        const held = new Promise<void>((resolve) => onHeld = resolve);
        isHeld = true;
        await held;
        const kept = scrapes;
        await until(() => scrapes >= kept + 5 || undefined, "scrapes in the queue");
        service.kill("SIGKILL");
        await service.code;
        isHeld = false;
        using database = new DatabaseSync(path, { readOnly: true });
        for (const { body } of database.prepare("SELECT body FROM request").all()) {
          if (body instanceof Uint8Array) queued.add(numberIn(new TextDecoder().decode(body)));
        }
      }
      const last = scrapes;
      await using _service = await startServe({ env });
      await until(() => acknowledged.some((number) => number > last) || undefined, "the end");
      const wanted = new Set([...queued, ...acknowledged]);
      const isStored = async (): Promise<number[] | undefined> => {
        const rows = await parseable.query(
          "SELECT data_point_value AS n FROM pushed WHERE metric_name = 'vllm_n'",
        );
        const numbers = rows.map(({ n }) => Number(n));
        return wanted.difference(new Set(numbers)).size === 0 ? numbers : undefined;
      };
      // What Parseable recovers of its staging is visible after its next sync, about 40 s.
      let stored = await isStored();
      for (let look = 0; stored === undefined && look < 12; look++) {
        stored = await until(isStored, "the rows").catch(() => undefined);
      }
      if (stored === undefined) throw new Error("rows are missing");
      const rows = stored;

      assertEquals([...queued].filter((number) => !acknowledged.includes(number)), []);
      assertEquals(acknowledged.length, new Set(acknowledged).size);
      // Twice are only requests during which Parseable was killed: at most one each time.
      const twice = rows.filter((number, index) => rows.indexOf(number) !== index);
      assert(twice.length <= 3, `${twice}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** The number that the server had at the scrape of a request. */
function numberIn(body: string): number {
  return Number(/"name":"vllm_n".*?"asDouble":(\d+)/.exec(body)?.[1]);
}
