import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { SETTING_ROWS } from "../../lib/config/settings.ts";
import { serveHttp } from "../net/fakes.ts";
import { run, startServe } from "./process.ts";

const TLS = new URL("../testdata/tls/", import.meta.url).pathname;

/** A folder with a `.env` file in it. */
async function folderWith(text: string): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  await Deno.writeTextFile(`${path}/.env`, text);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Requests to http://localhost:8000 go to this server: the port itself may be in use. */
function instead({ origin }: { origin: string }): Record<string, string> {
  return { HTTP_PROXY: origin, NO_PROXY: "" };
}

Deno.test("serve without VLLM_METRICS_URL uses the vLLM at localhost:8000, and says so", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using service = await startServe({ env: instead(vllm) });
  assertStringIncludes(
    await service.log.seen("level=warn"),
    'VLLM_METRICS_URL: is not set. Using the vLLM found at \\"http://localhost:8000/metrics\\".',
  );
  const origin = await service.origin();
  assertEquals(await (await fetch(`${origin}/metrics`)).text(), "vllm_up 1\n");
});

Deno.test.each<[string, Response, string]>([
  ["another service", new Response("go_info 1\n"), "the answer has no metrics of vLLM"],
  ["an error", new Response("", { status: 404 }), "the answer is HTTP 404"],
])("serve without VLLM_METRICS_URL ends with 2 when %s is at localhost:8000", async (
  _,
  response,
  reason,
) => {
  await using other = serveHttp(() => response.clone());
  const { code, stdout, stderr } = await run(["serve"], { env: instead(other) });
  assertEquals([code, stdout], [2, ""]);
  assertEquals(
    stderr,
    "vllm-metrics: the configuration has mistakes:\n" +
      "  VLLM_METRICS_URL: is not set. Write where vLLM serves its metrics, such as " +
      '"http://localhost:8000/metrics".\n' +
      '  warning: VLLM_METRICS_URL: no vLLM found at "http://localhost:8000/metrics" either: ' +
      `${reason}.\n` +
      "See vllm-metrics help.\n",
  );
});

Deno.test("serve tells all mistakes at once, without a stack trace, and ends with 2", async () => {
  const { code, stdout, stderr } = await run([], {
    env: {
      VLLM_METRICS_URL: "vllm:8000",
      LISTEN_ADDRESS: "9090",
      SCRAPE_TIMEOUT: "10",
      MAX_BODY_BYTES: "lots",
      VLLM_USERNAME: "one",
      VLLM_TLS_CA_FILE: "/nowhere.pem",
      LOG_LEVEL: "loud",
      LOG_FORMAT: "xml",
      VLLM_METRIC_URL: "x",
    },
  });
  assertEquals([code, stdout], [2, ""]);
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.shift(), "vllm-metrics: the configuration has mistakes:");
  assertEquals(lines.pop(), "See vllm-metrics help.");
  assertEquals(lines.map((line) => line.trim().split(": ", 1)[0]), [
    "VLLM_METRICS_URL",
    "LISTEN_ADDRESS",
    "SCRAPE_TIMEOUT",
    "MAX_BODY_BYTES",
    "VLLM_USERNAME",
    "VLLM_TLS_CA_FILE",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "warning",
  ]);
  assertEquals(
    lines.at(-1),
    '  warning: VLLM_METRIC_URL: there is no such setting. Did you mean "VLLM_METRICS_URL"?',
  );
});

Deno.test("serve ends with 2 when a key is another certificate's", async () => {
  const { code, stderr } = await run(["serve"], {
    env: {
      VLLM_METRICS_URL: "https://127.0.0.1:9",
      VLLM_TLS_CERT_FILE: `${TLS}server.pem`,
      VLLM_TLS_KEY_FILE: `${TLS}other.key`,
    },
  });
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /^time=\S+ level=error msg="Cannot use VLLM_TLS_CERT_FILE with VLLM_TLS_KEY_FILE: the key is another certificate's" code=CONFIG_INVALID[^\n]*\n$/,
  );
});

Deno.test("serve reads the file .env of its folder; the environment wins", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using folder = await folderWith(
    `VLLM_METRICS_URL=${vllm.origin}/from/file\nLOG_FORMAT=json\nLOG_LEVEL=error\n`,
  );
  await using service = await startServe({ cwd: folder.path, env: { LOG_LEVEL: "info" } });
  const { time: _, ...line } = JSON.parse(await service.log.seen('"msg":"Listening"'));
  assertEquals(line.upstream, `${vllm.origin}/from/file`);
  assertEquals(line.level, "info");
  await (await fetch(`http://${line.address}/metrics`)).text();
  assertEquals(vllm.requests, ["/from/file"]);
});

Deno.test("a file .env that is a folder is a mistake in a sentence", async () => {
  // Docker makes a folder where a file that is to be mounted does not exist.
  await using folder = await folderWith("");
  await Deno.remove(`${folder.path}/.env`);
  await Deno.mkdir(`${folder.path}/.env`);
  const env = { VLLM_METRICS_URL: "http://127.0.0.1:9" };
  const stderr = 'vllm-metrics: cannot read ".env": it is a directory.\n';
  const served = await run(["serve"], { cwd: folder.path, env });
  assertEquals(served, { code: 2, stdout: "", stderr });
  // Docker has no other number for a container that is not well.
  const checked = await run(["healthcheck"], { cwd: folder.path, env });
  assertEquals(checked, { code: 1, stdout: "", stderr });
});

Deno.test("help names every command and every setting with its default", async () => {
  const [plain, option] = await Promise.all([run(["help"]), run(["--help"])]);
  assertEquals([plain.code, plain.stderr], [0, ""]);
  assertEquals(option, plain);
  for (const [name, { defaultText }] of SETTING_ROWS) {
    const line = plain.stdout.split("\n").find((each) => each.startsWith(`  ${name} `)) ?? "";
    assertStringIncludes(line, defaultText === "" ? name : `[${defaultText}]`);
  }
  for (const command of ["serve", "sanitize", "healthcheck", "version", "help"]) {
    assertMatch(plain.stdout, new RegExp(`^  ${command} `, "m"));
  }
  assertEquals(plain.stdout.split("\n").filter((line) => line.length > 80), []);
});

Deno.test("version prints the version alone", async () => {
  const { code, stdout, stderr } = await run(["version"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^vllm-metrics \d+\.\d+\.\d+\n$/);
});

Deno.test.each([
  ["sevre", 'Did you mean "serve"?'],
  ["healtcheck", 'Did you mean "healthcheck"?'],
  ["--versoin", "See vllm-metrics help."],
  ["constructor", "See vllm-metrics help."],
])("the unknown command %s gets exit code 2 and a hint", async (word, hint) => {
  const { code, stdout, stderr } = await run([word]);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(stderr, `vllm-metrics: there is no command "${word}". ${hint}\n`);
});
