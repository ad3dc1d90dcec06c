import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Host } from "../../lib/commands/host.ts";
import { runCommand } from "../../lib/commands/mod.ts";
import { objectOf, textOf } from "../../lib/parseable/json.ts";
import { readTag } from "../../lib/parseable/collection.ts";
import { ADMIN, serveApi } from "../parseable/fake_api.ts";
import { serveHttp } from "../net/fakes.ts";
import { fakeHost, type FakeOutput } from "./fake_host.ts";

type Result = FakeOutput & { readonly code: number; readonly files: ReadonlyMap<string, string> };

async function provision(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  changes: Partial<Host> = {},
): Promise<Result> {
  const stdin = new ReadableStream<Uint8Array<ArrayBuffer>>();
  const { host, output } = fakeHost({ args: ["provision", ...args], stdin });
  const files = new Map<string, string>();
  const code = await runCommand({
    ...host,
    env,
    now: () => Date.now(),
    writeFiles: (folder, texts) => {
      for (const { path, text } of texts) files.set(`${folder}/${path}`, text);
    },
    ...changes,
  });
  return { code, ...output(), files };
}

Deno.test("provision puts all there, says so a line each, and exits with 0; also the second time", async () => {
  await using parseable = serveApi();
  const env = { PARSEABLE_URL: parseable.origin, ...ADMIN };
  const { code, stdout, stderr } = await provision([], env);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^made {9}stream "vLLMmetrics"\nmade {9}retention of 30 days\n/);
  const count = 2 + parseable.state.dashboards.size + parseable.state.alerts.size;
  assertMatch(stdout, new RegExp(`^${count} made\\.$`, "m"));
  assert(parseable.state.dashboards.size >= 3);
  assert(parseable.state.alerts.size >= 8);
  const again = await provision([], env);
  assertEquals(again.code, 0);
  assertMatch(again.stdout, new RegExp(`^${count} unchanged\\.$`, "m"));
});

Deno.test("provision exits with 1 when something failed", async () => {
  await using parseable = serveApi();
  parseable.intercept = (request) =>
    request === "POST /api/v1/alerts" ? new Response("full", { status: 500 }) : undefined;
  const { code, stdout } = await provision([], { PARSEABLE_URL: parseable.origin, ...ADMIN });
  assertEquals(code, 1);
  assertMatch(stdout, /^failed {7}alert ".+": it answered 500: full$/m);
});

Deno.test("provision prints the user for Fluent Bit as an env file, once", async () => {
  await using parseable = serveApi();
  const env = { PARSEABLE_URL: parseable.origin, ...ADMIN };
  const { stdout } = await provision(["--shipper-user"], env);
  const lines = "P_USERNAME=vllm-shipper\nP_PASSWORD=<generated password>\n";
  assert(stdout.endsWith(lines), stdout);
  const again = await provision(["--shipper-user", "--dry-run"], env);
  assert(!again.stdout.includes("P_PASSWORD"));
  const named = await provision(["--shipper-user", "lab.shipper"], env);
  assertMatch(named.stdout, /^P_USERNAME=lab\.shipper$/m);
});

Deno.test("provision --wait waits for a Parseable that is still starting", async () => {
  await using parseable = serveApi();
  let asked = 0;
  parseable.intercept = (request) =>
    request === "GET /api/v1/readiness" && ++asked < 2
      ? new Response(null, { status: 503 })
      : undefined;
  const env = { PARSEABLE_URL: parseable.origin, ...ADMIN };
  assertEquals((await provision(["--wait", "60s"], env)).code, 0);
  assertEquals(asked, 2);
});

Deno.test("provision --wait gives up when its time is over, and says what is wrong", async () => {
  await using parseable = serveApi();
  parseable.intercept = () => new Response("starting", { status: 503 });
  let timeMs = 0;
  const env = { PARSEABLE_URL: parseable.origin, ...ADMIN };
  const { code, stderr } = await provision(["--wait", "1m"], env, {
    now: () => timeMs += 60_000,
  });
  const label = `${parseable.origin}/api/v1/readiness`;
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `vllm-metrics provision: Cannot use Parseable at "${label}": it answered 503: starting.\n`,
  );
});

Deno.test("provision says so when nobody answers", async () => {
  const server = serveApi();
  await server[Symbol.asyncDispose]();
  const { code, stderr } = await provision([], { PARSEABLE_URL: server.origin, ...ADMIN });
  assertEquals(code, 1);
  assertMatch(stderr, /: connection refused\. Is it running, and /);
});

Deno.test.each<[what: string, answer: () => Response]>([
  ["knows no such route", () => new Response("not found", { status: 404 })],
  ["has a page for everything", () => new Response("<!doctype html><title>vLLM</title>")],
  ["has JSON for everything", () => Response.json({ version: 1 })],
])("provision says so when a server that %s is no Parseable", async (_what, answer) => {
  await using server = serveHttp(answer);
  const { code, stderr } = await provision([], { PARSEABLE_URL: server.origin, ...ADMIN });
  assertEquals(code, 1);
  assertMatch(stderr, /: what answers there is no Parseable\. Is PARSEABLE_URL right\?\n$/);
});

Deno.test.each([408, 429])(
  "provision takes a Parseable that is busy (%i) for one",
  async (status) => {
    await using server = serveHttp(() => new Response(null, { status }));
    const { code, stderr } = await provision([], { PARSEABLE_URL: server.origin, ...ADMIN });
    assertEquals(code, 1);
    assertMatch(stderr, new RegExp(`: it answered ${status}\\.\n$`));
  },
);

Deno.test("provision names what is wrong with the certificate of Parseable", async () => {
  await using server = serveHttp(() => new Response(null), "server");
  const { code, stderr } = await provision([], { PARSEABLE_URL: server.origin, ...ADMIN });
  assertEquals(code, 1);
  assertMatch(stderr, /: the certificate is from an unknown authority\./);
});

Deno.test("provision shows no secret, whatever Parseable answers", async () => {
  await using server = serveHttp((request) => {
    const said = `${request.headers.get("authorization")} https://example.com/secret-path`;
    return new Response(said, { status: 500 });
  });
  const env = {
    PARSEABLE_URL: server.origin,
    ...ADMIN,
    ALERT_WEBHOOK_URL: "https://example.com/secret-path",
  };
  const { stdout, stderr } = await provision([], env);
  assertMatch(stderr, /answered 500: Basic \[hidden\] \[redacted\]\./);
  assert(!`${stdout}${stderr}`.includes("secret"));
});

Deno.test("provision --export writes what is to be imported by hand, and asks nobody", async () => {
  const { code, stdout, files } = await provision(["--export", "out"], {});
  assertEquals(code, 0);
  assertEquals(stdout, [...files.keys()].map((name) => `${name}\n`).join(""));
  const overview = objectOf(JSON.parse(files.get("out/dashboards/vllm-overview.json") ?? ""));
  assertEquals(overview.title, "vLLM overview");
  const alerts = [...files].filter(([name]) => name.startsWith("out/alerts/"));
  assert(alerts.length >= 8);
  for (const [name, text] of alerts) {
    const { targets, tags, title } = objectOf(JSON.parse(text));
    assertEquals(targets, [], name);
    assertEquals(readTag(Array.isArray(tags) ? tags : [])?.stream, "vLLMmetrics");
    assert(textOf(title) !== "", name);
  }
});

Deno.test.each<[error: Error, reason: string]>([
  [new Deno.errors.PermissionDenied("os error 13"), "os error 13"],
  [
    new Deno.errors.NotCapable("Requires write access"),
    "this program has no write permission. On a terminal it prompts for it",
  ],
])("provision --export says so when it cannot write: %s", async (error, reason) => {
  const { code, stderr } = await provision(["--export", "out"], {}, {
    writeFiles: () => {
      throw error;
    },
  });
  assertEquals(code, 1);
  assertEquals(stderr, `vllm-metrics provision: cannot write to "out": ${reason}.\n`);
});

Deno.test("what was exported and imported by hand is known to a later run", async () => {
  const { files } = await provision(["--export", "out"], {});
  await using parseable = serveApi();
  const env = { PARSEABLE_URL: parseable.origin, ...ADMIN };
  const headers = {
    authorization: `Basic ${btoa(`${ADMIN.P_USERNAME}:${ADMIN.P_PASSWORD}`)}`,
    "content-type": "application/json",
  };
  for (const [name, body] of files) {
    if (!name.startsWith("out/dashboards/")) continue;
    const url = `${parseable.origin}/api/v1/dashboards`;
    await (await fetch(url, { method: "POST", headers, body })).body?.cancel();
  }
  const { stdout } = await provision([], env);
  assertMatch(stdout, /^unchanged {4}dashboard "vLLM overview"$/m);
});

Deno.test("provision exits with 2 and tells every mistake of the configuration", async () => {
  const { code, stderr } = await provision([], { PARSEABLE_RETENTION: "soon" });
  assertEquals(code, 2);
  assertMatch(stderr, /PARSEABLE_URL: is not set\./);
  assertMatch(stderr, /P_USERNAME: is not set\./);
  assertMatch(stderr, /PARSEABLE_RETENTION: cannot use "soon"/);
});

Deno.test.each<[args: string[], complaint: RegExp]>([
  [["--wait", "soon"], /--wait: cannot use "soon": it is not a duration/],
  [["--wait", "2h"], /--wait: cannot use "2h": it is more than 1h/],
  [["--shipper-user", "a"], /--shipper-user: cannot use "a": Parseable takes 3 to 64/],
])("provision exits with 2 on %s", async (args, complaint) => {
  const { code, stderr } = await provision(args, {});
  assertEquals(code, 2);
  assertMatch(stderr, complaint);
});
