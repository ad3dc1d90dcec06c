import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { HistoryFile } from "../../lib/history/history_file.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { createLogger } from "../../lib/log.ts";
import { seriesOf, until } from "../fakes.ts";
import { type FakeServer, serveHttp } from "../net/fakes.ts";
import { run, startServe } from "./process.ts";

/** Where the service may write: the permissions of `deno.json` say so. */
const DATA = new URL("../../data", import.meta.url).pathname;

/** A folder that the service may write in. */
class Folder implements Disposable {
  readonly path: string;

  constructor() {
    Deno.mkdirSync(DATA, { recursive: true });
    this.path = Deno.makeTempDirSync({ dir: DATA });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A vLLM that has served one more request at each scrape. */
function countingServer(): FakeServer {
  let count = 0;
  return serveHttp(() => new Response(`vllm:request_success_total ${++count}\n`));
}

function environment(vllm: FakeServer, file: string): Record<string, string> {
  return { VLLM_METRICS_URL: vllm.origin, HISTORY_FILE: file, SCRAPE_INTERVAL: "100ms" };
}

/** Lets a service run until its file has some scrapes, then kills it. */
async function runAndKill(vllm: FakeServer, file: string): Promise<void> {
  await using service = await startServe({ env: environment(vllm, file) });
  const origin = await service.origin();
  await until(async () => {
    const series = seriesOf(await (await fetch(`${origin}/-/metrics`)).text());
    return (series.get("vllm_metrics_history_scrapes_total") ?? 0) >= 3 || undefined;
  }, "three scrapes that nobody asked for");
  service.kill("SIGKILL");
  await service.code;
}

Deno.test("a history file survives being killed again and again", async () => {
  using folder = new Folder();
  const file = `${folder.path}/history.db`;
  await using vllm = countingServer();
  for (let time = 0; time < 3; time++) await runAndKill(vllm, file);

  const database = new DatabaseSync(file);
  const check = database.prepare("PRAGMA integrity_check").get();
  database.close();
  assertEquals(check?.integrity_check, "ok");
  const log = createLogger({ level: "error", format: "text", write: () => {}, now: () => 0 });
  using archive = new HistoryFile({ path: file, retentionMs: 3_600_000, log });
  const store = new HistoryStore({ instances: [new URL(vllm.origin).host], archive });
  const { oldestMs = 0, newestMs = 0 } = store;
  const grid = { startMs: oldestMs, endMs: newestMs, stepMs: newestMs - oldestMs };
  const [line] = store.gauge({ metric: "request_success_total", grid });
  const [first, last] = line?.values ?? [];
  assertEquals(first, 1);
  // Each life of three scrapes at least has left its first one.
  assert((last ?? 0) >= 7, `the last count kept is ${last}`);
});

Deno.test("a second service on one history file does without it, until the first is gone", async () => {
  using folder = new Folder();
  const file = `${folder.path}/history.db`;
  await using vllm = countingServer();
  const upOf = async (origin: string): Promise<number | undefined> =>
    seriesOf(await (await fetch(`${origin}/-/metrics`)).text()).get("vllm_metrics_history_file_up");
  await using first = await startServe({ env: environment(vllm, file) });
  assertEquals(await upOf(await first.origin()), 1);
  {
    await using second = await startServe({ env: environment(vllm, file) });
    const origin = await second.origin();
    assertEquals(await upOf(origin), 0);
    const reply = await fetch(`${origin}/metrics`);
    assertEquals(reply.status, 200);
    assert((await reply.text()).includes("vllm_request_success_total"));
    assert(second.log.all.some((line) => line.includes("another service keeps its own there")));
  }
  first.kill("SIGKILL");
  await first.code;
  await using third = await startServe({ env: environment(vllm, file) });
  assertEquals(await upOf(await third.origin()), 1);
});

Deno.test("a service that is asked to stop writes its last scrape", async () => {
  using folder = new Folder();
  const file = `${folder.path}/history.db`;
  await using vllm = countingServer();
  await using service = await startServe({ env: environment(vllm, file) });
  await service.origin();
  await until(() => vllm.requests.length >= 3 || undefined, "three scrapes");
  service.kill("SIGTERM");
  assertEquals(await service.code, 0);
  const database = new DatabaseSync(file);
  const rows = database.prepare("SELECT count(*) AS count FROM scrape").get()?.count;
  database.close();
  // The first, and the last before the end; those between may be of one half minute.
  assert(Number(rows) >= 2, `${rows} rows`);
});

/** Starts a service whose file cannot be used; it serves all the same, and says why. */
async function servesWithout(file: string, ...problems: string[]): Promise<void> {
  await using vllm = countingServer();
  await using service = await startServe({ env: environment(vllm, file) });
  const origin = await service.origin();
  const reply = await fetch(`${origin}/metrics`);
  assertEquals(reply.status, 200);
  assert((await reply.text()).includes("vllm_request_success_total"));
  const own = seriesOf(await (await fetch(`${origin}/-/metrics`)).text());
  assertEquals(own.get("vllm_metrics_history_file_up"), 0);
  const lines = service.log.all.filter((line) => line.includes("memory only"));
  assertEquals(lines.length, 1);
  for (const problem of problems) assert(lines[0]?.includes(problem), lines[0]);
  assert(!service.log.all.some((line) => line.includes("    at ")));
}

Deno.test("a history file whose tables are damaged costs a line, not the service", async () => {
  using folder = new Folder();
  const file = `${folder.path}/history.db`;
  await using vllm = countingServer();
  await runAndKill(vllm, file);
  const database = new DatabaseSync(file);
  database.exec("DROP TABLE block");
  database.close();
  await servesWithout(file, "Cannot use the history");
});

Deno.test("a history file where the service may not write costs a line that says where it may", async () => {
  await servesWithout(
    "/tmp/history.db",
    "the service may not write there",
    "Put it into data/, /data or /var/lib/vllm-metrics.",
  );
});

Deno.test("a history file that is a folder ends the service with a sentence", async () => {
  using folder = new Folder();
  await using vllm = countingServer();
  const { code, stderr } = await run(["serve"], {
    env: { ...environment(vllm, folder.path), LISTEN_ADDRESS: "127.0.0.1:0" },
  });
  assertEquals(code, 1);
  assert(stderr.includes(`Cannot use the history \\"${folder.path}\\": it is a folder`), stderr);
  assert(!stderr.includes("    at "), stderr);
});

Deno.test("a link does not lead the history file out of where the service may write", async () => {
  using folder = new Folder();
  const outside = await Deno.makeTempDir();
  try {
    await Deno.symlink(`${outside}/new.db`, `${folder.path}/new.db`);
    await Deno.symlink(outside, `${folder.path}/folder`);
    for (const file of [`${folder.path}/new.db`, `${folder.path}/folder/new.db`]) {
      await servesWithout(file, "the service may not write there");
      assertEquals(await Array.fromAsync(Deno.readDir(outside)), [], file);
    }
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});
