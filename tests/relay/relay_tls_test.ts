import { assertEquals, assertMatch } from "@std/assert";
import { serveHttp } from "../net/fakes.ts";
import { startRelay } from "./relay_service.ts";

const SCRAPE = JSON.stringify({
  resourceMetrics: [{
    scopeMetrics: [{ metrics: [{ name: "a", gauge: { dataPoints: [{ asDouble: 1 }] } }] }],
  }],
});
const JSON_TYPE = { "content-type": "application/json" };

/** The path of a file of `tests/testdata/tls/`. */
function pathOf(name: string): string {
  return new URL(`../testdata/tls/${name}`, import.meta.url).pathname;
}

/** What the relay answers to a scrape: status and message. */
async function answerOf(
  origin: string,
  settings: Record<string, string>,
): Promise<[number, string | undefined]> {
  await using relay = startRelay(origin, settings);
  const response = await relay.post(SCRAPE, JSON_TYPE);
  const { message } = await response.json();
  return [response.status, message];
}

Deno.test("the relay trusts the authorities of PARSEABLE_TLS_CA_FILE", async () => {
  await using parseable = serveHttp(() => new Response(null), "server");
  const settings = { PARSEABLE_TLS_CA_FILE: pathOf("ca.pem") };
  assertEquals(await answerOf(parseable.origin, settings), [200, undefined]);
  assertEquals(parseable.requests, ["/v1/metrics"]);
});

Deno.test.each<[certificate: string, settings: Record<string, string>, reason: RegExp]>([
  ["server", {}, /^the certificate is from an unknown authority$/],
  ["expired", { PARSEABLE_TLS_CA_FILE: pathOf("ca.pem") }, /^the certificate expired/],
  ["other", { PARSEABLE_TLS_CA_FILE: pathOf("ca.pem") }, /^the certificate is not for/],
])(
  "the relay refuses the certificate %s with a sentence",
  async (certificate, settings, reason) => {
    await using parseable = serveHttp(() => new Response(null), certificate);
    const [status, message = ""] = await answerOf(parseable.origin, settings);
    assertEquals(status, 503);
    const label = `${parseable.origin}/v1/metrics`;
    const [before, after = ""] = message.split(`Cannot reach Parseable at "${label}": `);
    assertEquals(before, "");
    assertMatch(after, reason);
    assertEquals(parseable.requests, []);
  },
);

Deno.test("the relay says so when Parseable speaks no TLS", async () => {
  await using parseable = serveHttp(() => new Response(null));
  const [status, message] = await answerOf(parseable.origin.replace("http:", "https:"), {});
  assertEquals(status, 503);
  assertMatch(message ?? "", /: the server does not speak TLS$/);
});

const INSECURE = { PARSEABLE_TLS_INSECURE_SKIP_VERIFY: "true" };

Deno.test.each(["server", "expired", "self"].map((name): [string] => [name]))(
  "PARSEABLE_TLS_INSECURE_SKIP_VERIFY takes the certificate %s",
  async (certificate) => {
    const bodies: string[] = [];
    await using parseable = serveHttp(async (request) => {
      bodies.push(await request.text());
      return new Response(null);
    }, certificate);
    assertEquals(await answerOf(parseable.origin, INSECURE), [200, undefined]);
    assertEquals(bodies.map((body) => JSON.parse(body).resourceMetrics.length), [1]);
  },
);
