import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Running, startServe } from "../commands/process.ts";
import { serveCapture, until } from "../fakes.ts";
import { closedPort } from "../net/fakes.ts";
import { Authority, connect, oldCiphers } from "./openssl.ts";
import { startPrometheus } from "./prometheus.ts";

/** The service with both listeners over TLS, with a certificate that OpenSSL made. */
interface TlsService {
  readonly folder: string;
  readonly authority: Authority;
  readonly process: Running;
  readonly ports: readonly [metrics: string, relay: string];
}

async function startTls(
  stack: AsyncDisposableStack,
  settings: Record<string, string> = {},
): Promise<TlsService> {
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const authority = await Authority.create(folder);
  await authority.issue(1);
  const otlpPort = String(closedPort());
  const process = stack.use(
    await startServe({
      env: {
        VLLM_METRICS_URL: "http://127.0.0.1:9",
        PARSEABLE_URL: "http://127.0.0.1:9",
        OTLP_LISTEN_ADDRESS: `127.0.0.1:${otlpPort}`,
        TLS_CERT_FILE: `${folder}/cert.pem`,
        TLS_KEY_FILE: `${folder}/key.pem`,
        ...settings,
      },
    }),
  );
  await process.log.seen('msg="Relaying OTLP"');
  const { port } = new URL(await process.origin());
  return { folder, authority, process, ports: [port, otlpPort] };
}

/** Options with which OpenSSL offers what it would not by itself. */
const WEAK = ["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"];

Deno.test("no listener agrees to a protocol below TLS 1.2", async () => {
  await using stack = new AsyncDisposableStack();
  const { ports } = await startTls(stack);
  for (const port of ports) {
    for (const option of ["-tls1", "-tls1_1"]) {
      assertEquals((await connect(port, [option, ...WEAK])).protocol, undefined, option);
    }
    assertEquals((await connect(port, ["-tls1_2"])).protocol, "TLSv1.2");
    assertEquals((await connect(port, ["-tls1_3"])).protocol, "TLSv1.3");
  }
});

Deno.test("with TLS 1.2 no listener agrees to a cipher without forward secrecy or AEAD", async () => {
  await using stack = new AsyncDisposableStack();
  const { ports } = await startTls(stack);
  const ciphers = await oldCiphers();
  assert(ciphers.length > 40, ciphers.join());
  for (const port of ports) {
    // What the server takes of all of them, and then of the others, until it takes none.
    const taken: string[] = [];
    for (;;) {
      const offered = ciphers.filter((each) => !taken.includes(each));
      const list = `${offered.join(":")}:@SECLEVEL=0`;
      const { cipher } = await connect(port, ["-tls1_2", "-cipher", list]);
      if (cipher === undefined) break;
      taken.push(cipher);
    }
    assert(taken.length > 0);
    for (const cipher of taken) assertMatch(cipher, /^ECDHE-\w+-(?:AES\d+-GCM-|CHACHA20-POLY1305)/);
  }
});

Deno.test("a renewed certificate of the same authority is picked up by both listeners", async () => {
  await using stack = new AsyncDisposableStack();
  const { authority, folder, process, ports } = await startTls(stack);
  const serials = (): Promise<(number | undefined)[]> =>
    Promise.all(ports.map(async (port) => (await connect(port, [])).serial));
  assertEquals(await serials(), [1, 1]);
  const ca = await Deno.readTextFile(`${folder}/ca.pem`);
  let isDone = false;
  async function keepAsking(port: string): Promise<void> {
    while (!isDone) {
      using client = Deno.createHttpClient({ caCerts: [ca] });
      const tryOnce = async (): Promise<string> =>
        await (await fetch(`https://localhost:${port}/-/ready`, { client })).text();
      // Who connects in the moment of the change may have to try again.
      assertEquals(await tryOnce().catch(tryOnce), "ready\n");
    }
  }
  const askers = Promise.all(ports.map(keepAsking));
  try {
    await authority.issue(2);
    await Promise.race([askers, process.log.seen('msg="The certificate was renewed"')]);
    await until(async () => (await serials()).every((serial) => serial === 2), "the new one");
  } finally {
    isDone = true;
  }
  await askers;
});

Deno.test("Prometheus scrapes with credentials over TLS, and is told when they are wrong", async () => {
  await using stack = new AsyncDisposableStack();
  const vllm = stack.use(serveCapture("idle"));
  const token = "a-token-of-sufficient-length";
  const { folder, ports } = await startTls(stack, {
    VLLM_METRICS_URL: vllm.origin,
    METRICS_USERNAME: "prometheus",
    METRICS_PASSWORD: "a password of sufficient length",
    METRICS_BEARER_TOKEN: token,
  });
  const origin = `https://localhost:${ports[0]}`;
  const tls = `tls_config: {ca_file: ${folder}/ca.pem}`;
  const basic = (password: string): string =>
    `basic_auth: {username: prometheus, password: ${password}}`;
  const bearer = `authorization: {credentials: ${token}}`;
  await using prometheus = await startPrometheus({
    basic: { origin, settings: [tls, basic("a password of sufficient length")] },
    bearer: { origin, settings: [tls, bearer] },
    wrong: { origin, settings: [tls, basic("another password")] },
    missing: { origin, settings: [tls] },
    stranger: { origin, settings: [bearer] },
  });
  const targets = await prometheus.targets();
  const errorOf = (job: string): string => targets.get(job)?.lastError ?? "";
  for (const job of ["basic", "bearer"]) {
    assertEquals([targets.get(job)?.health, errorOf(job)], ["up", ""]);
  }
  for (const job of ["wrong", "missing"]) assertMatch(errorOf(job), /401 Unauthorized/);
  assertMatch(errorOf("stranger"), /x509: certificate signed by unknown authority/);
});
