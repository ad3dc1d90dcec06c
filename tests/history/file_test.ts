import { assert, assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { MetricsError } from "../../lib/errors.ts";
import { HistoryFile } from "../../lib/history/history_file.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { createLogger } from "../../lib/log.ts";
import { LogLines } from "../fakes.ts";
import { addAt, buckets, grid, SERVER, START_MS, values } from "./scrapes.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TTFT = "time_to_first_token_seconds";

/** A history with a file, and the log of that file. */
interface Kept extends Disposable {
  readonly store: HistoryStore;
  readonly log: LogLines;
  readonly file: HistoryFile;
}

function open(path: string, retention = 30 * DAY, maxBytes = 1e9): Kept {
  const log = new LogLines();
  const logger = createLogger({
    level: "debug",
    format: "text",
    write: (line) => log.push(line),
    now: () => 0,
  });
  const file = new HistoryFile({
    path,
    retentionMs: retention * 1_000,
    log: logger,
    maxBytes,
  });
  const store = new HistoryStore({ instances: [SERVER], archive: file });
  return { store, log, file, [Symbol.dispose]: () => file[Symbol.dispose]() };
}

/** A folder for one test. */
class Folder implements Disposable {
  readonly #path = Deno.makeTempDirSync();

  file(name = "history.db"): string {
    return `${this.#path}/${name}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#path, { recursive: true });
  }
}

function scrape(seconds: number): string {
  return `vllm_prompt_tokens_total{engine="0"} ${seconds * 10}\n` +
    `vllm_num_requests_running{engine="0"} ${seconds}\n` +
    buckets(TTFT, [[1, seconds], [2, seconds * 2], [Infinity, seconds * 2]]);
}

/** Adds a scrape every `step` seconds from `start` to `end`. */
function fill(
  store: HistoryStore,
  start: number,
  end: number,
  step: number,
  value = (seconds: number): number => seconds,
  instance = SERVER,
): void {
  for (let seconds = start; seconds <= end; seconds += step) {
    addAt(store, seconds, scrape(value(seconds)), instance);
  }
}

function runningAt(store: HistoryStore, start: number, end = start, step = 1): unknown {
  return values(store.gauge({ metric: "num_requests_running", grid: grid(start, end, step) }));
}

/** Families that no tile shows, as vLLM's server writes them. */
const OTHERS = `# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 5
# TYPE http_requests counter
http_requests_total{handler="/v1/completions",status="2xx"} 3
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1"} 1
http_request_duration_seconds_bucket{le="+Inf"} 2
http_request_duration_seconds_sum 4
http_request_duration_seconds_count 2
# TYPE http_request_duration_seconds_created gauge
http_request_duration_seconds_created 1.7e9
`;

function rateAt(store: HistoryStore, seconds: number): number | null | undefined {
  const question = { metric: "prompt_tokens_total", grid: grid(seconds), rangeMs: 60_000 };
  const [rate] = values(store.rate(question));
  return typeof rate === "number" ? Math.round(rate * 1e6) / 1e6 : rate;
}

Deno.test("a history that is opened again is there at once", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    fill(kept.store, 0, 2 * HOUR, 10);
  }
  using kept = open(folder.file());
  const { store } = kept;
  assertEquals([store.oldestMs, store.newestMs], [START_MS, START_MS + 2 * HOUR * 1_000]);
  assertEquals(store.labelValues("engine"), ["0"]);
  assertEquals(runningAt(store, HOUR, HOUR + 60, 30), [3590, 3620, 3650]);
  assertEquals(runningAt(store, 2 * HOUR), [2 * HOUR]);
  assertEquals(rateAt(store, HOUR), 10);
  const quantile = { metric: TTFT, grid: grid(HOUR), rangeMs: 60_000 };
  assertEquals(values(store.quantiles([0.75], quantile).flat()), [1.5]);
});

Deno.test("all families are listed with their kinds and labels, from the file as well", () => {
  using folder = new Folder();
  for (let time = 0; time < 2; time++) {
    using kept = open(folder.file());
    if (time === 0) {
      addAt(kept.store, 0, OTHERS);
      addAt(kept.store, 30, OTHERS);
    }
    assertEquals(kept.store.families(), [
      { name: "http_request_duration_seconds", kind: "histogram", labels: ["instance"] },
      { name: "http_requests_total", kind: "counter", labels: ["handler", "instance", "status"] },
      { name: "process_resident_memory_bytes", kind: "gauge", labels: ["instance"] },
    ]);
    const metric = "http_request_duration_seconds_sum";
    assertEquals(values(kept.store.gauge({ metric, grid: grid(30) })), [4]);
    assertEquals(kept.store.families({ instance: "other:1" }), []);
  }
});

Deno.test("what came before and after a restart is one history", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    fill(kept.store, 0, HOUR, 10);
  }
  using kept = open(folder.file());
  fill(kept.store, HOUR + 10, HOUR + 600, 10);
  assertEquals(runningAt(kept.store, HOUR, HOUR + 20, 10), [HOUR, HOUR + 10, HOUR + 20]);
  assertEquals(rateAt(kept.store, HOUR + 30), 10);
  assertEquals(rateAt(kept.store, HOUR + 600), 10);
  assertEquals(kept.store.series, 5);
});

Deno.test("a counter that fell while the service was away has begun anew", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    addAt(kept.store, 0, "vllm_prompt_tokens_total 10\n");
    addAt(kept.store, 10, "vllm_prompt_tokens_total 20\n");
  }
  {
    using kept = open(folder.file());
    addAt(kept.store, 12, "vllm_prompt_tokens_total 5\n");
    addAt(kept.store, 28, "vllm_prompt_tokens_total 35\n");
    addAt(kept.store, 90, "vllm_prompt_tokens_total 35\n");
  }
  using kept = open(folder.file());
  const question = { metric: "prompt_tokens_total", grid: grid(90), rangeMs: 90_000 };
  // 10 before, 5 and 30 after.
  assertEquals(values(kept.store.increase(question)), [45]);
});

Deno.test("a restart of the service is none of the server, whose own are remembered", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    addAt(kept.store, 0, scrape(100));
    addAt(kept.store, 2, { error: "refused" });
    addAt(kept.store, 4, scrape(1));
  }
  using kept = open(folder.file());
  addAt(kept.store, 600, scrape(500));
  addAt(kept.store, 602, scrape(502));
  assertEquals(kept.store.restarts(SERVER, START_MS, START_MS + HOUR * 1_000), [START_MS + 4_000]);
});

Deno.test("a month is kept, the last day each half minute, the rest each five minutes", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file(), 3 * DAY);
    fill(kept.store, 0, 5 * DAY, 30);
  }
  using kept = open(folder.file(), 3 * DAY);
  const { store } = kept;
  const oldest = ((store.oldestMs ?? 0) - START_MS) / 1_000;
  assert(oldest >= 2 * DAY - 6 * HOUR && oldest <= 2 * DAY + 300, `${oldest} s`);
  assertEquals(runningAt(store, 3 * DAY + 270, 3 * DAY + 330, 30), [
    3 * DAY + 270,
    3 * DAY + 270,
    3 * DAY + 270,
  ]);
  assertEquals(runningAt(store, 4.5 * DAY, 4.5 * DAY + 60, 30), [
    4.5 * DAY,
    4.5 * DAY + 30,
    4.5 * DAY + 60,
  ]);
  assertEquals(rateAt(store, 3 * DAY), 10);
  assertEquals(rateAt(store, 4.5 * DAY), 10);
  const week = { metric: "prompt_tokens_total", grid: grid(5 * DAY), rangeMs: 2.5 * DAY * 1_000 };
  assertEquals(Math.round(values(store.increase(week))[0] ?? 0), 2.5 * DAY * 10);
});

Deno.test("old windows are read from the file while memory has the newest", () => {
  using folder = new Folder();
  using kept = open(folder.file());
  fill(kept.store, 0, 2 * DAY, 30);
  assertEquals(runningAt(kept.store, 2 * HOUR + 290), [2 * HOUR + 270]);
  assertEquals(runningAt(kept.store, 2 * DAY), [2 * DAY]);
  const question = { metric: "prompt_tokens_total", grid: grid(2 * DAY), rangeMs: 2 * DAY * 1_000 };
  assertEquals(values(kept.store.increase(question)).map((value) => Math.round(value ?? 0)), [
    2 * DAY * 10,
  ]);
});

Deno.test("series that are gone for longer than the retention are forgotten", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file(), 2 * HOUR);
    addAt(kept.store, 0, 'vllm_num_requests_running{engine="gone"} 1\n');
    fill(kept.store, 30, 6 * HOUR, 30);
  }
  using kept = open(folder.file(), 2 * HOUR);
  assertEquals(kept.store.labelValues("engine"), ["0"]);
});

Deno.test("a clock that was set back costs what was recorded from the future", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    fill(kept.store, 0, 3 * HOUR, 30);
    addAt(kept.store, 2 * HOUR, scrape(7));
    addAt(kept.store, 2 * HOUR + 30, scrape(8));
    assertEquals(runningAt(kept.store, 2 * HOUR + 30), [8]);
  }
  using kept = open(folder.file());
  assertEquals(runningAt(kept.store, 2 * HOUR + 30), [8]);
  assertEquals(kept.store.newestMs, START_MS + (2 * HOUR + 30) * 1_000);
});

Deno.test("what was read before the clock was set back is not taken for what came after", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    fill(kept.store, 0, 4 * HOUR, 30, () => 1);
  }
  using kept = open(folder.file());
  const asked = grid(3.1 * HOUR);
  assertEquals(values(kept.store.gauge({ metric: "num_requests_running", grid: asked })), [1]);
  // So long that memory has nothing of that time any more.
  fill(kept.store, 3 * HOUR, 28.5 * HOUR, 30, () => 2);
  assertEquals(values(kept.store.gauge({ metric: "num_requests_running", grid: asked })), [2]);
});

Deno.test("a series that is gone keeps its scrapes as long as others, through a pause", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file(), 31 * HOUR);
    for (let seconds = 0; seconds <= 33 * HOUR; seconds += 30) {
      const gone = seconds <= 20 * HOUR ? 'vllm_num_requests_running{engine="gone"} 5\n' : "";
      addAt(kept.store, seconds, scrape(1) + gone);
    }
    fill(kept.store, 46 * HOUR, 46.5 * HOUR, 30, () => 1);
  }
  using kept = open(folder.file(), 31 * HOUR);
  assertEquals(kept.store.labelValues("engine"), ["0", "gone"]);
  assertEquals(runningAt(kept.store, 19 * HOUR), [6]);
});

Deno.test("a file that is locked costs one line when that begins and one when it ends", () => {
  using folder = new Folder();
  using kept = open(folder.file());
  fill(kept.store, 0, 90, 30);
  const other = new DatabaseSync(folder.file());
  other.exec("BEGIN IMMEDIATE");
  fill(kept.store, 120, 240, 30);
  assertEquals(kept.file.failure === undefined, false);
  assertEquals(runningAt(kept.store, 200), [180]);
  assertEquals(kept.log.all, [
    `level=warn msg="The history is in memory only" error="Cannot use the history ` +
    `\\"${folder.file()}\\": another process uses it" ` +
    `hint="Is another copy running? Give each a file of its own."`,
  ]);
  other.exec("ROLLBACK");
  other.close();
  fill(kept.store, 270, 300, 30);
  assertEquals(kept.file.failure === undefined, true);
  assertEquals(kept.log.all.slice(1), [
    `level=info msg="The history is kept in its file again" file=${folder.file()}`,
  ]);
  kept.file.flush();
  const stored = new DatabaseSync(folder.file());
  const rows = stored.prepare(
    "SELECT time_ms FROM scrape WHERE interval_ms = 30000 ORDER BY time_ms",
  ).all();
  stored.close();
  assertEquals(
    rows.map((row) => (Number(row.time_ms) - START_MS) / 1_000),
    [0, 30, 60, 90, 120, 150, 180, 210, 240, 270, 300],
  );
});

Deno.test("a file that is moved away while it is used is missed, and used again once it is back", () => {
  using folder = new Folder();
  using kept = open(folder.file());
  fill(kept.store, 0, 60, 30);
  Deno.renameSync(folder.file(), folder.file("away.db"));
  fill(kept.store, 90, 120, 30);
  Deno.writeTextFileSync(folder.file(), "Another one");
  fill(kept.store, 150, 180, 30);
  assertEquals(kept.log.all, [
    `level=warn msg="The history is in memory only" error="Cannot use the history ` +
    `\\"${folder.file()}\\": it was moved away, replaced or removed" ` +
    `hint="Put it back, or start the service again."`,
  ]);
  assertEquals(runningAt(kept.store, 60, 180, 60), [60, 120, 180]);
  Deno.renameSync(folder.file("away.db"), folder.file());
  fill(kept.store, 210, 240, 30);
  assertEquals(kept.file.failure, undefined);
  kept.file.flush();
  const database = new DatabaseSync(folder.file(), { readOnly: true });
  const rows = database.prepare("SELECT count(DISTINCT time_ms) AS count FROM scrape").get()?.count;
  database.close();
  assertEquals(rows, 9);
});

Deno.test("a full disk costs what does not fit, and nothing that was there", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    fill(kept.store, 0, 90, 30);
  }
  // What SQLite says of a full disk, it says of a file that may not grow as well.
  using kept = open(folder.file(), 30 * DAY, 1);
  fill(kept.store, 120, 3 * HOUR, 30);
  assertEquals(kept.file.failure === undefined, false);
  assertEquals(kept.log.all.length, 1);
  assert(kept.log.all[0]?.includes("the disk or the file is full"), kept.log.all[0]);
  assertEquals(runningAt(kept.store, 60), [60]);
  assertEquals(runningAt(kept.store, 3 * HOUR), [3 * HOUR]);
});

Deno.test.each<[string, (path: string) => void, string]>([
  [
    "of a newer version",
    (path) => {
      open(path)[Symbol.dispose]();
      using database = new DatabaseSync(path);
      database.exec("PRAGMA user_version = 99");
    },
    "its version is 99, and 3 is the newest that is known here. Run the newer vllm-metrics that " +
    "made it, or set HISTORY_FILE to another path.",
  ],
  ["of another program", (path) => {
    using database = new DatabaseSync(path);
    database.exec("CREATE TABLE x (y)");
  }, "it is another program's file"],
  ["that is no SQLite file", (path) => {
    Deno.writeTextFileSync(path, "This is a text.\n".repeat(100));
  }, "it is no SQLite file"],
])("a file %s is refused and left as it is", (_, make, problem) => {
  using folder = new Folder();
  make(folder.file());
  const before = Deno.readFileSync(folder.file());
  const { code, sentence } = assertThrows(() => open(folder.file()), MetricsError);
  assertEquals(code, "HISTORY_FILE");
  assert(sentence.startsWith(`Cannot use the history "${folder.file()}": ${problem}`), sentence);
  assertEquals(Deno.readFileSync(folder.file()), before);
});

Deno.test("a second service is kept off the file, by whatever name, until the first lets go of it", () => {
  using folder = new Folder();
  Deno.symlinkSync(folder.file(), folder.file("other.db"));
  {
    using _kept = open(folder.file());
    const error = assertThrows(() => open(folder.file("other.db")), MetricsError);
    assertEquals(error.code, "HISTORY_FILE_TAKEN");
    assertEquals(
      error.sentence,
      `Cannot use the history "${folder.file("other.db")}": another service keeps its own there. ` +
        "Give each a file of its own, or end the other one and start this one again.",
    );
  }
  using kept = open(folder.file("other.db"));
  addAt(kept.store, 0, scrape(1));
  assertEquals(kept.log.all, []);
});

Deno.test("a part of the file that is damaged costs a line, not the service", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    fill(kept.store, 0, 2 * HOUR, 10);
  }
  const database = new DatabaseSync(folder.file());
  database.exec("UPDATE part SET columns = x'010203' WHERE family = 'num_requests_running'");
  database.close();
  using kept = open(folder.file());
  assertEquals(runningAt(kept.store, HOUR), [null]);
  assertEquals(kept.log.all.length, 1);
  assertEquals(rateAt(kept.store, HOUR), 10);
});

Deno.test("a server that leaves and comes back goes on where it stopped", () => {
  using folder = new Folder();
  using kept = open(folder.file());
  const { store } = kept;
  fill(store, 0, 3_000, 30);
  store.removeServer(SERVER);
  // It leaves for good when more have gone than are remembered.
  for (let other = 0; other < 20; other++) {
    store.addServer(`other:${other}`);
    addAt(store, 3_000, scrape(other), `other:${other}`);
    store.removeServer(`other:${other}`);
  }
  assertEquals(runningAt(store, 3_000), [19 * 20 / 2 - 11 * 12 / 2]);
  store.addServer(SERVER);
  const selection = { instance: SERVER };
  const at = (seconds: number): unknown =>
    values(store.gauge({ metric: "num_requests_running", grid: grid(seconds), selection }));
  assertEquals([at(60), at(3_000)], [[60], [3_000]]);
  fill(store, 3_030, 3_120, 30);
  assertEquals(at(3_060), [3_060]);
  kept.file.flush();
  const database = new DatabaseSync(folder.file());
  const twice = database.prepare(
    "SELECT 1 FROM scrape GROUP BY server, interval_ms, time_ms HAVING count(*) > 1",
  ).all();
  database.close();
  assertEquals(twice, []);
});

Deno.test("what is left of a server that is gone goes with the retention", () => {
  using folder = new Folder();
  using kept = open(folder.file(), 2 * HOUR);
  const { store } = kept;
  store.addServer("gone:1");
  fill(store, 0, HOUR, 30, undefined, "gone:1");
  fill(store, 0, 6 * HOUR, 30);
  const database = new DatabaseSync(folder.file());
  const left = database.prepare(
    `SELECT (SELECT count(*) FROM block JOIN server ON server.id = server WHERE name = 'gone:1') +
       (SELECT count(*) FROM scrape JOIN server ON server.id = server WHERE name = 'gone:1') +
       (SELECT count(*) FROM series JOIN server ON server.id = server WHERE name = 'gone:1')
       AS count`,
  ).get();
  const orphans = database.prepare(
    "SELECT count(*) AS count FROM part WHERE block NOT IN (SELECT id FROM block)",
  ).get();
  database.close();
  assertEquals([left?.count, orphans?.count], [0, 0]);
});

Deno.test("a server that comes back after more than the retention is kept again", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file(), 2 * HOUR);
    const { store } = kept;
    store.addServer("back:1");
    addAt(store, 0, scrape(1), "back:1");
    addAt(store, 30, scrape(1), "back:1");
    for (let seconds = 0; seconds <= 6 * HOUR; seconds += 30) addAt(store, seconds, "");
    addAt(store, 6 * HOUR, scrape(7), "back:1");
  }
  using kept = open(folder.file(), 2 * HOUR);
  kept.store.addServer("back:1");
  assertEquals(runningAt(kept.store, 6 * HOUR), [7]);
});

Deno.test("a server that is found while the file is locked is kept in memory", () => {
  using folder = new Folder();
  using kept = open(folder.file());
  const other = new DatabaseSync(folder.file());
  other.exec("BEGIN IMMEDIATE");
  kept.store.addServer("late:1");
  addAt(kept.store, 0, scrape(5), "late:1");
  assertEquals(runningAt(kept.store, 0), [5]);
  assertEquals(kept.log.all.length, 1);
  other.exec("ROLLBACK");
  other.close();
});

Deno.test("a file of version 0.1.0 is read, upgraded, and goes on", async () => {
  using folder = new Folder();
  const url = new URL("../testdata/history/v0.1.0.db.gz", import.meta.url);
  const stored = new Blob([await Deno.readFile(url)]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  await Deno.writeFile(folder.file(), stored);
  const last = 36 * HOUR;
  for (const end of [last, last + HOUR]) {
    using kept = open(folder.file());
    const { store } = kept;
    assertEquals([store.oldestMs, store.newestMs], [START_MS, START_MS + end * 1_000]);
    // Five minutes apart after a day, then half a minute.
    assertEquals(runningAt(store, HOUR, HOUR + 600, 300), [3_570, 3_870, 4_170]);
    assertEquals(runningAt(store, last - 60, last, 30), [last - 60, last - 30, last]);
    assertEquals([HOUR, 12 * HOUR, last - HOUR].map((at) => rateAt(store, at)), [10, 10, 10]);
    const quantile = { metric: TTFT, grid: grid(20 * HOUR), rangeMs: 60_000 };
    assertEquals(values(store.quantiles([0.75], quantile).flat()), [1.5]);
    fill(store, last + 30, last + HOUR, 30);
    assertEquals(runningAt(store, last + 600), [last + 600]);
    assertEquals(kept.log.all, []);
  }
});

Deno.test("a clock that is set back by minutes costs what was recorded after that time alone", () => {
  using folder = new Folder();
  {
    using kept = open(folder.file());
    const { store } = kept;
    fill(store, 0, 2 * HOUR, 10);
    store.cutOff(SERVER, START_MS + (2 * HOUR - 300) * 1_000);
    assertEquals(store.newestMs, START_MS + (2 * HOUR - 310) * 1_000);
    addAt(store, 2 * HOUR - 300, scrape(1));
    assertEquals(runningAt(store, 2 * HOUR - 310, 2 * HOUR - 300, 10), [2 * HOUR - 310, 1]);
  }
  using kept = open(folder.file());
  assertEquals(runningAt(kept.store, 2 * HOUR - 330, 2 * HOUR - 300, 30), [2 * HOUR - 340, 1]);
});
