import { runCommand } from "../../lib/commands/mod.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { demo } from "../../lib/commands/demo.ts";
import type { Host } from "../../lib/commands/host.ts";
import type { View } from "../../lib/dashboard/view.ts";
import { seriesOf, until, within } from "../fakes.ts";
import { fakeHost } from "./fake_host.ts";

/** When the demo starts, by its host's clock. */
const START_MS = 1_795_491_911_036;

/** A demo in this process, with real listeners and a clock that a test sets. */
interface RunningDemo extends AsyncDisposable {
  readonly code: Promise<number>;
  /** Waits until it listens; gives the page's address, the simulated server's, and its output. */
  ready(): Promise<{ page: string; vllm: string; stdout: string }>;
  stderr(): string;
  refusedListens(): number;
  /** Sets the clock to so many seconds behind the start. */
  setSeconds(seconds: number): void;
  stop(): void;
}

function startDemo(args: readonly string[], env: Record<string, string> = {}): RunningDemo {
  const { host, output } = fakeHost({ args, stdin: ReadableStream.from([]) });
  let nowMs = START_MS;
  let refusedListens = 0;
  const stops = new Set<() => void>();
  const stop = (): void => [...stops].forEach((each) => each());
  const code = Promise.resolve(demo.run({
    ...host,
    env: { LISTEN_ADDRESS: "127.0.0.1:0", ...env },
    now: () => nowMs,
    listen: (options) => {
      try {
        return listen(options);
      } catch (error) {
        refusedListens++;
        throw error;
      }
    },
    onStopSignal: (each) => {
      stops.add(each);
      return () => stops.delete(each);
    },
  }));
  return {
    code,
    ready: () =>
      until(() => {
        const { stdout, stderr } = output();
        const page = /Open (http:\/\/localhost:\d+\/)/.exec(stdout)?.[1];
        const vllm = /upstream="?(http:\S+?)\/metrics/.exec(stderr)?.[1];
        return page && vllm ? { page, vllm, stdout } : undefined;
      }, "the demo to listen"),
    stderr: () => output().stderr,
    refusedListens: () => refusedListens,
    setSeconds: (seconds) => nowMs = START_MS + seconds * 1_000,
    stop,
    async [Symbol.asyncDispose](): Promise<void> {
      stop();
      await within(code, () => "the demo did not stop");
    },
  };
}

const listen: Host["listen"] = ({ hostname, port, handler }) => {
  const server = Deno.serve({ hostname, port, onListen: () => {} }, handler);
  const { finished } = server;
  return { port: server.addr.port, finished, shutdown: () => server.shutdown() };
};

/** Runs the demo with words that it does not like. */
async function refuse(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const { host, output } = fakeHost({ args: ["demo", ...args], stdin: ReadableStream.from([]) });
  const code = await runCommand(host);
  assertEquals(output().stdout, "");
  return { code, lines: output().stderr.trimEnd().split("\n") };
}

Deno.test("demo needs no setting, says where the page is, and has percentiles at once", async () => {
  await using running = startDemo([]);
  const { page, stdout } = await running.ready();
  assertMatch(stdout, /^Open http:\/\/localhost:\d+\/ \(steady: [^\n]+\)\.\n$/);
  const series = seriesOf(await (await fetch(`${page}metrics`)).text());
  const labels = '{engine="0",model_name="meta-llama/Llama-3.1-8B-Instruct"}';
  assert((series.get(`vllm_time_to_first_token_seconds_count${labels}`) ?? 0) > 300);
  assert(!running.stderr().includes("ignored"));
  running.stop();
  assertEquals(await running.code, 0);
});

Deno.test("the first look at the page of a demo shows charts that are full", async () => {
  await using running = startDemo([]);
  const { page } = await running.ready();
  const { charts, tiles, findings }: View = await (await fetch(`${page}api/v1/view`)).json();
  for (const id of ["ttft", "inter_token", "per_output_token", "e2e", "queue_time"]) {
    const chart = charts.find((candidate) => candidate.id === id);
    assertEquals(chart?.series.map(({ name }) => name), ["p50", "p95", "p99"], id);
    for (const { values } of chart?.series ?? []) {
      // Five minutes in steps of two seconds.
      assertEquals([values.length, values.includes(null)], [151, false], id);
    }
  }
  assertEquals(tiles.filter(({ value }) => value === null).map(({ id }) => id), []);
  assertEquals(findings, []);
});

Deno.test("the page of a demo with many servers shows something at once", async () => {
  await using running = startDemo(["--servers", "4", "--engines", "8"]);
  const { page } = await running.ready();
  const { charts, instances }: View = await (await fetch(`${page}api/v1/view`)).json();
  assertEquals(instances, ["demo-1", "demo-2", "demo-3", "demo-4"]);
  const lines = charts.find(({ id }) => id === "servers_tokens")?.series ?? [];
  assertEquals(lines.length, 4);
  for (const { values } of lines) assert(values.filter((value) => value !== null).length > 30);
});

Deno.test("demo shows so many engines as were asked for, and the Rust front end", async () => {
  await using running = startDemo(["--engines", "3", "--openmetrics", "--seed=9"]);
  const { page, vllm } = await running.ready();
  const text = await (await fetch(`${page}metrics`)).text();
  const engines = text.match(/^vllm_num_requests_running\{.*?engine="\d"/gm);
  assertEquals(engines?.map((line) => line.slice(-2)), ['0"', '1"', '2"']);
  const raw = await fetch(`${vllm}/metrics`);
  assertMatch(raw.headers.get("content-type") ?? "", /^application\/openmetrics-text/);
  assert((await raw.text()).endsWith("# EOF\n"));
});

Deno.test("demo shows several servers, each with traffic of its own", async () => {
  await using running = startDemo(["--servers", "3"]);
  const { page } = await running.ready();
  const text = await (await fetch(`${page}metrics`)).text();
  const tokens = [...text.matchAll(/^vllm_generation_tokens_total\{(.*)\} (.*)$/gm)];
  const names = tokens.map(([, labels = ""]) => /="(demo-\d)"/.exec(labels)?.[1]);
  assertEquals(names, ["demo-1", "demo-2", "demo-3"]);
  assertEquals(new Set(tokens.map(([, , value]) => value)).size, 3);
});

Deno.test("demo lives by the clock: time that passes is traffic that came", async () => {
  await using running = startDemo([]);
  const { vllm } = await running.ready();
  const generated = async (): Promise<number> => {
    const series = seriesOf(await (await fetch(`${vllm}/metrics`)).text());
    return [...series].find(([name]) => name.startsWith("vllm:generation_tokens_total"))?.[1] ?? 0;
  };
  const before = await generated();
  running.setSeconds(30);
  const after = await until(async () => {
    const now = await generated();
    return now > before ? now : undefined;
  }, "tokens");
  assert(after - before > 5_000, `${after - before}`);
});

/** Waits until nobody listens on a port. */
async function refusal(port: string): Promise<void> {
  await until(async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })).close();
      return undefined;
    } catch (error) {
      return error instanceof Deno.errors.ConnectionRefused ? true : undefined;
    }
  }, "connections to be refused");
}

Deno.test("in an outage connections are refused, and the server comes back on its port", async () => {
  await using running = startDemo(["--scenario", "outage"]);
  const { page, vllm } = await running.ready();
  const { port } = new URL(vllm);
  const created = async (): Promise<string | undefined> => {
    const text = await (await fetch(`${vllm}/metrics`)).text();
    return /^vllm:prompt_tokens_created\{.*\} (.*)$/m.exec(text)?.[1];
  };
  const first = await created();
  running.setSeconds(95);
  await refusal(port);
  const down = await fetch(`${page}metrics`);
  assertEquals(down.status, 502);
  assertMatch(await down.text(), /: connection refused\. /);
  running.setSeconds(125);
  const back = await until(async () => {
    const response = await fetch(`${page}metrics`);
    const text = await response.text();
    return response.ok ? text : undefined;
  }, "the server to come back");
  assertMatch(back, /^vllm_num_requests_running\{/m);
  assert(Number(await created()) - Number(first) > 300);
});

Deno.test("a port that somebody else took in an outage is taken back when it is free", async () => {
  await using running = startDemo(["--scenario", "outage"]);
  const { vllm } = await running.ready();
  const { port } = new URL(vllm);
  running.setSeconds(95);
  await refusal(port);
  const thief = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
  const refused = running.refusedListens();
  running.setSeconds(125);
  await until(() => running.refusedListens() > refused + 1 || undefined, "two more tries");
  thief.close();
  const response = await until(
    () => fetch(`${vllm}/version`).catch(() => undefined),
    "the server to come back",
  );
  assertEquals(await response.json(), { version: "0.33.0" });
});

Deno.test("demo ignores VLLM_METRICS_URL with one line and keeps the other settings", async () => {
  await using running = startDemo([], {
    VLLM_METRICS_URL: "http://192.0.2.1:8000/metrics",
    LOG_FORMAT: "text",
    LISTEN_ADDRESS: "127.0.0.1:0",
  });
  const { vllm } = await running.ready();
  assertMatch(vllm, /^http:\/\/127\.0\.0\.1:\d+$/);
  const lines = running.stderr().split("\n").filter((line) => line.includes("ignored"));
  assertEquals(lines, [
    "vllm-metrics demo: VLLM_METRICS_URL is ignored: the demo has its own vLLM.",
  ]);
});

Deno.test("demo writes no simulated number into the history file of the settings", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using running = startDemo([], { HISTORY_FILE: `${folder}/history.db` });
    const { page } = await running.ready();
    await (await fetch(`${page}api/v1/view`)).body?.cancel();
    running.stop();
    assertEquals(await running.code, 0);
    assertMatch(running.stderr(), /HISTORY_FILE is ignored: simulated numbers are not written/);
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("demo ends with 2 on a bad setting, as serve does", async () => {
  await using running = startDemo([], { LOG_LEVEL: "loud" });
  assertEquals(await running.code, 2);
  assertMatch(running.stderr(), /LOG_LEVEL/);
});

Deno.test("demo ends with 1 when the service cannot listen", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using running = startDemo([], { LISTEN_ADDRESS: `127.0.0.1:${taken.addr.port}` });
  assertEquals(await running.code, 1);
  assertMatch(running.stderr(), /the port is in use/);
});

Deno.test.each<[string[], string]>([
  [["--scenario", "stedy"], '--scenario must be steady, busy, burst, outage or sleep: "stedy".'],
  [["--scenario"], '--scenario must be steady, busy, burst, outage or sleep: "".'],
  [["--engines", "0"], '--engines must be a whole number from 1 to 32: "0".'],
  [["--servers", "9"], '--servers must be a whole number from 1 to 8: "9".'],
  [["--engines", "1e1"], '--engines must be a whole number from 1 to 32: "1e1".'],
  [["--seed", "4294967296"], '--seed must be a whole number from 0 to 4294967295: "4294967296".'],
  [["--seed=-1"], '--seed must be a whole number from 0 to 4294967295: "-1".'],
  [["--engine=sglang", "--openmetrics"], "--openmetrics is a text of vLLM, not of SGLang."],
  [["--engine", "2"], '--engine must be vllm or sglang: "2".'],
])("demo refuses %j in one sentence and ends with 2", async (args, sentence) => {
  const { code, lines } = await refuse(...args);
  assertEquals([code, lines[0]], [2, `vllm-metrics demo: ${sentence}`]);
});
