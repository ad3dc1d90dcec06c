import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { top } from "../../lib/commands/top/top.ts";
import type { Finding } from "../../lib/dashboard/view.ts";
import { type CheckResult, CheckRun } from "../../lib/doctor/check_run.ts";
import { checkService } from "../../lib/doctor/service_check.ts";
import { fakeHost } from "../commands/fake_host.ts";
import { startService, type TestService, until } from "../fakes.ts";
import { type FakeServer, serveHttp } from "../net/fakes.ts";

/** Numbers of one engine. */
interface Engine {
  running: number;
  waiting: number;
  prompt: number;
  generated: number;
  steps: number;
}

/** The exposition of vLLM with these engines. */
function expositionOf(engines: readonly Engine[]): string {
  const family = (type: string, name: string, read: (engine: Engine) => number, suffix = "") =>
    `# TYPE vllm:${name} ${type}\n` +
    engines.map((engine, index) =>
      `vllm:${name}${suffix}{model_name="m",engine="${index}"} ${read(engine)}\n`
    ).join("");
  return family("gauge", "num_requests_running", ({ running }) => running) +
    family("gauge", "num_requests_waiting", ({ waiting }) => waiting) +
    family("gauge", "kv_cache_usage_perc", () => 0.3) +
    family("counter", "prompt_tokens_total", ({ prompt }) => prompt) +
    family("counter", "generation_tokens_total", ({ generated }) => generated) +
    family("histogram", "iteration_tokens_total", ({ steps }) => steps, "_count");
}

/** A service on a fake vLLM, and the clock of both. */
class Stage implements AsyncDisposable {
  nowMs = 1_795_492_800_000;
  readonly engines: Engine[];
  readonly #vllm: FakeServer;
  readonly service: TestService;

  constructor(engines: number) {
    this.engines = Array.from({ length: engines }, () => (
      { running: 3, waiting: 0, prompt: 900, generated: 5_000, steps: 2_000 }
    ));
    this.#vllm = serveHttp(() => new Response(expositionOf(this.engines)));
    this.service = startService(`${this.#vllm.origin}/metrics`, { now: () => this.nowMs });
  }

  /** Lets a client scrape every 5 s for a while; the engines named in `working` do their work. */
  async run(seconds: number, working: readonly number[]): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 5) {
      this.nowMs += 5_000;
      for (const index of working) {
        const engine = this.engines[index];
        if (engine === undefined) throw new Error(`There is no engine ${index}`);
        engine.generated += 40;
        engine.steps += 14;
      }
      await (await this.service.get("/metrics")).text();
      await until(() => this.service.history.newestMs === this.nowMs, "the scrape in the history");
    }
  }

  /** The finding on stalled engines now. */
  async finding(): Promise<Finding | undefined> {
    const { findings } = await (await this.service.get("/api/v1/view")).json();
    return findings.find(({ id }: Finding) => id === "engine_stalled");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    await this.#vllm[Symbol.asyncDispose]();
  }
}

/** What `check` says about the engines. */
async function checkEngines({ origin }: TestService): Promise<CheckResult | undefined> {
  const hops: CheckResult[] = [];
  await checkService(new CheckRun("vllm-metrics", (hop) => hops.push(hop)), {
    metrics: {
      origin,
      hasCredentials: false,
      get: (path, signal) => fetch(origin + path, { signal }),
    },
    relay: undefined,
    nowMs: Date.now(),
  });
  return hops.find(({ name }) => name === "engines");
}

Deno.test("an engine that runs requests without a step for 30 s is stalled", async () => {
  await using stage = new Stage(1);
  await stage.run(30, [0]);
  await stage.run(25, []);
  assertEquals(await stage.finding(), undefined);
  await stage.run(10, []);
  const finding = await stage.finding();
  assertEquals([finding?.level, finding?.title], ["bad", "An engine is stalled"]);
  assertMatch(finding?.why ?? "", /3 requests running/);
  assertMatch(finding?.why ?? "", /\b30 s\b/);
  assertStringIncludes(finding?.action ?? "", "Restart vLLM");
});

Deno.test("a stalled engine fails check, and top prints it", async () => {
  await using stage = new Stage(1);
  await stage.run(30, [0]);
  assertEquals((await checkEngines(stage.service))?.status, "ok");
  await stage.run(40, []);
  const hop = await checkEngines(stage.service);
  assertEquals(hop?.status, "failed");
  assertMatch(hop?.found ?? "", /3 requests running/);
  const { host, output } = fakeHost({
    args: ["--once", "--url", stage.service.origin],
    stdin: new ReadableStream(),
  });
  const bare = { ...host, env: {}, terminal: () => undefined, onStopSignal: () => () => {} };
  assertEquals(await top.run(bare), 0);
  assertStringIncludes(output().stdout, "An engine is stalled");
});

Deno.test("a stalled engine is named among others that work", async () => {
  await using stage = new Stage(2);
  await stage.run(30, [0, 1]);
  await stage.run(40, [0]);
  const finding = await stage.finding();
  assertMatch(finding?.why ?? "", /engine 1/);
  assertEquals(finding?.why.includes("engine 0"), false);
});

Deno.test("an idle engine and one that works again are not stalled", async () => {
  await using stage = new Stage(2);
  stage.engines[0] = { running: 0, waiting: 0, prompt: 900, generated: 5_000, steps: 2_000 };
  await stage.run(60, [1]);
  assertEquals(await stage.finding(), undefined);
  await stage.run(40, []);
  assertEquals((await stage.finding())?.title, "An engine is stalled");
  await stage.run(5, [1]);
  assertEquals(await stage.finding(), undefined);
});

Deno.test("requests that wait for a stalled engine are not blamed on its settings", async () => {
  await using stage = new Stage(1);
  await stage.run(30, [0]);
  for (const engine of stage.engines) engine.waiting = 60;
  await stage.run(95, []);
  const { findings } = await (await stage.service.get("/api/v1/view")).json();
  assertEquals(findings.map(({ id }: Finding) => id), ["engine_stalled"]);
});
