import { assert, assertEquals } from "@std/assert";
import { CertificateReloader, ReloadableListener } from "../../lib/net/listener.ts";
import { readServingTlsAgain, type ServingTls } from "../../lib/config/config.ts";
import { Secret } from "../../lib/config/secret.ts";
import { createLogger, type Logger } from "../../lib/log.ts";
import { listen } from "../../main.ts";
import { LogLines, until, within } from "../fakes.ts";
import { RawClient } from "../http/raw_client.ts";
import { closedPort, pem } from "./fakes.ts";
import { startServe } from "../commands/process.ts";

/** Certificates for `localhost`, with the authority to trust for each. */
const AUTHORITIES = { server: "ca.pem", self: "self.pem" } as const;
type Name = keyof typeof AUTHORITIES;

function pairOf(name: Name): ServingTls {
  return {
    certFile: "/cert.pem",
    keyFile: "/key.pem",
    cert: pem(`${name}.pem`),
    key: new Secret(pem(`${name}.key`)),
  };
}

function loggerFor(log: LogLines): Logger {
  return createLogger({
    level: "debug",
    format: "text",
    write: (line) => log.push(line),
    now: () => 0,
  });
}

/** A listener on a port of its own; `/slow` answers in two parts. */
class TestDoor implements AsyncDisposable {
  readonly log = new LogLines();
  readonly listener: ReloadableListener;
  readonly #goOn = Promise.withResolvers<void>();

  constructor() {
    this.listener = new ReloadableListener({
      host: { listen },
      hostname: "127.0.0.1",
      port: 0,
      handler: (request) => request.url.endsWith("/slow") ? this.#slow() : new Response("fast"),
      tls: pairOf("server"),
      log: loggerFor(this.log),
    });
  }

  /** Lets the slow answers come to their end. */
  goOn(): void {
    this.#goOn.resolve();
  }

  /** Asks over a connection of its own, trusting the authority of one certificate. */
  async ask(name: Name, http2 = false): Promise<string> {
    const caCerts = [pem(AUTHORITIES[name])];
    using client = Deno.createHttpClient({ caCerts, http2, http1: !http2 });
    const response = await fetch(`https://localhost:${this.listener.port}/`, { client });
    return await response.text();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.listener.shutdown();
  }

  #slow(): Response {
    const parts = ["begin ", "end"].map((part) => new TextEncoder().encode(part));
    return new Response(
      new ReadableStream({
        pull: async (controller): Promise<void> => {
          if (parts.length === 1) await this.#goOn.promise;
          const part = parts.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(part);
        },
      }, { highWaterMark: 0 }),
    );
  }
}

/** Whether a connection fails, for its certificate or since nobody listens. */
async function isRefused(answer: Promise<string>): Promise<boolean> {
  try {
    await answer;
    return false;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return true;
  }
}

/** Waits until the previous listener gets no more connections: while open it gets every other one. */
async function untilGone(test: TestDoor, before: Name): Promise<void> {
  await until(async () => {
    for (let count = 0; count < 20; count++) {
      if (!await isRefused(test.ask(before))) return undefined;
    }
    return true;
  }, "the old certificate to be gone");
}

Deno.test("a renewed certificate is shown to all who come, and who is inside gets the rest", async () => {
  await using test = new TestDoor();
  const port = test.listener.port;
  for (const http2 of [false, true]) assertEquals(await test.ask("server", http2), "fast");
  using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")] });
  const under = await fetch(`https://localhost:${port}/slow`, { client });
  const reader = under.body?.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader?.read())?.value, "begin ");
  test.listener.reload(pairOf("self"));
  assertEquals(test.listener.port, port);
  await untilGone(test, "server");
  for (const http2 of [false, true]) assertEquals(await test.ask("self", http2), "fast");
  test.goOn();
  assertEquals((await reader?.read())?.value, "end");
  assertEquals((await reader?.read())?.done, true);
});

/** Certificates that follow on one another: the new one, and the one before. */
const CHANGES: readonly (readonly [Name, Name])[] = [
  ["self", "server"],
  ["server", "self"],
  ["self", "server"],
  ["server", "self"],
  ["self", "server"],
];

Deno.test("who connects while certificates change is answered, at the second try if need be", async () => {
  await using test = new TestDoor();
  let answers = 0;
  let isDone = false;
  async function keepAsking(): Promise<void> {
    const caCerts = Object.values(AUTHORITIES).map(pem);
    while (!isDone) {
      using client = Deno.createHttpClient({ caCerts, poolMaxIdlePerHost: 0 });
      const tryOnce = async (): Promise<string> =>
        await (await fetch(`https://localhost:${test.listener.port}/`, { client })).text();
      assertEquals(await tryOnce().catch(tryOnce), "fast");
      answers++;
    }
  }
  const askers = Promise.all(Array.from({ length: 4 }, keepAsking));
  try {
    for (const [next, before] of CHANGES) {
      test.listener.reload(pairOf(next));
      await Promise.race([askers, untilGone(test, before)]);
    }
  } finally {
    isDone = true;
  }
  await askers;
  assert(answers > 0);
});

Deno.test("a certificate that cannot be used leaves the one before", async () => {
  await using test = new TestDoor();
  const mixed = { ...pairOf("server"), key: pairOf("self").key };
  let message = "";
  try {
    test.listener.reload(mixed);
  } catch (error) {
    message = error instanceof Error ? error.message : "";
  }
  assertEquals(message, "keys may not be consistent: KeyMismatch");
  assertEquals(await test.ask("server"), "fast");
});

Deno.test("files are read again: renewed, half-written, gone, and mended", async () => {
  await using test = new TestDoor();
  const files = new Map([["/cert.pem", pem("server.pem")], ["/key.pem", pem("server.key")]]);
  const readFile = (path: string): string => {
    const text = files.get(path);
    if (text === undefined) throw new Deno.errors.NotFound();
    return text;
  };
  const read = readServingTlsAgain(pairOf("server"), readFile);
  if (!read.ok) throw new Error(read.problem);
  using renewal = new CertificateReloader({
    tls: read.tls,
    listeners: [test.listener],
    readFile,
    log: loggerFor(test.log),
  });
  const lookTwice = (): void => {
    renewal.reload();
    renewal.reload();
  };
  lookTwice();
  assertEquals(test.log.all, []);
  files.set("/cert.pem", pem("self.pem"));
  lookTwice();
  files.delete("/cert.pem");
  lookTwice();
  assertEquals(await test.ask("server"), "fast");
  files.set("/cert.pem", pem("self.pem"));
  files.set("/key.pem", pem("self.key"));
  lookTwice();
  await untilGone(test, "server");
  assertEquals(await test.ask("self"), "fast");
  // Mended and broken again, it is logged again.
  for (const key of ["server.key", "self.key", "server.key"]) {
    files.set("/key.pem", pem(key));
    lookTwice();
  }
  const warning = 'level=warn msg="Cannot renew the certificate; the one before stays" error=';
  assertEquals(test.log.all, [
    `${warning}"TLS_KEY_FILE: is not the key of the first certificate in TLS_CERT_FILE."`,
    `${warning}"TLS_CERT_FILE: cannot use \\"/cert.pem\\": there is no such file. ` +
    'Write the path of a file."',
    'level=info msg="The certificate was renewed" file=/cert.pem',
    `${warning}"TLS_KEY_FILE: is not the key of the first certificate in TLS_CERT_FILE."`,
    `${warning}"TLS_KEY_FILE: is not the key of the first certificate in TLS_CERT_FILE."`,
  ]);
});

Deno.test("a listener that has gone is closed, also when a certificate was renewed", async () => {
  const test = new TestDoor();
  test.listener.reload(pairOf("self"));
  await test.listener.shutdown();
  assertEquals(await isRefused(test.ask("self")), true);
});

Deno.test("a certificate that is renewed while a listener is broken opens it once", async () => {
  const log = new LogLines();
  const broken = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let opened = 0;
  const listener = new ReloadableListener({
    host: {
      listen: (options) => {
        const listener = listen(options);
        if (opened++ > 0) return listener;
        const shutdown = (): Promise<void> => listener.shutdown().finally(closed.resolve);
        return { ...listener, finished: broken.promise, shutdown };
      },
    },
    hostname: "127.0.0.1",
    port: 0,
    handler: () => new Response("fast"),
    tls: pairOf("server"),
    log: loggerFor(log),
  });
  const logged = log.seen("A listener broke");
  broken.reject(new Error("Too many open files"));
  await logged;
  listener.reload(pairOf("self"));
  // Later than the broken one would have been reopened.
  await closed.promise;
  assertEquals([opened, log.all.length], [2, 1], log.all.join("\n"));
  await listener.shutdown();
});

Deno.test("clients that take up all file descriptors do not end the service", async () => {
  const otlp = `127.0.0.1:${closedPort()}`;
  await using service = await startServe({
    openFiles: 100,
    env: {
      VLLM_METRICS_URL: "http://127.0.0.1:9",
      PARSEABLE_URL: "http://127.0.0.1:9",
      OTLP_LISTEN_ADDRESS: otlp,
    },
  });
  for (const origin of [await service.origin(), `http://${otlp}`]) {
    const { port } = new URL(origin);
    {
      using stack = new DisposableStack();
      const broke = service.log.seen(`msg="A listener broke; reopening it" port=${port}`);
      let isBroken = false;
      broke.then(() => isBroken = true);
      while (!isBroken) {
        try {
          stack.use(await within(RawClient.connect(origin), () => "no connection"));
        } catch (error) {
          // It is closed for a tenth of a second.
          const { ConnectionRefused, ConnectionReset } = Deno.errors;
          if (!(error instanceof ConnectionRefused || error instanceof ConnectionReset)) {
            throw error;
          }
        }
      }
      await broke;
    }
    const text = await until(async () => {
      try {
        return await (await fetch(`${origin}/-/healthy`)).text();
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return undefined;
      }
    }, "the listener to be back");
    assertEquals(text, "ok\n");
  }
  service.kill("SIGTERM");
  assertEquals(await service.code, 0);
});
