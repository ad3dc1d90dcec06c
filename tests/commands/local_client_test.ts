import { assert, assertEquals, assertMatch } from "@std/assert";
import { listOf, objectOf, textOf } from "../../lib/parseable/json.ts";
import { serveCapture } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";
import { run, startServe } from "./process.ts";
import { certificate, startTls, type TlsService } from "./tls_service.ts";

const BASIC = { METRICS_USERNAME: "reader", METRICS_PASSWORD: "a good long password" };
const BEARER = { METRICS_BEARER_TOKEN: "a-good-long-token" };

type Env = Readonly<Record<string, string>>;

/** The hops of the service that `check` finds, as `name status`, and its exit code. */
async function checked(env: Env): Promise<{ code: number; hops: string[] }> {
  const { code, stdout } = await run(["check", "--json"], { env });
  const hops = listOf(objectOf(JSON.parse(stdout)).hops).map(objectOf)
    .filter(({ part }) => part === "vllm-metrics")
    .map(({ name, status }) => `${textOf(name)} ${textOf(status)}`);
  return { code, hops };
}

/** The settings of a service, but not what lets somebody in. */
function withoutAccess({ env }: TlsService): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("METRICS_")));
}

Deno.test.each<[what: string, settings: Env]>([
  ["TLS and a password", { ...certificate("server"), ...BASIC }],
  ["TLS and a token", { ...certificate("self"), ...BEARER }],
  ["a password", BASIC],
])("healthcheck, top and check know a service behind %s by its settings", async (_, settings) => {
  await using vllm = serveCapture("during-load-c40");
  const quick = { VLLM_METRICS_URL: vllm.origin, SCRAPE_INTERVAL: "500ms" };
  await using service = await startTls({ ...quick, ...settings });
  const { env } = service;
  assertEquals(await run(["healthcheck"], { env }), { code: 0, stdout: "", stderr: "" });
  const top = await run(["top", "--once"], { env });
  assertEquals([top.code, top.stderr], [0, ""]);
  assertMatch(top.stdout, /^up {8}127\.0\.0\.1:\d+/m);
  const { hops } = await checked(env);
  assertEquals(hops, [
    "listener ok",
    ..."TLS_CERT_FILE" in settings ? ["certificate ok"] : [],
    "relay ok",
    "own metrics ok",
    "scrapes ok",
    "readers warn",
    "relayed warn",
    "engines ok",
  ]);
});

Deno.test("top --url sends the credentials of the settings, or those in the address", async () => {
  await using vllm = serveCapture("during-load-c40");
  await using service = await startServe({
    env: { VLLM_METRICS_URL: vllm.origin, SCRAPE_INTERVAL: "500ms", ...BASIC },
  });
  const origin = await service.origin();
  const named = new URL(origin);
  named.username = BASIC.METRICS_USERNAME;
  named.password = BASIC.METRICS_PASSWORD;
  const once = (url: string | URL, env: Env): ReturnType<typeof run> =>
    run(["top", "--once", "--url", String(url)], { env });
  const settings = { ...BASIC, LISTEN_ADDRESS: `0.0.0.0:${named.port}` };
  for (const { code, stdout, stderr } of [await once(origin, settings), await once(named, {})]) {
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^up {8}127\.0\.0\.1:\d+/m);
  }
  const { code, stderr } = await once(origin, {});
  assertEquals(code, 1);
  assertMatch(stderr, /it wants credentials\. Set METRICS_USERNAME and METRICS_PASSWORD/);
});

Deno.test("top --url sends the credentials of the settings to no other service", async () => {
  const seen: (string | null)[] = [];
  await using other = serveHttp((request) => {
    seen.push(request.headers.get("authorization"));
    return new Response(null, { status: 401 });
  });
  const { port } = new URL(other.origin);
  const addresses = ["0.0.0.0:9090", `192.0.2.1:${port}`, `vllm-metrics:${port}`];
  for (const LISTEN_ADDRESS of addresses) {
    const env = { ...BASIC, LISTEN_ADDRESS };
    const { code } = await run(["top", "--once", "--url", other.origin], { env });
    assertEquals(code, 1);
  }
  assertEquals(seen, addresses.map(() => null));
});

Deno.test("without credentials, top and check say what a guarded service wants", async () => {
  await using vllm = serveCapture("during-load-c40");
  const settings = { ...certificate("server"), ...BASIC, VLLM_METRICS_URL: vllm.origin };
  await using service = await startTls(settings);
  const env = withoutAccess(service);
  assertEquals((await run(["healthcheck"], { env })).code, 0);
  const { code, stdout, stderr } = await run(["top", "--once"], { env });
  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr,
    `vllm-metrics top: Cannot reach "https://127.0.0.1:${service.ports[0]}": it wants ` +
      "credentials. Set METRICS_USERNAME and METRICS_PASSWORD, or METRICS_BEARER_TOKEN, as the " +
      "service has.\n",
  );
  assert((await checked(env)).hops.includes("own metrics warn"));
  const wrong = await checked({ ...env, ...BEARER });
  assert(wrong.hops.includes("own metrics failed"));
  assertEquals(wrong.code, 1);
});

Deno.test("check fails for a service that speaks plain HTTP where the settings say TLS", async () => {
  await using service = await startTls({});
  const { code, hops } = await checked({ ...service.env, ...certificate("server") });
  assertEquals(code, 1);
  assertEquals(hops.slice(0, 2), ["listener failed", "certificate skipped"]);
});
