import { assertEquals, assertMatch } from "@std/assert";
import { within } from "../fakes.ts";
import { serveParseable } from "../relay/fake_parseable.ts";
import { answerTo } from "../http/client_hello.ts";
import { RawClient } from "../http/raw_client.ts";
import { closedPort, pem, serveHttp } from "../net/fakes.ts";
import { run } from "./process.ts";
import { certificate, startTls } from "./tls_service.ts";

/** Asks over TLS with one version of HTTP. */
async function ask(
  url: string,
  { ca = "ca.pem", http2 = false, ...init }: RequestInit & { ca?: string; http2?: boolean } = {},
): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [pem(ca)], http1: !http2, http2 });
  const response = await fetch(url, { ...init, client });
  return `${response.status} ${await response.text()}`;
}

Deno.test("both listeners speak TLS, HTTP/1.1 and HTTP/2, and nothing else", async () => {
  await using vllm = serveHttp(() => new Response("vllm:up 1\n"));
  await using parseable = serveParseable();
  await using service = await startTls({
    ...certificate("server"),
    VLLM_METRICS_URL: vllm.origin,
    PARSEABLE_URL: parseable.origin,
  });
  const [port, otlpPort] = service.ports;
  for (const http2 of [false, true]) {
    assertEquals(await ask(`https://localhost:${port}/metrics`, { http2 }), "200 vllm_up 1\n");
    const headers = { "content-type": "application/json", "x-api-key": "x" };
    const init = { http2, method: "POST", body: '{"resourceMetrics":[]}', headers };
    assertEquals(await ask(`https://localhost:${otlpPort}/v1/metrics`, init), "200 {}");
  }
  for (const each of service.ports) {
    const failed = await fetch(`http://localhost:${each}/-/ready`).then(() => "answered", String);
    assertMatch(failed, /^TypeError/);
  }
  assertMatch(await service.process.log.seen("msg=Listening"), / tls=true /);
  service.process.kill("SIGTERM");
  assertEquals(await within(service.process.code, () => "it did not end"), 0);
});

/** The record types of TLS that are met here (RFC 8446, section 5.1). */
const [ALERT, HANDSHAKE] = [21, 22];
/** The alert `protocol_version` (RFC 8446, section 6). */
const PROTOCOL_VERSION = 70;

Deno.test.each<[version: string, minor: number, answer: [number, number]]>([
  ["SSL 3.0", 0, [ALERT, PROTOCOL_VERSION]],
  ["TLS 1.0", 1, [ALERT, PROTOCOL_VERSION]],
  ["TLS 1.1", 2, [ALERT, PROTOCOL_VERSION]],
  ["TLS 1.2", 3, [HANDSHAKE, 0]],
])("both listeners answer a client that knows no more than %s as they should", async (...given) => {
  const [, minor, answer] = given;
  await using service = await startTls(certificate("server"));
  for (const port of service.ports) assertEquals(await answerTo(Number(port), minor), answer);
});

Deno.test.each([["expired"], ["other"]])(
  "healthcheck is 0 with the certificate %s, also where credentials are asked for",
  async (name) => {
    const access = { METRICS_USERNAME: "me", METRICS_PASSWORD: "a good long password" };
    await using service = await startTls({ ...certificate(name), ...access });
    const env = service.env;
    assertEquals(await run(["healthcheck"], { env }), { code: 0, stdout: "", stderr: "" });
  },
);

Deno.test("healthcheck over TLS says what is wrong", async () => {
  await using stopping = serveHttp(() => new Response("stopping\n", { status: 503 }), "server");
  await using plain = serveHttp(() => new Response("ready\n"));
  const ports = [stopping.origin, plain.origin].map((origin) => new URL(origin).port);
  const closed = closedPort();
  const problems = await Promise.all([...ports, closed].map(async (port) => {
    const env = { LISTEN_ADDRESS: `0.0.0.0:${port}`, ...certificate("server") };
    const { code, stderr } = await run(["healthcheck"], { env });
    return `${code} ${stderr.replace(`https://127.0.0.1:${port}`, "URL")}`;
  }));
  assertEquals(problems, [
    '1 vllm-metrics healthcheck: "URL/-/ready" answered 503: stopping\n',
    '1 vllm-metrics healthcheck: cannot reach "URL/-/ready": no connection\n',
    '1 vllm-metrics healthcheck: cannot reach "URL/-/ready": no connection\n',
  ]);
});

Deno.test("a port that another copy has is refused with TLS as without", async () => {
  await using service = await startTls(certificate("server"));
  const output = await run(["serve"], { env: service.env });
  assertEquals(output.code, 1);
  assertMatch(output.stderr, /Cannot listen on .*: the port is in use/);
});

Deno.test("a thousand connections without a handshake do not stop either listener", async () => {
  await using service = await startTls(certificate("server"));
  for (const port of service.ports) {
    using stack = new DisposableStack();
    for (let count = 0; count < 1_000; count += 100) {
      const some = Array.from(
        { length: 100 },
        () => RawClient.connect(`http://127.0.0.1:${port}`),
      );
      for (const client of await Promise.all(some)) stack.use(client);
    }
    assertEquals(await ask(`https://localhost:${port}/-/ready`), "200 ready\n");
  }
});
