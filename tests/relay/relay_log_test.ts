import { assert, assertEquals, assertMatch } from "@std/assert";
import { serveHttp } from "../net/fakes.ts";
import { serveParseable } from "./fake_parseable.ts";
import { startRelay, type TestRelay } from "./relay_service.ts";

/** One point; the name tells requests apart. */
function scrape(name = "a"): string {
  const metrics = [{ name, gauge: { dataPoints: [{ asDouble: 1 }] } }];
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
}

async function send(
  relay: TestRelay,
  body: string,
  headers: Record<string, string> = {},
): Promise<number> {
  const response = await relay.post(body, { "content-type": "application/json", ...headers });
  await response.bytes();
  return response.status;
}

Deno.test("the words of Parseable stand in the log once, whatever it takes in between", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  for (let round = 0; round < 5; round++) {
    parseable.answer = () => new Response("these very words", { status: 400 });
    assertEquals(await send(relay, scrape()), 400);
    parseable.answer = undefined;
    assertEquals(await send(relay, scrape()), 200);
  }
  assertEquals(relay.log.join("\n").split("these very words").length - 1, 1);
  assertEquals(relay.log.length, 2);
});

Deno.test("a sender with a wrong password beside a good one is logged once", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  for (let round = 0; round < 5; round++) {
    assertEquals(await send(relay, scrape(), { authorization: "Basic eDp5" }), 503);
    assertEquals(await send(relay, scrape()), 200);
  }
  const [refused, stored, ...rest] = relay.log;
  assertMatch(refused ?? "", /answered 403: the sender's user name or password is wrong/);
  assertMatch(stored ?? "", /Parseable stores what is sent/);
  assertEquals(rest, []);
});

Deno.test.each<[status: number, passedOn: number]>([
  [503, 503],
  [408, 503],
  [429, 429],
])("each outage is logged once, and its end: Parseable answers %i", async (status, passedOn) => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  for (let outage = 0; outage < 2; outage++) {
    assertEquals(await send(relay, scrape()), 200);
    parseable.answer = () => new Response(null, { status });
    for (let count = 0; count < 5; count++) assertEquals(await send(relay, scrape()), passedOn);
    parseable.answer = undefined;
  }
  assertEquals(relay.log.map((line) => line.includes("does not take data")), [
    false,
    true,
    false,
    true,
  ]);
});

Deno.test("refused requests of one kind are logged once, wherever they are wrong", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  for (let coding = 0; coding < 20; coding++) {
    assertEquals(await send(relay, scrape(), { "content-encoding": `made-up-${coding}` }), 415);
  }
  assertEquals(relay.log.length, 1);
});

Deno.test("control characters of Parseable make neither a reply nor a log line long", async () => {
  await using parseable = serveParseable();
  await using relay = startRelay(parseable.origin);
  parseable.answer = () => new Response("\u0001\u0002x\u0000".repeat(600), { status: 400 });
  const response = await relay.post(scrape(), { "content-type": "application/json" });
  const reply = await response.text();
  assert(reply.length < 2_048, `${reply.length} characters`);
  assertEquals(reply.includes("\\u0001"), false);
});

Deno.test("an error that nobody expects is 503, and one log line that names it", async () => {
  await using parseable = serveParseable();
  const now = (): number => {
    throw new Error("the clock is broken");
  };
  await using relay = startRelay(parseable.origin, {}, { now });
  for (let count = 0; count < 3; count++) {
    const response = await relay.post(scrape(), { "content-type": "application/json" });
    assertEquals([response.status, response.headers.get("retry-after")], [503, "5"]);
    assertEquals((await response.text()).includes("clock"), false);
  }
  const [line, ...rest] = relay.log;
  assertMatch(line ?? "", /^level=error msg="Unexpected error in the relay" error=.*the clock is/);
  assertEquals(rest, []);
});

Deno.test.each<[what: string, echo: (headers: Headers) => string]>([
  ["as they are", (headers) => [...headers].map(([name, value]) => `${name}: ${value}`).join("\n")],
  ["in HTML", (headers) => `<pre>${headers.get("authorization")?.replaceAll("=", "&#x3D;")}</pre>`],
  ["as JSON", (headers) => JSON.stringify(Object.fromEntries(headers))],
  ["in a URL", (headers) => encodeURIComponent(headers.get("authorization") ?? "")],
  ["alone", (headers) => headers.get("x-api-key") ?? ""],
  ["decoded", (headers) => atob(headers.get("authorization")?.split(" ")[1] ?? "")],
  [
    "at the end of what is shown",
    (headers) => `${".".repeat(2_020)}${headers.get("authorization")}`,
  ],
  ["across it", (headers) => `${".".repeat(2_036)}${headers.get("x-api-key")}`],
])(
  "an error page that repeats the sender's credentials %s brings them nowhere",
  async (_, echo) => {
    const secrets = ["c2hpcHBlcjpzZWNyZXQ/cGFzc3c+", "secret?passw>", "key-of-the-sender"];
    const [token = "", , key = ""] = secrets;
    for (const status of [400, 413, 500]) {
      await using parseable = serveHttp((request) =>
        new Response(echo(request.headers), { status })
      );
      await using relay = startRelay(parseable.origin);
      const response = await relay.post(scrape(), {
        "content-type": "application/json",
        authorization: `Basic ${token}==`,
        "x-api-key": key,
      });
      const texts = [await response.text(), ...relay.log];
      assertEquals(texts.length, 2);
      for (const secret of secrets) {
        for (const text of texts) {
          // Nor a part of it that helps to guess the rest.
          assertEquals(text.includes(secret.slice(0, 6)), false, text);
        }
      }
    }
  },
);
