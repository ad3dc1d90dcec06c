import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Host } from "../../lib/commands/host.ts";
import { runCommand } from "../../lib/commands/mod.ts";
import { listOf, objectOf, textOf } from "../../lib/parseable/json.ts";
import { capture, serveCapture, startService, until, within } from "../fakes.ts";
import { serveApi } from "../parseable/fake_api.ts";
import { closedPort, serveHttp, serveRaw } from "../net/fakes.ts";
import { fakeHost, type FakeOutput, withoutColours } from "./fake_host.ts";
import { run, start } from "./process.ts";

type Env = Readonly<Record<string, string>>;

type Result = FakeOutput & { readonly code: number };

/** Runs the command in this process. */
async function check(
  args: readonly string[],
  env: Env,
  changes: Partial<Host> = {},
): Promise<Result> {
  const stdin = new ReadableStream<Uint8Array<ArrayBuffer>>();
  const { host, output } = fakeHost({ args: ["check", ...args], stdin });
  const code = await runCommand({ ...host, env, now: Date.now, ...changes });
  return { code, ...output() };
}

/** A terminal of the usual size. */
const TERMINAL: Partial<Host> = {
  terminal: () => ({ size: () => ({ columns: 80, rows: 24 }), onKey: () => () => {} }),
};

/** vLLM, and the service that has been read once. */
interface Pipeline extends AsyncDisposable {
  readonly env: Env;
}

async function startPipeline(): Promise<Pipeline> {
  await using stack = new AsyncDisposableStack();
  const vllm = stack.use(serveCapture("during-load-c40"));
  const service = stack.use(startService(vllm.origin));
  await (await service.get("/metrics")).bytes();
  const kept = stack.move();
  return {
    env: {
      VLLM_METRICS_URL: `${vllm.origin}/metrics`,
      LISTEN_ADDRESS: service.origin.slice("http://".length),
    },
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

/** The hops that `--json` prints, as `part name status`. */
function hopsIn(stdout: string): string[] {
  return listOf(objectOf(JSON.parse(stdout)).hops).map(objectOf)
    .map(({ part, name, status }) => `${textOf(part)} ${textOf(name)} ${textOf(status)}`);
}

Deno.test("check prints a line a hop under the name of its part, and what it comes to", async () => {
  await using pipeline = await startPipeline();
  const { code, stdout, stderr } = await check([], pipeline.env);
  assertEquals([code, stderr], [0, ""]);
  const url = pipeline.env.VLLM_METRICS_URL ?? "";
  const lines = stdout.split("\n");
  assertEquals(lines.filter((line) => /^\S/.test(line)), [
    "settings",
    url,
    "vllm-metrics",
    "Parseable",
    lines.at(-2),
  ]);
  assertMatch(stdout, /^ {2}ok {7}settings {9}complete$/m);
  assertMatch(stdout, /^ {2}ok {7}TCP {14}connected to port \d+ of "127\.0\.0\.1"$/m);
  assertMatch(stdout, /^ {2}skipped {2}Parseable {8}PARSEABLE_URL is not set$/m);
  assertMatch(stdout, /^ {2}warning {2}models {11}.*\n {28}→ \S|without a model$/m);
  assertMatch(lines.at(-2) ?? "", /^0 critical, 2 warnings, \d+ ok, 3 skipped\.$/);
  assert(!stdout.includes("\x1b"), "what is no terminal gets no colours");
});

Deno.test("check has colours on a terminal, and not with NO_COLOR", async () => {
  await using pipeline = await startPipeline();
  const plain = await check([], { ...pipeline.env, NO_COLOR: "1" }, TERMINAL);
  assert(!plain.stdout.includes("\x1b"));
  const coloured = await check([], pipeline.env, TERMINAL);
  assertStringIncludes(coloured.stdout, "\x1b[32mok      \x1b[0m settings");
  const bare = withoutColours(coloured.stdout);
  assertEquals(bare.split("\n")[1], plain.stdout.split("\n")[1]);
});

Deno.test("check --json prints one object, in the form that the documentation has", async () => {
  await using pipeline = await startPipeline();
  const { code, stdout } = await check(["--json"], pipeline.env, TERMINAL);
  assertEquals(code, 0);
  assertEquals(stdout.trimEnd().split("\n").length, 1);
  const report = objectOf(JSON.parse(stdout));
  assertEquals(Object.keys(report), ["ok", "hops"]);
  assertEquals(report.ok, true);
  for (const hop of listOf(report.hops).map(objectOf)) {
    assertEquals(Object.keys(hop), ["part", "name", "status", "found", "action"]);
    assert(["ok", "warn", "failed", "skipped"].includes(textOf(hop.status)));
    assert(textOf(hop.found) !== "");
  }
  assert(hopsIn(stdout).includes("vllm-metrics own metrics ok"));
});

Deno.test("check exits with 1 when a hop failed, and says so in JSON as well", async () => {
  const env = {
    VLLM_METRICS_URL: `http://127.0.0.1:${closedPort()}`,
    LISTEN_ADDRESS: `127.0.0.1:${closedPort()}`,
  };
  const { code, stdout } = await check([], env);
  assertEquals(code, 1);
  assertMatch(stdout, /^ {2}critical TCP .*connection refused\n {28}→ Is vLLM running/m);
  assertMatch(stdout, /\n2 critical, 0 warnings, 1 ok, \d+ skipped\.\n$/);
  const json = await check(["--json"], env);
  assertEquals(json.code, 1);
  assertEquals(objectOf(JSON.parse(json.stdout)).ok, false);
});

Deno.test("check tells every mistake of the settings, and tries what does not need them", async () => {
  const { code, stdout } = await check(["--json"], {
    VLLM_METRICS_URL: "vllm:8000",
    LISTEN_ADDRESS: "9090",
    PARSEABLE_URL: `http://127.0.0.1:${closedPort()}`,
    P_USERNAME: "admin",
    PARSEABLE_RETENTION: "soon",
    VLLM_METRIC_URL: "x",
  });
  assertEquals(code, 1);
  const found = listOf(objectOf(JSON.parse(stdout)).hops).map(objectOf)
    .filter(({ part, status }) => part === "settings" && status === "failed")
    .map((hop) => textOf(hop.found).split(":")[0]);
  assertEquals(found, ["VLLM_METRICS_URL", "LISTEN_ADDRESS", "P_USERNAME", "PARSEABLE_RETENTION"]);
  assertEquals(hopsIn(stdout).slice(4), [
    "settings settings warn",
    "vLLM vLLM skipped",
    "vllm-metrics listener skipped",
    "Parseable liveness failed",
    "Parseable credentials skipped",
    "Parseable dashboards skipped",
    "Parseable stream skipped",
    "Parseable newest row skipped",
    "Parseable gaps skipped",
  ]);
});

Deno.test("check tells of a certificate that is found out only when it is used", async () => {
  const files: Env = { "/ca.pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----" };
  const { code, stdout } = await check(["--json"], {
    VLLM_METRICS_URL: `https://127.0.0.1:${closedPort()}`,
    VLLM_TLS_CA_FILE: "/ca.pem",
    PARSEABLE_URL: `https://127.0.0.1:${closedPort()}`,
    PARSEABLE_TLS_CA_FILE: "/ca.pem",
    LISTEN_ADDRESS: `127.0.0.1:${closedPort()}`,
    OTLP_LISTEN_ADDRESS: `127.0.0.1:${closedPort()}`,
  }, {
    readTextFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound();
      return text;
    },
  });
  assertEquals(code, 1);
  const hops = hopsIn(stdout);
  assertEquals(hops.filter((hop) => hop === "settings settings failed").length, 2);
  assert(hops.includes("vLLM vLLM skipped"));
  assert(hops.includes("Parseable Parseable skipped"));
});

Deno.test("check reads .env, and says when it cannot", async () => {
  await using pipeline = await startPipeline();
  const text = Object.entries(pipeline.env).map(([name, value]) => `${name}=${value}\n`).join("");
  const { code, stdout } = await check(["--json"], {}, { readTextFile: () => text });
  assertEquals(code, 0);
  assertStringIncludes(stdout, pipeline.env.VLLM_METRICS_URL ?? "none");
  const folder = await check(["--json"], {}, {
    readTextFile: () => {
      throw new Deno.errors.IsADirectory();
    },
  });
  assertEquals(folder.code, 1);
  assertEquals(hopsIn(folder.stdout), ["settings settings failed"]);
  assertMatch(folder.stderr, /cannot read ".env": it is a directory/);
});

Deno.test("check has a part for each server, and one that is down hides no other", async () => {
  await using pipeline = await startPipeline();
  const up = pipeline.env.VLLM_METRICS_URL;
  const down = `http://127.0.0.1:${closedPort()}/metrics`;
  const { code, stdout } = await check(["--json"], {
    ...pipeline.env,
    VLLM_METRICS_URL: `prefill=${down},decode=${up}`,
  });
  assertEquals(code, 1);
  const hops = hopsIn(stdout);
  assert(hops.includes(`prefill: ${down} TCP failed`));
  assert(hops.includes(`prefill: ${down} HTTP skipped`));
  assert(hops.includes(`decode: ${up} HTTP ok`));
});

Deno.test("check walks to every address of a dns+ name", async () => {
  await using pipeline = await startPipeline();
  const { port } = new URL(pipeline.env.VLLM_METRICS_URL ?? "");
  const url = `http://localhost:${port}/metrics`;
  const { stdout } = await check(["--json"], { ...pipeline.env, VLLM_METRICS_URL: `dns+${url}` });
  assert(hopsIn(stdout).includes(`${url} name ok`));
  assert(hopsIn(stdout).includes(`${url} at 127.0.0.1 HTTP ok`));
});

Deno.test("check without credentials for Parseable tries its liveness, and fails for nothing", async () => {
  await using pipeline = await startPipeline();
  await using parseable = serveApi();
  await using relay = serveHttp(() => new Response("ready\n"));
  const { code, stdout } = await check(["--json"], {
    ...pipeline.env,
    PARSEABLE_URL: parseable.origin,
    OTLP_LISTEN_ADDRESS: relay.origin.slice("http://".length),
  });
  assertEquals(code, 0, stdout);
  assert(hopsIn(stdout).includes("Parseable liveness ok"));
  assert(hopsIn(stdout).includes("Parseable credentials skipped"));
});

Deno.test("check needs no more permissions than the service, over TLS and with names as well", async () => {
  await using vllm = serveHttp(() => {
    const { bytes, contentType } = capture("during-load-c40");
    return new Response(bytes, { headers: { "content-type": contentType } });
  }, "server");
  const { port } = new URL(vllm.origin);
  const url = `https://localhost:${port}/metrics`;
  const { stdout, stderr } = await run(["check", "--json"], {
    env: {
      VLLM_METRICS_URL: `a=${url},dns+${url}`,
      VLLM_TLS_CA_FILE: new URL("../testdata/tls/ca.pem", import.meta.url).pathname,
      LISTEN_ADDRESS: `127.0.0.1:${closedPort()}`,
    },
  });
  assertEquals(stderr, "");
  const hops = hopsIn(stdout);
  for (const part of [`a: ${url}`, `${url} at 127.0.0.1`]) {
    for (const name of ["TCP", "TLS", "HTTP", "format"]) {
      assert(hops.includes(`${part} ${name} ok`), hops.join("\n"));
    }
  }
});

Deno.test("check says that a proxy makes the connection where one is set", async () => {
  await using vllm = serveCapture("during-load-c40");
  const { code, stdout } = await run(["check", "--json"], {
    env: {
      VLLM_METRICS_URL: `http://vllm.example:8000/metrics`,
      HTTP_PROXY: vllm.origin,
      LISTEN_ADDRESS: `127.0.0.1:${closedPort()}`,
    },
  });
  assertEquals(code, 1);
  const hops = hopsIn(stdout);
  assert(hops.includes("http://vllm.example:8000/metrics connection skipped"));
  assert(hops.includes("http://vllm.example:8000/metrics HTTP ok"));
});

Deno.test("check without VLLM_METRICS_URL takes the vLLM at localhost:8000, as serve does", async () => {
  await using vllm = serveCapture("idle");
  const { stdout } = await run(["check", "--json"], {
    // The proxy answers instead of port 8000, which may be in use.
    env: { HTTP_PROXY: vllm.origin, NO_PROXY: "", LISTEN_ADDRESS: `127.0.0.1:${closedPort()}` },
  });
  const hops = hopsIn(stdout);
  assert(hops.includes("settings vLLM ok"));
  assert(hops.includes("http://localhost:8000/metrics HTTP ok"));
});

Deno.test("check without VLLM_METRICS_URL and without a vLLM there says what it tried", async () => {
  await using other = serveHttp(() => new Response("go_info 1\n"));
  const { code, stdout } = await run(["check"], {
    env: { HTTP_PROXY: other.origin, NO_PROXY: "", LISTEN_ADDRESS: `127.0.0.1:${closedPort()}` },
  });
  assertEquals(code, 1);
  assertStringIncludes(
    stdout.replace(/\s+/g, " "),
    'critical vLLM VLLM_METRICS_URL: no vLLM found at "http://localhost:8000/metrics" either: the ' +
      "answer has no metrics of vLLM. → Start vLLM there, or set " +
      "VLLM_METRICS_URL=http://HOST:8000/metrics.",
  );
});

Deno.test("check --watch walks again and again, and a signal ends it", async () => {
  await using pipeline = await startPipeline();
  let stop = (): void => {};
  let isHeard = false;
  const { host, output } = fakeHost({ args: ["check", "--watch"], stdin: new ReadableStream() });
  const ended = runCommand({
    ...host,
    env: pipeline.env,
    onStopSignal(listener): () => void {
      stop = listener;
      isHeard = true;
      return () => void (isHeard = false);
    },
  });
  await until(() => output().stdout.includes(" skipped."), "the first walk");
  stop();
  assertEquals(await ended, 0);
  assertEquals(isHeard, false);
  assertEquals(output().stdout.match(/^settings$/gm)?.length, 1);
});

Deno.test("a signal ends check --watch in the middle of a walk too", async () => {
  await using vllm = serveRaw(({ gone }) => gone());
  await using watching = await start(["check", "--watch"], {
    env: { VLLM_METRICS_URL: vllm.origin, LISTEN_ADDRESS: `127.0.0.1:${closedPort()}` },
  });
  await watching.log.seen("TCP");
  watching.kill("SIGTERM");
  assertEquals(await within(watching.code, () => "it did not end"), 0);
});
