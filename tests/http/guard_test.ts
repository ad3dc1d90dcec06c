import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Access } from "../../lib/config/config.ts";
import { Secret } from "../../lib/config/secret.ts";
import { createLogger } from "../../lib/log.ts";
import { createGuard, MAX_WAITING, OPEN_PATHS } from "../../lib/http/guard.ts";
import type { Route } from "../../lib/http/responses.ts";
import { MetricsRegistry } from "../../lib/metrics_registry.ts";
import { LogLines, seriesOf, serveCapture, startService } from "../fakes.ts";
import { ask } from "./raw_client.ts";

const TOKEN = "a-token-of-sufficient-length";
const PAIR = "prometheus:pass:wörd with spaces";
const BASIC = `Basic ${base64(PAIR)}`;
const BOTH: Access = { basic: new Secret(PAIR), bearer: new Secret(TOKEN) };

const BASIC_CHALLENGE = 'Basic realm="vllm-metrics", charset="UTF-8"';
const BEARER_CHALLENGE = 'Bearer realm="vllm-metrics"';

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** A guard before a route that says "inside", with a clock and waits that a test moves. */
class GuardedRoute {
  readonly log = new LogLines();
  readonly waits: PromiseWithResolvers<void>[] = [];
  readonly registry = new MetricsRegistry();
  readonly answer: Route;
  nowMs = 0;

  constructor(access: Access) {
    this.answer = createGuard(() => new Response("inside"), {
      access,
      registry: this.registry,
      log: createLogger({
        level: "debug",
        format: "text",
        write: (line) => this.log.push(line),
        now: () => this.nowMs,
      }),
      now: () => this.nowMs,
      wait: (ms) => {
        assertEquals(ms, 500);
        const wait = Promise.withResolvers<void>();
        this.waits.push(wait);
        return wait.promise;
      },
    });
  }

  ask(authorization?: string, path = "/metrics"): Promise<Response> {
    const headers = authorization === undefined ? {} : { authorization };
    return Promise.resolve(this.answer(new Request(`http://x${path}`, { headers })));
  }

  /** Lets all who wait go on. */
  endWaits(): void {
    for (const { resolve } of this.waits.splice(0)) resolve();
  }

  async turnedAway(reason: string): Promise<number | undefined> {
    const series = seriesOf(await this.registry.text());
    return series.get(`vllm_metrics_requests_unauthorized_total{reason="${reason}"}`);
  }
}

Deno.test.each<[what: string, authorization: string]>([
  ["Basic credentials", BASIC],
  ["Basic credentials with another spelling of the scheme", BASIC.replace("Basic", "bASIC")],
  ["Basic credentials behind several spaces", BASIC.replace(" ", "   ")],
  ["a bearer token", `Bearer ${TOKEN}`],
  ["a bearer token with another spelling of the scheme", `bearer ${TOKEN}`],
])("the guard lets %s in at once", async (_, authorization) => {
  const guarded = new GuardedRoute(BOTH);
  assertEquals(await (await guarded.ask(authorization)).text(), "inside");
  assertEquals(guarded.waits.length, 0);
});

const WRONG: readonly (readonly [what: string, authorization: string])[] = [
  ["another password", `Basic ${base64("prometheus:other")}`],
  ["another user", `Basic ${base64(PAIR.replace("p", "P"))}`],
  ["a password cut short", `Basic ${base64(PAIR.slice(0, -1))}`],
  ["a password with more behind it", `Basic ${base64(`${PAIR}x`)}`],
  ["an empty pair", `Basic ${base64(":")}`],
  ["nothing behind Basic", "Basic"],
  ["a pair that is not encoded", "Basic prometheus:x"],
  ["another token", "Bearer other"],
  ["a token cut short", `Bearer ${TOKEN.slice(0, -1)}`],
  ["a token in another case", `Bearer ${TOKEN.toUpperCase()}`],
  ["a token with more behind it", `Bearer ${TOKEN}x`],
  ["a token and a word", `Bearer ${TOKEN} x`],
  ["two headers in one", `Bearer x, Bearer ${TOKEN}`],
  ["the token as a password", `Basic ${base64(TOKEN)}`],
  ["the pair as a token", `Bearer ${base64(PAIR)}`],
  ["the token alone", TOKEN],
  ["another scheme", `Digest username="${TOKEN}"`],
  ["an empty header", ""],
];

Deno.test.each(WRONG)("the guard refuses %s, half a second later", async (_, authorization) => {
  const guarded = new GuardedRoute(BOTH);
  const answer = guarded.ask(authorization);
  assertEquals(guarded.waits.length, 1);
  guarded.endWaits();
  const response = await answer;
  assertEquals([response.status, await response.text()], [401, "The credentials are wrong.\n"]);
  assertEquals(
    response.headers.get("www-authenticate"),
    `${BASIC_CHALLENGE}, ${BEARER_CHALLENGE}`,
  );
  assertEquals(await guarded.turnedAway("wrong"), 1);
});

Deno.test.each<[what: string, access: Access, challenge: string, wrong: string]>([
  ["Basic", { basic: new Secret(PAIR) }, BASIC_CHALLENGE, `Bearer ${TOKEN}`],
  ["Bearer", { bearer: new Secret(TOKEN) }, BEARER_CHALLENGE, BASIC],
])("with %s alone, nothing else is asked for or taken", async (_, access, challenge, wrong) => {
  const guarded = new GuardedRoute(access);
  const answer = guarded.ask(wrong);
  guarded.endWaits();
  const { status, headers } = await answer;
  assertEquals([status, headers.get("www-authenticate")], [401, challenge]);
});

Deno.test("a request without credentials is refused at once, since browsers begin so", async () => {
  const guarded = new GuardedRoute(BOTH);
  const response = await guarded.ask();
  assertEquals([response.status, await response.text()], [401, "This needs credentials.\n"]);
  assertEquals(guarded.waits.length, 0);
  assertEquals(await guarded.turnedAway("missing"), 1);
  assertEquals(guarded.log.all, []);
});

Deno.test("wrong tries that wait have a bound, and never keep the right ones out", async () => {
  const guarded = new GuardedRoute(BOTH);
  const waiting = Array.from({ length: MAX_WAITING }, () => guarded.ask("Bearer x"));
  const further = await guarded.ask("Bearer x");
  assertEquals([further.status, further.headers.get("retry-after")], [429, "1"]);
  assertEquals(await (await guarded.ask(BASIC)).text(), "inside");
  guarded.endWaits();
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  assertEquals(statuses, Array.from(waiting, () => 401));
  // Their places are free again.
  const next = guarded.ask("Bearer x");
  guarded.endWaits();
  assertEquals((await next).status, 401);
  assertEquals([await guarded.turnedAway("wrong"), await guarded.turnedAway("flood")], [
    MAX_WAITING + 1,
    1,
  ]);
});

Deno.test("the log tells of wrong credentials once a minute, with their number", async () => {
  const guarded = new GuardedRoute(BOTH);
  const tries: Promise<Response>[] = [];
  for (guarded.nowMs = 0; guarded.nowMs < 180_000; guarded.nowMs += 10_000) {
    tries.push(guarded.ask("Bearer x"));
  }
  guarded.endWaits();
  await Promise.all(tries);
  assertEquals(
    guarded.log.all,
    [1, 6, 6].map((tried) => `level=warn msg="Wrong credentials" tries=${tried}`),
  );
});

const ROUTES = [
  "/",
  "/page.js",
  "/page.css",
  "/metrics",
  "/-/metrics",
  "/-/targets",
  "/metrics/a",
  "/api/v1/view",
  "/nothing",
];

Deno.test("each route but the health routes asks for credentials, known or not", async () => {
  await using vllm = serveCapture("nostats-after-load");
  await using service = startService(vllm.origin, { access: BOTH });
  await using open = startService(vllm.origin);
  const wrong = ROUTES.map((path) => service.get(path, { authorization: "Bearer x" }));
  for (const path of ROUTES) {
    const without = await service.get(path);
    assertEquals([without.status, await without.text()], [401, "This needs credentials.\n"], path);
  }
  for (const response of await Promise.all(wrong)) {
    assertEquals([response.status, await response.text()], [401, "The credentials are wrong.\n"]);
  }
  assertEquals(vllm.requests, []);
  for (const path of ROUTES) {
    const plain = await open.get(path);
    await plain.body?.cancel();
    for (const authorization of [BASIC, `Bearer ${TOKEN}`]) {
      const response = await service.get(path, { authorization });
      assertEquals(response.status, plain.status, path);
      await response.body?.cancel();
    }
  }
});

Deno.test("the health routes ask nobody for credentials, and mind no wrong ones", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin, { access: BOTH });
  for (const path of OPEN_PATHS) {
    for (const headers of [{}, { authorization: "Bearer x" }, { authorization: BASIC }]) {
      const response = await service.get(path, headers);
      assertEquals(response.status, 200, path);
      assert(/^(ok|ready)\n$/.test(await response.text()));
    }
  }
});

Deno.test.each<[what: string, line: string]>([
  ["dot segments", "GET /-/healthy/../../metrics"],
  ["dot segments, encoded", "GET /health/%2e%2e/metrics"],
  ["an absolute form", "GET http://x/metrics"],
  ["a fragment", "GET /metrics#/health"],
  ["a query", "GET /metrics?/health"],
  ["a backslash", "GET /health\\..\\metrics"],
  ["HEAD", "HEAD /metrics"],
  ["another method", "POST /metrics"],
  ["an encoded letter", "GET /%68ealth"],
  ["two slashes", "GET //health"],
  ["an asterisk", "OPTIONS *"],
])("no way around the guard: %s", async (_, line) => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin, { access: BOTH });
  const reply = await ask(
    service.origin,
    `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  assertEquals(reply.status, 401);
  assertEquals(vllm.requests, []);
});

Deno.test("a broken Host field is no way around the guard either", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin, { access: BOTH });
  for (const host of ["[::1", "a b", "x/health?", "x/-/healthy#"]) {
    const head = `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close`;
    const reply = await ask(service.origin, `${head}\r\n\r\n`);
    assertEquals(reply.status, 401, host);
  }
  assertEquals(vllm.requests, []);
});

Deno.test("a browser is asked for both schemes in header fields of their own", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin, { access: BOTH });
  const head = "GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close";
  const reply = await ask(service.origin, `${head}\r\n\r\n`);
  const challenges = reply.headers.get("www-authenticate") ?? "";
  assertStringIncludes(challenges, BASIC_CHALLENGE);
  assertStringIncludes(challenges, BEARER_CHALLENGE);
  assertEquals(reply.headers.get("cache-control"), "no-store");
});
