import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Host, Terminal } from "../../lib/commands/host.ts";
import { top } from "../../lib/commands/top/top.ts";
import { HistoryStore } from "../../lib/history/store.ts";
import { startDashboard } from "../dashboard/pages.ts";
import { until } from "../fakes.ts";
import { closedPort, serveHttp } from "../net/fakes.ts";
import { fakeHost, type FakeOutput, withoutColours } from "./fake_host.ts";
import { run, startServe } from "./process.ts";

/** A process that `top` runs in, and what a person does to it. */
interface Sitting {
  readonly host: Host;
  readonly output: () => FakeOutput;
  /** Sends SIGINT. */
  interrupt(): void;
  /** Presses a key. */
  press(key: string): void;
  /** Whether keys are listened to. */
  readonly listens: () => boolean;
}

/** What a person sits at. */
interface Seat {
  /** The size of the terminal; none without. */
  readonly size?: ReturnType<Terminal["size"]>;
  /** The environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Sits down at a process. */
function sit(args: readonly string[], { size, env = {} }: Seat = {}): Sitting {
  const { host, output } = fakeHost({ args, stdin: new ReadableStream() });
  let stop = (): void => {};
  let onKey: ((key: string) => void) | undefined;
  const terminal: Terminal = {
    size: () => size ?? { columns: 0, rows: 0 },
    onKey(press): () => void {
      onKey = press;
      return () => onKey = undefined;
    },
  };
  return {
    host: {
      ...host,
      env,
      terminal: () => size === undefined ? undefined : terminal,
      onStopSignal(listener): () => void {
        stop = listener;
        return () => stop = (): void => {};
      },
    },
    output,
    interrupt: () => stop(),
    press: (key) => onKey?.(key),
    listens: () => onKey !== undefined,
  };
}

/** One server, scraped a moment ago. */
function scrapedNow(): HistoryStore {
  const history = new HistoryStore({ instances: ["vllm-a"] });
  const body = new TextEncoder().encode(
    'vllm_num_requests_running{model_name="m",engine="0"} 7\n' +
      'vllm_num_requests_waiting{model_name="m",engine="0"} 60\n',
  );
  history.add({ instance: "vllm-a", timeMs: Date.now() - 1_000, body });
  return history;
}

Deno.test("top --once prints servers, tiles and findings, and ends", async () => {
  await using service = startDashboard({ history: scrapedNow() });
  const sitting = sit(["--once", "--url", service.origin]);
  assertEquals(await top.run(sitting.host), 0);
  const { stdout, stderr } = sitting.output();
  assertEquals(stderr, "");
  assertMatch(stdout, /^vllm-metrics [\d.]+ {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}last 5 min\n/);
  assertMatch(stdout, /\nup {8}vllm-a {2}scraped [\d.]+ m?s ago\n/);
  assertMatch(stdout, /\nRunning +7 requests\b/);
  assertMatch(stdout, /\nWaiting +60 requests {2}■ critical/);
  assertMatch(stdout, /\nTTFT p95 +(?:no traffic|collecting, needs 1 min)\n/);
  assertStringIncludes(stdout, "\nNo diagnosis yet, but a metric below is critical.\n");
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f]/.test(stdout), "plain text has no control characters");
});

Deno.test("top --json prints the view of the API", async () => {
  await using service = startDashboard({ history: scrapedNow(), updateMs: 60_000 });
  const sitting = sit(["--once", "--json", "--window", "15m", "--url", service.origin]);
  assertEquals(await top.run(sitting.host), 0);
  const reply = await fetch(`${service.origin}/api/v1/view?window=900`);
  assertEquals(sitting.output().stdout, `${await reply.text()}\n`);
});

Deno.test("top hands model, engine and instance on", async () => {
  await using service = startDashboard({ history: scrapedNow() });
  const words = ["--model", "m", "--engine", "0", "--instance", "vllm-a"];
  const sitting = sit(["--once", "--json", ...words, "--url", `${service.origin}/`]);
  assertEquals(await top.run(sitting.host), 0);
  assertEquals(JSON.parse(sitting.output().stdout).selection, {
    instance: "vllm-a",
    model: "m",
    engine: "0",
  });
});

Deno.test("top without a terminal prints one view after the other until it is interrupted", async () => {
  await using service = startDashboard({ history: scrapedNow() });
  const sitting = sit(["--json", "--url", service.origin]);
  const ended = top.run(sitting.host);
  await until(() => sitting.output().stdout.split("\n").length > 3, "three views");
  sitting.interrupt();
  assertEquals(await ended, 0);
  const times = sitting.output().stdout.trim().split("\n").map((line) => JSON.parse(line).timeMs);
  assertEquals(new Set(times).size, times.length);
});

Deno.test("top on a terminal draws in place, and gives the screen back when q is pressed", async () => {
  await using service = startDashboard({ history: scrapedNow() });
  const sitting = sit(["--url", service.origin], { size: { columns: 100, rows: 12 } });
  const ended = top.run(sitting.host);
  await until(() => sitting.output().stdout.split("\x1b[H").length > 3, "three pictures");
  sitting.press("x");
  sitting.press("q");
  assertEquals(await ended, 0);
  const { stdout } = sitting.output();
  const [enter, ...pictures] = stdout.split("\x1b[H");
  assertEquals(enter, "\x1b[?1049h\x1b[?25l");
  assert(stdout.endsWith("\x1b[?25h\x1b[?1049l"));
  assertEquals(sitting.listens(), false);
  const lines = (pictures[0] ?? "").split("\r\n");
  assertEquals(lines.length, 12);
  assertMatch(lines.at(-1) ?? "", /^q quits; \d+ more lines do not fit/);
  assertStringIncludes(pictures[0] ?? "", "\x1b[31m■ critical");
});

Deno.test("top gives the screen back when it is interrupted", async () => {
  await using service = startDashboard({ history: scrapedNow() });
  const sitting = sit(["--url", service.origin], { size: { columns: 80, rows: 24 } });
  const ended = top.run(sitting.host);
  await until(() => sitting.output().stdout.includes("Running"), "a picture");
  sitting.interrupt();
  assertEquals(await ended, 0);
  assert(sitting.output().stdout.endsWith("\x1b[?25h\x1b[?1049l"));
});

Deno.test("top has no colours where NO_COLOR says so, and no line is too long", async () => {
  await using service = startDashboard({ history: scrapedNow() });
  const sitting = sit(["--url", service.origin], {
    size: { columns: 40, rows: 50 },
    env: { NO_COLOR: "1" },
  });
  const ended = top.run(sitting.host);
  await until(() => sitting.output().stdout.includes("q quits"), "a picture");
  sitting.press("q");
  await ended;
  const { stdout } = sitting.output();
  assertEquals(withoutColours(stdout), stdout);
  const picture = stdout.split("\x1b[H")[1] ?? "";
  for (const line of picture.split("\x1b[K\r\n")) assert(line.length <= 60, line);
});

Deno.test("top says when the service is not there", async () => {
  const url = `http://127.0.0.1:${closedPort()}`;
  const sitting = sit(["--url", url], { size: { columns: 80, rows: 24 } });
  assertEquals(await top.run(sitting.host), 1);
  const { stdout, stderr } = sitting.output();
  assertEquals(
    stderr,
    `vllm-metrics top: Cannot reach "${url}": no connection. Is vllm-metrics running?\n`,
  );
  assert(stdout.endsWith("\x1b[?25h\x1b[?1049l"), "the sentence stays on the screen");
});

Deno.test("top says when something else answers", async () => {
  await using html = serveHttp(() => new Response("<html>", { status: 404 }));
  await using other = serveHttp(() => new Response("data: {}\n\n"));
  const expected = { [html.origin]: "it answered 404", [other.origin]: "it sent no view" };
  for (const [origin, problem] of Object.entries(expected)) {
    const sitting = sit(["--once", "--url", origin]);
    assertEquals(await top.run(sitting.host), 1);
    assertEquals(
      sitting.output().stderr,
      `vllm-metrics top: Cannot reach "${origin}": ${problem}. ` +
        "Is this the address of vllm-metrics?\n",
    );
  }
});

Deno.test("top waits for a service that went away", async () => {
  const sitting = sit([], { size: { columns: 80, rows: 24 } });
  const service = startDashboard({ history: scrapedNow() });
  const ended = top.run({ ...sitting.host, args: ["--url", service.origin] });
  await until(() => sitting.output().stdout.includes("Running"), "a picture");
  await service[Symbol.asyncDispose]();
  await until(() => sitting.output().stdout.includes("Trying again."), "a complaint");
  sitting.press("q");
  assertEquals(await ended, 0);
});

Deno.test.each<[args: string[], sentence: string]>([
  [
    ["--window", "7"],
    '--window "7": it has no unit. Write a duration from 1m to 720h, such as "5m".',
  ],
  [
    ["--url", "localhost:9090"],
    '--url "localhost:9090": it is not an address such as http://localhost:9090',
  ],
])("top refuses %j", async (args, sentence) => {
  const sitting = sit(args);
  assertEquals(await top.run(sitting.host), 2);
  assertEquals(sitting.output().stderr, `vllm-metrics top: ${sentence}\n`);
});

Deno.test("top says which windows there are, as the option has them", async () => {
  await using service = startDashboard();
  const expected = {
    "7m": "there is no such window. Write 5m, 15m, 1h, 3h, 6h, 24h, 7d or 30d.",
    "30d": "the service has no history that long. It keeps a day, and more with HISTORY_FILE.",
  };
  for (const [window, sentence] of Object.entries(expected)) {
    const sitting = sit(["--once", "--window", window, "--url", service.origin]);
    assertEquals(await top.run(sitting.host), 2);
    assertEquals(sitting.output().stderr, `vllm-metrics top: --window "${window}": ${sentence}\n`);
  }
});

Deno.test("top refuses a server that is not there with 2", async () => {
  await using service = startDashboard({ history: scrapedNow() });
  for (const words of [["--once"], []]) {
    const sitting = sit([...words, "--instance", "vllm-b", "--url", service.origin]);
    assertEquals(await top.run(sitting.host), 2);
    assertEquals(
      sitting.output().stderr,
      'vllm-metrics top: Cannot create a view: unknown server "vllm-b". Did you mean "vllm-a"? ' +
        "Omit it to show all.\n",
    );
  }
});

/** Two servers with two engines each. */
function twoServers(): HistoryStore {
  const history = new HistoryStore({ instances: ["vllm-a", "vllm-b"] });
  for (const instance of ["vllm-a", "vllm-b"]) {
    const lines = ["0", "1"].map((engine) =>
      `vllm_num_requests_running{model_name="m",engine="${engine}"} ${Number(engine) + 3}\n`
    );
    const body = new TextEncoder().encode(lines.join(""));
    for (const agoMs of [20_000, 10_000, 1_000]) {
      history.add({ instance, timeMs: Date.now() - agoMs, body });
    }
  }
  return history;
}

Deno.test("top shows a line for each server and each engine", async () => {
  await using service = startDashboard({ history: twoServers() });
  const sitting = sit(["--once", "--url", service.origin]);
  assertEquals(await top.run(sitting.host), 0);
  const { stdout } = sitting.output();
  assertMatch(stdout, /\nServer .*Running.*\nvllm-a +7 .*\nvllm-b +7 /);
  assertMatch(
    stdout,
    /\nEngine .*Running.*\nvllm-a, engine 0 .* 3 requests.*\nvllm-a, engine 1 .* 4 /,
  );
});

Deno.test("keys of top change window and server, pause, and show the keys", async () => {
  await using service = startDashboard({ history: twoServers() });
  const sitting = sit(["--url", service.origin], { size: { columns: 120, rows: 60 } });
  const ended = top.run(sitting.host);
  const seen = (text: string): Promise<true> =>
    until(() => sitting.output().stdout.includes(text) || undefined, text);
  await seen("last 5 min");
  sitting.press("w");
  await seen("last 15 min");
  sitting.press("s");
  await seen("instance vllm-a");
  sitting.press("s");
  await seen("instance vllm-b");
  sitting.press("h");
  await seen("s  next server, then all");
  sitting.press("p");
  await seen("PAUSED");
  sitting.press("q");
  assertEquals(await ended, 0);
});

Deno.test("top shows two tiles in a line where the terminal is wide enough", async () => {
  await using service = startDashboard({ history: scrapedNow() });
  const sitting = sit(["--url", service.origin], {
    size: { columns: 220, rows: 60 },
    env: { NO_COLOR: "1" },
  });
  const ended = top.run(sitting.host);
  await until(() => sitting.output().stdout.includes("q quits") || undefined, "a picture");
  sitting.press("q");
  await ended;
  assertMatch(sitting.output().stdout, /Waiting.* 60 requests .*Preemptions/);
});

Deno.test("top finds the service that LISTEN_ADDRESS names, whatever proxy is in use", async () => {
  await using service = await startServe({
    env: { VLLM_METRICS_URL: `http://127.0.0.1:${closedPort()}`, SCRAPE_INTERVAL: "1s" },
  });
  const { port } = new URL(await service.origin());
  const { code, stdout, stderr } = await run(["top", "--once"], {
    env: {
      LISTEN_ADDRESS: `0.0.0.0:${port}`,
      HTTP_PROXY: `http://127.0.0.1:${closedPort()}`,
    },
  });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /\ndown {6}127\.0\.0\.1:\d+ {2}for [\d.]+ m?s\n/);
  assertStringIncludes(stdout, "■ critical: A server is down");
});
